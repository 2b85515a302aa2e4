"""What a page may send: JSON objects of known fields, and a beacon's few forms."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from flask import request

from .errors import BadRequest, InvalidField, UnsupportedMediaType

#: Bytes; more than the longest text that can be allowed takes, each character escaped as JSON.
MAX_BODY = 1 << 20


def bound_body() -> None:
    """Have a body that is too large refused when it is read; a smaller limit of the host stays."""
    request.max_content_length = min(MAX_BODY, request.max_content_length or MAX_BODY)


def fields_of(allowed: Collection[str], required: Collection[str] = ()) -> dict[str, Any]:
    """Read the JSON object of the request's body, which may hold ``allowed`` fields alone."""
    charset = request.mimetype_params.get("charset", "utf-8")
    if not request.is_json or charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType
    fields = _json_object(request.get_data())
    if fields is None:
        raise BadRequest

    for name in fields:
        if name not in allowed:
            raise InvalidField(f"{name[:40]!r} is not a field that this route takes.")
    for name in required:
        if name not in fields:
            raise InvalidField(f"{name} is missing.")
    return fields


def beacon_field(name: str) -> Any:
    """Read one field from wherever it is: ``navigator.sendBeacon`` cannot say that it sends JSON.

    Other fields are ignored: a stop saves money and must not fail for its form.
    """
    sources: list[Any] = [_json_object(request.get_data()) or {}, request.form, request.args]
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
