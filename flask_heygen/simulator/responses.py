"""JSON responses in the envelope of each API."""

import json

from aiohttp import web


def json_response(content: object, *, status: int = 200, end: str = "") -> web.Response:
    """Make a response of compact JSON."""
    body = (json.dumps(content, separators=(",", ":")) + end).encode()
    return web.Response(status=status, body=body, content_type="application/json")


def success(*data: object) -> web.Response:
    """Make the v1 success envelope, with ``data`` if any is given."""
    envelope: dict[str, object] = {"code": 100, "message": "success"}
    if data:
        (envelope["data"],) = data
    return json_response(envelope)


def error(status: int, content: object) -> web.Response:
    """Make a v1 error; the vendor's bodies end in a newline (seen)."""
    return json_response(content, status=status, end="\n")


def liveavatar_success(data: object, *, status: int = 200) -> web.Response:
    """Make LiveAvatar's success envelope; 100 is documented, but the SDK takes 1000 alone (sdk)."""
    return json_response({"code": 1000, "data": data, "message": "success"}, status=status)


def liveavatar_error(status: int, code: int, message: str) -> web.Response:
    """Make LiveAvatar's error envelope."""
    return json_response({"code": code, "data": None, "message": message}, status=status)
