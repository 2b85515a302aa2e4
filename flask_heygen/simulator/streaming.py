"""HeyGen's v1 streaming API as a client meets it: docs.heygen.com/reference (doc)."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from . import parameters
from .calls import bearer, body, gone
from .clock import Clock
from .credentials import Credentials
from .door import Door
from .gate import Act
from .records import Session, Speech, Terms
from .refusals import Unauthorized, UnsupportedMediaType
from .replies import Reply, json_reply, success
from .rooms import Rooms
from .rules import Rules
from .sessions import Sessions
from .voice import Voice

_AVATARS = ("Ann_Therapist_public", "Dexter_Lawyer_public", "Marianne_Chair_Sitting_public")


class Streaming:
    """The endpoints; replies are literal where one was seen or documented."""

    def __init__(  # noqa: PLR0913, PLR0917  the parts of the account
        self,
        clock: Clock,
        credentials: Credentials,
        sessions: Sessions,
        voice: Voice,
        rooms: Rooms,
        door: Door,
        rules: Rules,
    ) -> None:
        self._clock = clock
        self._credentials = credentials
        self._sessions = sessions
        self._voice = voice
        self._rooms = rooms
        self._door = door
        self._rules = rules

    def routes(self) -> Iterator[tuple[str, str, str, Act]]:
        """Name, method, path and act of each endpoint."""
        yield "create_token", "POST", "/v1/streaming.create_token", self.create_token
        yield "new", "POST", "/v1/streaming.new", self.new
        yield "start", "POST", "/v1/streaming.start", self.start
        yield "task", "POST", "/v1/streaming.task", self.task
        yield "interrupt", "POST", "/v1/streaming.interrupt", self.interrupt
        yield "keep_alive", "POST", "/v1/streaming.keep_alive", self.keep_alive
        yield "stop", "POST", "/v1/streaming.stop", self.stop
        yield "list", "GET", "/v1/streaming.list", self.list
        yield "avatar.list", "GET", "/v1/streaming/avatar.list", self.avatars

    async def create_token(self, request: web.Request) -> Reply:
        """Mint a token: reference/create-session-token (doc)."""
        self._credentials.admit_key(request.headers.get("X-Api-Key"))
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise UnsupportedMediaType(media_type)
        if await request.read():
            parameters.nothing(await body(request))

        return json_reply({"error": None, "data": {"token": self._credentials.mint().value}})

    async def new(self, request: web.Request) -> Reply:
        """Make a session: reference/new-session (doc).

        `url` leads back here, to the session's room.
        """
        token = self._credentials.admit_unused(bearer(request))
        terms = self._terms(parameters.options(await body(request)))
        session = self._sessions.new(token.value, terms)
        self._credentials.use(token, session.session_id)

        room = f"ws://{request.host}"
        return success(
            {
                "session_id": session.session_id,
                "sdp": None,
                "ice_servers": None,
                "ice_servers2": None,
                "url": room,
                "access_token": self._door.access_token(session.session_id, "client"),
                "livekit_agent_token": self._door.access_token(session.session_id, "agent"),
                "is_paid": True,
                "session_duration_limit": self._rules.session_seconds,
                "realtime_endpoint": f"{room}/v1/realtime",
            }
        )

    async def start(self, request: web.Request) -> Reply:
        """Open the room: reference/start-session (doc; the reply a guess)."""
        session = self._sessions.start(await self._session_id(request))
        if session.state == "connecting":
            self._door.expect()
        return success(None)

    async def task(self, request: web.Request) -> Reply:
        """Speak: reference/send-task (doc); in sync mode the reply waits for the silence after."""
        token = self._credentials.admit(bearer(request))
        order = parameters.order(await body(request))
        self._check_ours(order.session_id)
        sound = await self._rooms.record(order)
        speech = self._sessions.task(
            order, token.value, None if sound is None else sound.duration_ms
        )
        self._rooms.say(speech, sound)
        if order.sync:
            await self._silence_after(speech, request)

        return success({"task_id": speech.task_id, "duration_ms": speech.duration_ms})

    async def interrupt(self, request: web.Request) -> Reply:
        """Cut current and queued speech: reference/interrupt-task (doc)."""
        session_id = await self._session_id(request)
        self._sessions.interrupt(session_id)
        self._rooms.interrupt(session_id)
        return success(None)

    async def keep_alive(self, request: web.Request) -> Reply:
        """Begin the idle countdown anew: reference/keep-alive (doc)."""
        self._sessions.keep_alive(await self._session_id(request))
        return success()

    async def stop(self, request: web.Request) -> Reply:
        """End a session: reference/close-session (doc)."""
        self._sessions.close(await self._session_id(request), "USER_CLOSED")
        return json_reply({"status": "success"})

    async def list(self, request: web.Request) -> Reply:
        """List what is open: reference/list-sessions (seen)."""
        self._credentials.admit_key(request.headers.get("X-Api-Key"))
        live = [session for session in self._sessions.live if session.api == "streaming"]
        sessions = [self._row(session) for session in live]
        return json_reply({"code": 100, "data": {"sessions": sessions}, "message": "success"})

    async def avatars(self, request: web.Request) -> Reply:
        """List some avatars, though any is taken: reference/streaming-avatar-list (doc)."""
        self._credentials.admit_key(request.headers.get("X-Api-Key"))
        return json_reply(
            {"code": 100, "message": "Success", "data": [_avatar(n) for n in _AVATARS]}
        )

    async def _session_id(self, request: web.Request) -> str:
        self._credentials.admit(bearer(request))
        session_id = parameters.session_id(await body(request))
        self._check_ours(session_id)
        return session_id

    def _check_ours(self, session_id: str) -> None:
        """Refuse a session of another product with the same 401 as a bad token (seen)."""
        session = self._sessions.find(session_id)
        if session is not None and session.api != "streaming":
            raise Unauthorized

    def _terms(self, options: Mapping[str, Any]) -> Terms:
        idle_seconds = options.get("activity_idle_timeout") or self._rules.idle_seconds
        return Terms(
            options,
            idle_seconds=None if options.get("disable_idle_timeout") else idle_seconds,
            session_seconds=self._rules.session_seconds,
            language=options.get("language") or "en",
            pace=(options.get("voice") or {}).get("rate") or 1.0,
        )

    async def _silence_after(self, speech: Speech, request: web.Request) -> None:
        # An interrupt or the session's end may bring it forward, from any thread.
        while (left := self._voice.seconds_left(speech.task_id)) > 0 and not gone(request):
            await asyncio.sleep(min(left, 0.02))

    def _row(self, session: Session) -> dict[str, object]:
        return {
            "session_id": session.session_id,
            "status": session.state,
            "created_at": self._clock.unix(session.created_at),
            "api_key_type": "regular",
        }


def _avatar(name: str) -> dict[str, object]:
    return {
        "avatar_id": name,
        "pose_name": name.partition("_")[0],
        "default_voice": "simulated",
        "is_public": True,
        "normal_preview": "",
        "status": "ACTIVE",
        "created_at": 1_735_689_600,
    }
