"""Error handlers: every error below the blueprint's prefix is answered in JSON."""

from __future__ import annotations

import logging
import re
from functools import partial
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import BaseConverter, Map, MapAdapter, RoutingException, Rule

from . import errors
from .errors import HeyGenError, LimitError, NotSignedIn, UpstreamError
from .signals import send, upstream_failed

logger = logging.getLogger(__name__)

#: The classes for errors of Flask and of extensions, by status.
_HTTP_ERRORS: dict[int, type[HeyGenError]] = {
    401: NotSignedIn,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    500: HeyGenError,
}


def register_error_handlers(blueprint: Blueprint) -> None:
    """Answer every error in the blueprint's views, and below its prefix, in JSON."""
    blueprint.register_error_handler(HeyGenError, _handle_error)
    blueprint.register_error_handler(HTTPException, _handle_http_exception)
    for status in default_exceptions:
        # An app's handler of one status takes precedence over a blueprint's of HTTPException.
        blueprint.register_error_handler(status, _handle_http_exception)
    blueprint.record(_register_routing_errors)


def forbid_caching(response: Response) -> Response:
    """Send ``Cache-Control: no-store``, as an answer may hold the token of a session's room."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def replace_refusal(response: Response) -> Response:
    """Replace the body of a response that refuses a user by that of NotSignedIn.

    422 is what Flask-JWT-Extended answers to a token that it cannot decode.
    """
    if response.status_code in (401, 422):
        refusal = _response(NotSignedIn())
        response.status_code = refusal.status_code
        response.content_type = refusal.content_type
        response.set_data(refusal.get_data())
    return response


def report_error(error: HeyGenError) -> None:
    """Log an error that an operator can act on, and send the signal of an upstream failure."""
    if error.status >= 500 or error.status == 429:
        upstream = f" Upstream: {error.upstream}" if error.upstream else ""
        report = f"{error.status} {error.code}: {error.message} {error.hint}{upstream}"
        # Quoted, as a path with a line break could forge a log line.
        logger.warning("%s answered %s", quote(request.path), report)
    if isinstance(error, UpstreamError | LimitError):
        # Without its traceback: error reporters show the variables of its frames, such as the text.
        send(upstream_failed, endpoint=request.endpoint, error=error.with_traceback(None))


def _handle_error(error: HeyGenError) -> Response:
    report_error(error)
    return _response(error)


def _handle_http_exception(exception: HTTPException) -> Response:
    """Answer an error of Flask, the app or another extension in JSON, and keep its headers."""
    status = exception.code or 500
    # A 404 of a loader, as of Flask-SQLAlchemy's get_or_404, is not about the route.
    if status in _HTTP_ERRORS and (status != 404 or request.routing_exception):
        error = _HTTP_ERRORS[status]()
    else:
        error = HeyGenError(exception.description)
        error.status, error.code = status, exception.name.lower().replace(" ", "_")
    headers = exception.get_response().headers
    # Not the default of RateLimited, which is for the vendor's limits.
    error.retry_after = headers.get("Retry-After", type=int)
    response = _response(error)
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


class _AnyPath(BaseConverter):
    """The rest of a path, with any characters."""

    regex = r"(?s:.*)"
    part_isolating = False


def _register_routing_errors(state: BlueprintSetupState) -> None:
    """Answer a 404 or 405 below the prefix of a registration in JSON.

    Flask passes routing errors only to the app's own error handlers.
    """
    prefix = (state.url_prefix or "").rstrip("/")
    if not re.sub("<[^<>]*>", "", prefix).strip("/"):
        return  # without a fixed part, no path is known to belong to the blueprint
    paths = Map(
        [Rule(prefix), Rule(f"{prefix}/<heygen_any:heygen_any>")],
        converters={**state.app.url_map.converters, "heygen_any": _AnyPath},
        merge_slashes=False,
    )
    state.app.before_request(partial(_answer_routing_error, paths.bind("")))


def _answer_routing_error(paths: MapAdapter) -> Response | None:
    error = request.routing_exception
    if error is None or isinstance(error, RoutingException):  # a redirect to the route
        return None
    if not paths.test(request.path):
        return None

    return forbid_caching(_handle_http_exception(error))
