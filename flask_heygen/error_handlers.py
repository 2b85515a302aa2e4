"""What a browser is told when something went wrong: JSON below our prefix, nothing beyond it."""

from __future__ import annotations

import logging
from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import RoutingException

from . import errors
from .errors import HeyGenError, LimitError, UpstreamError
from .signals import tell, upstream_failed

logger = logging.getLogger(__name__)

#: The errors of Flask's own that we have better words for.
_HTTP_ERRORS: dict[int, type[HeyGenError]] = {
    401: errors.NotSignedIn,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    500: HeyGenError,
}


def answer_errors(blueprint: Blueprint) -> None:
    """Have every error in the blueprint's routes, and below its prefix, answered in JSON."""
    blueprint.register_error_handler(HeyGenError, _answer)
    blueprint.register_error_handler(HTTPException, _answer_http)
    for status in default_exceptions:
        # For each status as well: a host's handler of one would win over that of HTTPException.
        blueprint.register_error_handler(status, _answer_http)
    blueprint.record(_answer_routing_errors)


def forbid_storing(response: Response) -> Response:
    """Keep what a page was answered out of caches, as it may be the way into a session's room."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answer(error: HeyGenError) -> Response:
    """Tell the page what went wrong, and the operator where it is theirs to mend."""
    if error.status >= 500 or error.status == 429:
        upstream = f" Upstream: {error.upstream}" if error.upstream else ""
        what = f"{error.status} {error.code}: {error.message} {error.hint}{upstream}"
        # Quoted again: a path may hold the end of a line, and forge the next one.
        logger.warning("%s answered %s", quote(request.path), what)
    if isinstance(error, UpstreamError | LimitError):
        # Without its traceback, whose frames hold the text: receivers report it, variables and all.
        tell(upstream_failed, endpoint=request.endpoint, error=error.with_traceback(None))
    return _response(error)


def _answer_http(error: HTTPException) -> Response:
    """Turn an error of Flask, of the host or of another extension into JSON, its headers kept."""
    status = error.code or 500
    if status in _HTTP_ERRORS:
        answer = _HTTP_ERRORS[status]()
    else:
        answer = HeyGenError(error.description)
        answer.status, answer.code = status, error.name.lower().replace(" ", "_")
    headers = error.get_response().headers
    # The host's, never ours of a vendor's limit: a page would come back long before it may.
    answer.retry_after = headers.get("Retry-After", type=int)
    response = _response(answer)
    for name, _ in headers:
        if not name.lower().startswith("content-"):
            response.headers.setlist(name, headers.getlist(name))
    return response


def _response(error: HeyGenError) -> Response:
    response = jsonify(status="error", error=error.to_dict())
    response.status_code = error.status
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _answer_routing_errors(state: BlueprintSetupState) -> None:
    """Have a 404 or 405 below this registration's prefix answered in JSON.

    Flask hands routing errors to the app's handlers alone, whose slots are the host's.
    """
    prefix = (state.url_prefix or "").rstrip("/")
    if prefix:  # without one, no path is known to be ours
        state.app.before_request(partial(_answer_routing_error, prefix))


def _answer_routing_error(prefix: str) -> Response | None:
    error = request.routing_exception
    if error is None or isinstance(error, RoutingException):  # found, or a redirect to the route
        return None
    if not f"{request.path}/".startswith(f"{prefix}/"):
        return None

    return forbid_storing(_answer_http(error))
