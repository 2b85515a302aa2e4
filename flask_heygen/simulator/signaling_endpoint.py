"""LiveKit's paths, by which clients join rooms.

    GET /rtc             the signaling, a WebSocket
    GET /rtc/validate    why the signaling was refused
    GET /rtc/v1…         404, at which a newer client falls back to /rtc
    HEAD /               whether the network is back, after which a client joins again

Without the extra ``avatar`` rooms cannot be joined, and these paths say what to install.
"""

from collections.abc import Iterator
from contextlib import suppress

from aiohttp import web

from .account import Account
from .auth import joinable
from .errors import ApiError
from .models import Session

#: The message where sessions cannot be joined.
INSTALL_HINT = "To see and hear the simulated avatar: pip install 'flask-heygen[avatar]'"

# The page comes from another origin, and its client reads why it was refused.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
# Seconds.
_HEARTBEAT, _CLOSE_TIMEOUT = 20, 1


class SignalingEndpoint:
    """The handlers of LiveKit's paths."""

    def __init__(self, account: Account) -> None:
        self._access_tokens = account.access_tokens
        self._rooms = account.rooms
        self._sessions = account.sessions

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""
        yield web.get("/rtc", self.join)
        yield web.get("/rtc/validate", self.validate)
        yield web.get("/rtc/{newer:v1.*}", self.decline)
        yield web.head("/", self.ping)

    async def join(self, request: web.Request) -> web.StreamResponse:
        """Let a client into a room, and serve it until it leaves."""
        session, identity = self._authorize(request)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, timeout=_CLOSE_TIMEOUT)
        await socket.prepare(request)
        room = await self._rooms.open(session)
        if request.query.get("reconnect") == "1":
            await room.refuse_resume(socket)
            return socket

        # The session may have ended since; its room then sends everybody away.
        with suppress(ApiError):
            self._sessions.enter(session.session_id)
        firefox = request.query.get("browser", "").lower() == "firefox"
        try:
            await room.serve(socket, identity, firefox=firefox)
        finally:
            if room.empty:
                self._sessions.leave(session.session_id)
        return socket

    async def validate(self, request: web.Request) -> web.Response:
        """Respond whether a client may join, or why not."""
        self._authorize(request)
        return web.Response(text="success", headers=_ANY_ORIGIN)

    async def decline(self, _request: web.Request) -> web.Response:
        """Respond with 404, on which a newer client falls back to /rtc."""
        return web.Response(status=404, headers=_ANY_ORIGIN)

    async def ping(self, _request: web.Request) -> web.Response:
        """Respond that the server is there."""
        return web.Response(headers=_ANY_ORIGIN)

    def _authorize(self, request: web.Request) -> tuple[Session, str]:
        if not joinable():
            raise web.HTTPNotImplemented(text=INSTALL_HINT, headers=_ANY_ORIGIN)

        # Browsers send it in the query, Rust clients in the header.
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        token = request.query.get("access_token") or (sent if scheme == "Bearer" else "")
        try:
            session_id, identity = self._access_tokens.read(token)
        except ApiError as error:
            raise web.HTTPUnauthorized(text="invalid token", headers=_ANY_ORIGIN) from error
        session = self._sessions.find_open(session_id)
        if session is None:
            raise web.HTTPNotFound(text="requested room does not exist", headers=_ANY_ORIGIN)

        return session, identity
