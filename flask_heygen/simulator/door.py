"""The door to the rooms: LiveKit's paths, and who may enter.

    GET /rtc             the signalling, a WebSocket
    GET /rtc/validate    why the signalling was refused
    GET /rtc/v1…         404, at which a newer client falls back to /rtc

Without the extra ``avatar`` nobody can enter, and these paths say what to install.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from .clock import Clock
from .lookalike import lookalike
from .records import Session
from .refusals import Refusal
from .rooms import Rooms
from .sessions import Sessions

if TYPE_CHECKING:
    from .room.passes import Pass, Passes

#: What to do where sessions cannot be joined.
ADVICE = "To see and hear the simulated avatar: pip install 'flask-heygen[avatar]'"

# The page comes from another origin, and its client reads why it was refused.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
# Seconds.
_HEARTBEAT, _FAREWELL = 20, 1


def joinable() -> bool:
    """Tell whether sessions can be joined: whether the extra ``avatar`` is installed."""
    needed = ("aiortc", "livekit", "livekit.protocol", "PIL", "jwt")
    return all(importlib.util.find_spec(name) for name in needed)


class Door:
    """The one way into the rooms."""

    def __init__(self, clock: Clock, sessions: Sessions, rooms: Rooms) -> None:
        self._rooms = rooms
        self._sessions = sessions
        self._passes = _passes(clock)

    def routes(self) -> Iterator[web.RouteDef]:
        """Every path, its method and its handler."""
        yield web.get("/rtc", self.enter)
        yield web.get("/rtc/validate", self.validate)
        yield web.get("/rtc/{newer:v1.*}", self.decline)

    def access_token(self, session_id: str, identity: str) -> str:
        """Make the token that lets somebody in; where nobody can enter, one that looks like it."""
        if self._passes is None:
            video = {"roomJoin": True, "room": session_id}
            return lookalike({"sub": identity, "name": identity, "video": video})
        return self._passes.issue(session_id, identity)

    def expect(self) -> None:
        """Make ready for somebody who is about to enter."""
        if self._passes is not None:
            self._rooms.prepare()

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Let a client into a room, and attend to it until it goes."""
        guest, session = self._admit(request)
        socket = web.WebSocketResponse(heartbeat=_HEARTBEAT, timeout=_FAREWELL)
        await socket.prepare(request)
        room = await self._rooms.room(session)
        if request.query.get("reconnect") == "1":
            await room.turn_back(socket)
            return socket

        # The session may have ended since; its room then sends everybody away.
        with suppress(Refusal):
            self._sessions.enter(guest.session_id)
        firefox = request.query.get("browser", "").lower() == "firefox"
        try:
            await room.attend(socket, guest.identity, firefox=firefox)
        finally:
            if room.empty:
                self._sessions.leave(guest.session_id)
        return socket

    async def validate(self, request: web.Request) -> web.Response:
        """Tell a client whether it may enter, or why not."""
        self._admit(request)
        return web.Response(text="success", headers=_ANY_ORIGIN)

    async def decline(self, _request: web.Request) -> web.Response:
        """Send a newer client to /rtc."""
        return web.Response(status=404, headers=_ANY_ORIGIN)

    def _admit(self, request: web.Request) -> "tuple[Pass, Session]":
        if self._passes is None:
            raise web.HTTPNotImplemented(text=ADVICE, headers=_ANY_ORIGIN)

        # Browsers send it in the query, Rust clients in the header.
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        token = request.query.get("access_token") or (sent if scheme == "Bearer" else "")
        guest = self._passes.read(token)
        if guest is None:
            raise web.HTTPUnauthorized(text="invalid token", headers=_ANY_ORIGIN)
        session = self._sessions.find_open(guest.session_id)
        if session is None:
            raise web.HTTPNotFound(text="requested room does not exist", headers=_ANY_ORIGIN)

        return guest, session


def _passes(clock: Clock) -> "Passes | None":
    if not joinable():
        return None

    from .room.passes import Passes  # noqa: PLC0415  an extra

    return Passes(clock)
