"""What a browser can call: a Flask blueprint with the routes of a session."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection
from functools import partial
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.routing import RoutingException

from . import errors
from .client import HeyGenClient
from .errors import HeyGenError, InvalidField
from .page_module import serve_module
from .settings import Settings

#: Bytes; more than the longest text that can be allowed takes, each character escaped as JSON.
MAX_BODY = 1 << 20

logger = logging.getLogger(__name__)

#: The errors of Flask's own that we have better words for.
_HTTP_ERRORS: dict[int, type[HeyGenError]] = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    500: HeyGenError,
}


class HeyGen(Blueprint):
    """The routes of one HeyGen account, below ``/api/<name>``.

    Register it on any app, under any name and prefix, before or after the app is configured. A
    second account in the same app is a second instance: ``HeyGen("coach", config_prefix="COACH")``
    reads ``COACH_API_KEY`` and serves ``/api/coach``.
    """

    def __init__(self, name: str = "heygen", *, config_prefix: str = "HEYGEN") -> None:
        super().__init__(name, __name__, url_prefix=f"/api/{name}")
        self.config_prefix = config_prefix
        self.post("/start", endpoint="start")(self._start)
        self.post("/task", endpoint="task")(self._task)
        self.post("/stop", endpoint="stop")(self._stop)
        self.post("/interrupt", endpoint="interrupt")(self._interrupt)
        self.post("/keep-alive", endpoint="keep_alive")(self._keep_alive)
        serve_module(self)
        self.before_request(_bound_body)
        self.after_request(_forbid_storing)
        self.register_error_handler(HeyGenError, _answer)
        for status in default_exceptions:
            # For each status: a host's handler of one would win over ours of HTTPException.
            self.register_error_handler(status, _answer_http)
        self.record(_answer_routing_errors)

    @property
    def client(self) -> HeyGenClient:
        """The client of the current app's settings, kept until they change.

        Raises:
            NotConfigured: a setting is missing or wrong; the message names it.

        """
        settings = Settings.from_mapping(current_app.config, self.config_prefix)
        clients = current_app.extensions.setdefault("heygen", {})
        client: HeyGenClient | None = clients.get(self.config_prefix)
        if client is None or client.settings != settings or client.pid != os.getpid():
            client = clients[self.config_prefix] = HeyGenClient(settings)
        return client

    def _start(self) -> dict[str, Any]:
        client = self.client
        return _success(client.start(**_fields(client.settings.session_allowed)))

    def _task(self) -> dict[str, Any]:
        fields = _fields(("session_id", "text", "task_type", "interrupt"), ("session_id", "text"))
        return _success(self.client.task(**fields))

    def _stop(self) -> dict[str, Any]:
        self.client.stop(_beacon_field("session_id"))
        return _success()

    def _interrupt(self) -> dict[str, Any]:
        self.client.interrupt(**_fields(("session_id",), ("session_id",)))
        return _success()

    def _keep_alive(self) -> dict[str, Any]:
        self.client.keep_alive(**_fields(("session_id",), ("session_id",)))
        return _success()


def _success(data: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"status": "success", "data": data or {}}


def _fields(allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Any]:
    """Read the JSON object of the request's body, which may hold ``allowed`` fields alone."""
    charset = request.mimetype_params.get("charset", "utf-8")
    if not request.is_json or charset.lower() not in ("utf-8", "utf8"):
        raise errors.UnsupportedMediaType
    fields = _json_object(request.get_data())
    if fields is None:
        raise errors.BadRequest

    for name in fields:
        if name not in allowed:
            raise InvalidField(f"{name[:40]!r} is not a field that this route takes.")
    for name in required:
        if name not in fields:
            raise InvalidField(f"{name} is missing.")
    return fields


def _beacon_field(name: str) -> Any:
    """Read one field from wherever it is: ``navigator.sendBeacon`` cannot say that it sends JSON.

    Other fields are ignored: a stop saves money and must not fail for its form.
    """
    if request.form:
        sources: list[Any] = [request.form, request.args]
    else:
        sources = [_json_object(request.get_data()) or {}, request.args]
    value = next((source[name] for source in sources if name in source), None)
    if value is None:
        raise InvalidField(f"{name} is missing.")

    return value


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _bound_body() -> None:
    request.max_content_length = min(MAX_BODY, request.max_content_length or MAX_BODY)


def _forbid_storing(response: Response) -> Response:
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _answer(error: HeyGenError) -> Response:
    """Tell the page what went wrong, and the operator where it is theirs to mend."""
    if error.status >= 500 or error.status == 429:
        upstream = f" Upstream: {error.upstream}" if error.upstream else ""
        what = f"{error.status} {error.code}: {error.message} {error.advice}{upstream}"
        logger.warning("%s answered %s", request.path, what)
    return _response(error)


def _answer_http(error: HTTPException) -> Response:
    """Turn an error of Flask, of the host or of another extension into JSON, its headers kept."""
    status = error.code or 500
    if status in _HTTP_ERRORS:
        answer = _HTTP_ERRORS[status]()
    else:
        answer = HeyGenError(error.description)
        answer.status, answer.code = status, error.name.lower().replace(" ", "_")
    response = _response(answer)
    for name, value in error.get_response().headers:
        if not name.lower().startswith("content-"):
            response.headers[name] = value
    return response


def _response(error: HeyGenError) -> Response:
    response = jsonify(status="error", error=error.answer())
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

    return _answer_http(error)


#: The blueprint of the account in ``HEYGEN_API_KEY``.
heygen_bp = HeyGen()
