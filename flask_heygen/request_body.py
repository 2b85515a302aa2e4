"""Request bodies: JSON objects of known fields, and the forms that a beacon can send."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from flask import request

from .errors import BadRequest, InvalidField, UnsupportedMediaType
from .settings import meant

#: Bytes; the longest text that can be allowed fits, each character escaped as JSON.
MAX_BODY = 1 << 20


def limit_body() -> None:
    """Limit the size of the request's body to MAX_BODY, or to the app's own smaller limit."""
    request.max_content_length = min(MAX_BODY, request.max_content_length or MAX_BODY)


def parse_json_body(required: Collection[str], optional: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON object in the request's body, which may have only these fields.

    If no field is required the body may be missing, whatever its content type.
    """
    fields = _parse_json_request() if required or _read_body() else {}

    known = (*required, *optional)
    for name in fields:
        if name not in known:
            given = name[:40]
            raise InvalidField(f"{given!r} is not a field of this route{meant(given, known)}")
    for name in required:
        if name not in fields:
            raise InvalidField(f"{name} is missing.")
    return fields


def parse_beacon(name: str) -> Any:
    """Return one field of JSON of any content type, of a form, or of the query.

    ``navigator.sendBeacon`` sends no JSON content type. Other fields are ignored, as a *stop*
    must not fail for its form: a session that is not stopped costs money.
    """
    sources: list[Any] = [_parse_object(request.get_data()) or {}, request.form, request.args]
    value = next((source[name] for source in sources if name in source), None)
    if value is None:
        _read_body()  # raises the reason if it was not read
        raise InvalidField(f"{name} is missing.")

    return value


def _parse_json_request() -> dict[str, Any]:
    body = _read_body()
    charset = request.mimetype_params.get("charset", "utf-8")
    if not request.is_json or charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    fields = _parse_object(body)
    if fields is None:
        raise BadRequest

    return fields


def _read_body() -> bytes:
    """Return the body; raise BadRequest if Werkzeug does not read it, as its length is unknown.

    In HTTP/1 such a body is announced by Transfer-Encoding, since HTTP/2 by its content type.
    """
    body, environ = request.get_data(), request.environ
    if body or request.content_length is not None or environ.get("wsgi.input_terminated"):
        return body
    http_1 = environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1")
    if "Transfer-Encoding" in request.headers or (request.mimetype and not http_1):
        raise BadRequest(
            "The body was not read, as its length is unknown: send a Content-Length, or let the "
            "server set wsgi.input_terminated."
        )
    return body


def _parse_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
