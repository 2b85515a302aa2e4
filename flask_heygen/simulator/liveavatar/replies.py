"""LiveAvatar's envelope, and which pages may read it."""

from aiohttp import web

from flask_heygen.simulator.replies import Reply, json_reply

#: The paths that pages call by themselves.
PATHS = "/v1/sessions"
_ALLOWED = "Authorization, Content-Type, X-API-KEY"


def success(content: object, *, status: int = 200) -> Reply:
    """Make the success envelope; 100 is documented, but the SDK takes no other code (sdk)."""
    envelope = {"code": 1000, "data": content, "message": "success"}
    return json_reply(envelope, status=status)


async def permit(_request: web.Request) -> web.Response:
    """Answer a browser that asks whether a page may call."""
    return web.Response(status=204)


async def share(request: web.Request, response: web.StreamResponse) -> None:
    """Let the page of any origin read a reply: the SDK calls from there, with credentials (sdk)."""
    origin = request.headers.get("Origin")
    if origin is None or not request.path.startswith(PATHS):
        return

    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Allow-Headers"] = _ALLOWED
    response.headers["Access-Control-Allow-Methods"] = "GET, POST"
    response.headers["Vary"] = "Origin"
