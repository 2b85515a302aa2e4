"""The way to the rooms: LiveKit's paths, whose room is open, and who may enter.

    GET /rtc             the signalling, a WebSocket
    GET /rtc/validate    why the signalling was refused
    GET /rtc/v1…         404, at which a newer client falls back to /rtc

Without the extra ``avatar`` nobody can enter, and these paths say what to install.
"""

import asyncio
import base64
import importlib.util
import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from .parameters import Order
from .records import Speech
from .refusals import Refusal
from .sessions import Sessions

if TYPE_CHECKING:
    from .room.passes import Pass, Passes
    from .room.room import Room
    from .room.sound import Sound

#: What to do where sessions cannot be joined.
ADVICE = "To see and hear the simulated avatar: pip install 'flask-heygen[avatar]'"

_CHECK_SECONDS = 0.05
# The page comes from another origin, and its client reads why it was refused.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}


def joinable() -> bool:
    """Tell whether sessions can be joined: whether the extra ``avatar`` is installed."""
    needed = ("aiortc", "livekit", "livekit.protocol", "PIL", "jwt")
    return all(importlib.util.find_spec(name) for name in needed)


class Rooms:
    """The rooms that somebody has entered; without `passes` nobody can."""

    def __init__(self, sessions: Sessions, passes: "Passes | None") -> None:
        self._sessions = sessions
        self._passes = passes
        self._rooms: dict[str, Room] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._preparing: asyncio.Future[type[Room]] | None = None

    def routes(self) -> Iterator[web.RouteDef]:
        """Every path, its method and its handler."""
        yield web.get("/rtc", self.enter)
        yield web.get("/rtc/validate", self.validate)
        yield web.get("/rtc/{newer:v1.*}", self.decline)

    async def open(self, _application: web.Application) -> None:
        """Begin, in the loop that runs until `close`."""
        self._loop = asyncio.get_running_loop()
        # One text at a time, so that tasks are spoken in the order of their coming.
        self._recording = asyncio.Lock()

    async def close(self, _application: web.Application) -> None:
        """Send everybody away; the sessions stay, as after an outage."""
        self._loop = None
        await asyncio.gather(*self._keepers)
        if self._preparing is not None:
            await self._preparing
            self._preparing = None

    def access_token(self, session_id: str, identity: str) -> str:
        """Make the token that lets somebody in; where nobody can enter, one that looks like it."""
        if self._passes is None:
            return _likeness(session_id, identity)
        return self._passes.issue(session_id, identity)

    def prepare(self) -> None:
        """Make ready, in the background, for somebody who is about to enter: it takes a second."""
        if self._passes is not None and self._preparing is None:
            self._preparing = asyncio.ensure_future(asyncio.to_thread(_room_class))

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """Let a client into a room, and attend to it until it goes."""
        guest = self._admit(request)
        socket = web.WebSocketResponse(heartbeat=20, timeout=1)
        await socket.prepare(request)
        room = await self._room(guest.session_id)
        if request.query.get("reconnect") == "1":
            await room.turn_back(socket)
            return socket

        firefox = request.query.get("browser", "").lower() == "firefox"
        # The session may have ended since; its room then sends everybody away.
        with suppress(Refusal):
            self._sessions.enter(guest.session_id)
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

    async def record(self, order: Order) -> "Sound | None":
        """Speak a task's text, for those in its room; None if nobody ever entered it."""
        room, session = self._rooms.get(order.session_id), self._sessions.find(order.session_id)
        if room is None or session is None:
            return None

        language = session.options.get("language") or "en"
        pace = (session.options.get("voice") or {}).get("rate") or 1.0
        async with self._recording:
            return await asyncio.to_thread(room.record, order.text, language, pace)

    def say(self, speech: Speech, sound: "Sound | None") -> None:
        """Have those in the room hear a recorded task."""
        room = self._rooms.get(speech.session_id)
        if room is not None and sound is not None:
            room.say(speech.task_id, sound)

    def interrupt(self, session_id: str) -> None:
        """Silence a session's avatar."""
        if session_id in self._rooms:
            self._rooms[session_id].interrupt()

    def hear(self, session_id: str, text: str) -> None:
        """Tell a room what its user said; may be called from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_heard, session_id, text)

    def _tell_heard(self, session_id: str, text: str) -> None:
        room = self._rooms.get(session_id)
        if room is None:
            return

        task_id = str(uuid.uuid4())
        room.tell({"type": "user_talking_message", "task_id": task_id, "message": text})
        room.tell({"type": "user_end_message", "task_id": task_id})

    def _admit(self, request: web.Request) -> "Pass":
        if self._passes is None:
            raise web.HTTPNotImplemented(text=ADVICE, headers=_ANY_ORIGIN)

        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        token = request.query.get("access_token") or (sent if scheme == "Bearer" else "")
        guest = self._passes.read(token)
        if guest is None:
            raise web.HTTPUnauthorized(text="invalid token", headers=_ANY_ORIGIN)
        session = self._sessions.find(guest.session_id)
        if session is None or session.state == "closed":
            raise web.HTTPNotFound(text="requested room does not exist", headers=_ANY_ORIGIN)

        return guest

    async def _room(self, session_id: str) -> "Room":
        self.prepare()
        assert self._preparing is not None  # noqa: S101  nobody gets here without the extra
        room_class = await asyncio.shield(self._preparing)
        if session_id not in self._rooms:
            self._rooms[session_id] = room_class(session_id)
            keeper = asyncio.create_task(self._keep(session_id))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        return self._rooms[session_id]

    async def _keep(self, session_id: str) -> None:
        """Hold a room open for as long as its session is."""
        # Its time, a call, another thread or a test's clock may end it.
        while self._loop is not None and self._sessions.is_open(session_id):
            await asyncio.sleep(_CHECK_SECONDS)
        deleted = not self._sessions.is_open(session_id)
        await self._rooms.pop(session_id).close(deleted=deleted)


def _room_class() -> "type[Room]":
    from .room.room import Room  # noqa: PLC0415  an extra, and slow to load

    Room.paint()
    return Room


def _likeness(session_id: str, identity: str) -> str:
    claims = {"sub": identity, "name": identity, "video": {"roomJoin": True, "room": session_id}}
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
    parts.append(secrets.token_bytes(32))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
