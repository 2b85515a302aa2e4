"""HeyGen's v1 streaming API: docs.heygen.com/reference (doc)."""

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from . import schemas
from .account import Account
from .errors import Unauthorized, UnsupportedMediaType
from .models import Session, SessionOptions, Speech
from .request_log import bearer, disconnected, json_body, room_url
from .responses import json_response, success
from .room_protocol import Message, RoomProtocol

_AVATARS = ("Ann_Therapist_public", "Dexter_Lawyer_public", "Marianne_Chair_Sitting_public")


class Streaming:
    """The endpoints; responses are literal where one was seen or documented."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tokens = account.tokens["streaming"]
        self._sessions = account.sessions
        self._rooms = account.rooms
        account.rooms.protocols["streaming"] = StreamingProtocol

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""
        path = "/v1/streaming"
        yield web.post(f"{path}.create_token", self.create_token, name="create_token")
        yield web.post(f"{path}.new", self.new, name="new")
        yield web.post(f"{path}.start", self.start, name="start")
        yield web.post(f"{path}.task", self.task, name="task")
        yield web.post(f"{path}.interrupt", self.interrupt, name="interrupt")
        yield web.post(f"{path}.keep_alive", self.keep_alive, name="keep_alive")
        yield web.post(f"{path}.start_listening", self.keep_alive, name="start_listening")
        yield web.post(f"{path}.stop_listening", self.keep_alive, name="stop_listening")
        yield web.post(f"{path}.stop", self.stop, name="stop")
        yield web.get(f"{path}.list", self.list, name="list")
        yield web.get(f"{path}/avatar.list", self.avatars, name="avatar.list")
        yield web.get("/v2/user/remaining_quota", self.quota, name="remaining_quota")

    async def create_token(self, request: web.Request) -> web.Response:
        """Mint a token: reference/create-session-token (doc)."""
        self._tokens.check_key(request.headers)
        media_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type.lower() != "application/json":
            raise UnsupportedMediaType(media_type=media_type)
        if await request.read():
            schemas.parse_empty(await json_body(request))

        return json_response({"error": None, "data": {"token": self._tokens.mint().value}})

    async def new(self, request: web.Request) -> web.Response:
        """Make a session: reference/new-session (doc); `url` is that of its room here."""
        token = self._tokens.check_unused(bearer(request))
        options = self._options(schemas.parse_new(await json_body(request)))
        session = self._sessions.new(token.value, options)
        self._tokens.use(token, session.session_id)

        room, access_tokens = room_url(request), self._account.access_tokens
        return success(
            {
                "session_id": session.session_id,
                "sdp": None,
                "ice_servers": None,
                "ice_servers2": None,
                "url": room,
                "access_token": access_tokens.issue(session.session_id, "client"),
                "livekit_agent_token": access_tokens.issue(session.session_id, "agent"),
                "is_paid": True,
                "session_duration_limit": round(self._account.config.session_seconds),
                "realtime_endpoint": f"{room}/v1/realtime",
            }
        )

    async def start(self, request: web.Request) -> web.Response:
        """Open the room: reference/start-session (doc; the response is a guess)."""
        session = self._sessions.start(await self._session_id(request))
        if session.state == "connecting":
            self._account.preload_rooms()
        return success(None)

    async def task(self, request: web.Request) -> web.Response:
        """Speak: reference/send-task (doc); sync mode responds when the text has been spoken."""
        token = self._tokens.check(bearer(request))
        task = schemas.parse_task(await json_body(request))
        self._check_api(task.session_id)
        sound = await self._rooms.synthesize(task)
        speech = self._sessions.task(task, token.value, sound.duration_ms if sound else None)
        self._rooms.say(speech, sound)
        if task.sync:
            await self._until_silent(speech, request)

        return success({"task_id": speech.task_id, "duration_ms": speech.duration_ms})

    async def interrupt(self, request: web.Request) -> web.Response:
        """Cut current and queued speech: reference/interrupt-task (doc)."""
        session_id = await self._session_id(request)
        self._sessions.interrupt(session_id)
        self._rooms.interrupt(session_id)
        return success(None)

    async def keep_alive(self, request: web.Request) -> web.Response:
        """Restart the idle countdown: reference/keep-alive (doc)."""
        self._sessions.keep_alive(await self._session_id(request))
        return success()

    async def stop(self, request: web.Request) -> web.Response:
        """End a session: reference/close-session (doc)."""
        self._sessions.close(await self._session_id(request), "USER_CLOSED")
        return json_response({"status": "success"})

    async def list(self, request: web.Request) -> web.Response:
        """List what is open: reference/list-sessions (seen)."""
        self._tokens.check_key(request.headers)
        live = [session for session in self._sessions.live if session.api == "streaming"]
        sessions = [self._row(session) for session in live]
        return json_response({"code": 100, "data": {"sessions": sessions}, "message": "success"})

    async def avatars(self, request: web.Request) -> web.Response:
        """List some avatars, though any is taken: reference/streaming-avatar-list (doc)."""
        self._tokens.check_key(request.headers)
        avatars = [_avatar(name) for name in _AVATARS]
        return json_response({"code": 100, "message": "Success", "data": avatars})

    async def quota(self, request: web.Request) -> web.Response:
        """Return the credits that are left, 60 for each (doc)."""
        self._tokens.check_key(request.headers)
        left = round(60 * self._sessions.credits_left)
        return json_response({"error": None, "data": {"remaining_quota": left, "details": {}}})

    async def _session_id(self, request: web.Request) -> str:
        self._tokens.check(bearer(request))
        session_id = schemas.parse_session_id(await json_body(request))
        self._check_api(session_id)
        return session_id

    def _check_api(self, session_id: str) -> None:
        """Refuse a session of another product with the same 401 as a bad token (seen)."""
        if self._sessions.find(session_id, "liveavatar") is not None:
            raise Unauthorized

    def _options(self, body: Mapping[str, Any]) -> SessionOptions:
        idle_seconds = body.get("activity_idle_timeout") or self._account.config.idle_seconds
        return SessionOptions(
            body,
            idle_seconds=None if body.get("disable_idle_timeout") else idle_seconds,
            session_seconds=self._account.config.session_seconds,
            language=body.get("language") or "en",
            rate=(body.get("voice") or {}).get("rate") or 1.0,
        )

    async def _until_silent(self, speech: Speech, request: web.Request) -> None:
        # An interrupt or the session's end may cut it short, from any thread.
        while (left := self._account.speech.seconds_left(speech.task_id)) > 0:
            if disconnected(request):
                return
            await asyncio.sleep(min(left, 0.02))

    def _row(self, session: Session) -> dict[str, object]:
        return {
            "session_id": session.session_id,
            "status": session.state,
            "created_at": self._account.clock.unix(session.created_at),
            "api_key_type": "regular",
        }


class StreamingProtocol(RoomProtocol):
    """The data messages of v1 (sdk)."""

    def __init__(self, session: Session) -> None:
        self._listens = bool(session.options.get("ia_is_livekit_transport"))

    def listens(self) -> bool:
        """Return whether the session was made with ia_is_livekit_transport (sdk)."""
        return self._listens

    def user_said(self, text: str) -> Iterator[Message]:
        """Return the words, and that they were all; the simulated avatar does not answer them."""
        task_id = str(uuid.uuid4())
        yield {"type": "user_talking_message", "task_id": task_id, "message": text}
        yield {"type": "user_end_message", "task_id": task_id}


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
