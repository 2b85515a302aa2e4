"""Request bodies: JSON objects of known fields, and the forms that a beacon can send."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from flask import request

from .errors import BadRequest, InvalidField, UnsupportedMediaType

#: Bytes; the longest text that can be allowed fits, each character escaped as JSON.
MAX_BODY = 1 << 20


def limit_body() -> None:
    """Limit the size of the request's body to MAX_BODY, or to the app's own smaller limit."""
    request.max_content_length = min(MAX_BODY, request.max_content_length or MAX_BODY)


def parse_json_body(allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON object in the request's body, which may have only ``allowed`` fields."""
    charset = request.mimetype_params.get("charset", "utf-8")
    if not request.is_json or charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    fields = _parse_object(request.get_data())
    if fields is None:
        raise BadRequest

    for name in fields:
        if name not in allowed:
            raise InvalidField(f"{name[:40]!r} is not a field of this route.")
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
        raise InvalidField(f"{name} is missing.")

    return value


def _parse_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
