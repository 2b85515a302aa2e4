"""LiveAvatar's calls as a client meets them: docs.liveavatar.com/api-reference/sessions (doc)."""

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from flask_heygen.simulator.calls import bearer, body
from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.credentials import Credentials
from flask_heygen.simulator.door import Door
from flask_heygen.simulator.gate import Act
from flask_heygen.simulator.lookalike import lookalike
from flask_heygen.simulator.records import Session, Terms
from flask_heygen.simulator.refusals import Refusal, SessionNotFound, Unauthorized
from flask_heygen.simulator.replies import Reply
from flask_heygen.simulator.sessions import Sessions

from . import bodies, listing
from .agents import Agents
from .refusals import AlreadyStarted, in_own_words
from .replies import success

#: A session ends when nobody spoke, or kept it alive, for so many seconds (doc).
IDLE_SECONDS = 300.0
#: The free trial's limit, "about a minute" (doc).
SANDBOX_SECONDS = 60


class LiveAvatar:
    """The endpoints, in FULL mode."""

    def __init__(  # noqa: PLR0913  the parts that it shares with the streaming API
        self,
        clock: Clock,
        credentials: Credentials,
        sessions: Sessions,
        door: Door,
        agents: Agents,
        *,
        session_seconds: float,
    ) -> None:
        self._clock = clock
        self._credentials = credentials
        self._sessions = sessions
        self._door = door
        self._agents = agents
        self._session_seconds = session_seconds
        # What the sessions that have a token and no start are to be made of.
        self._asked: dict[str, Terms] = {}

    def routes(self) -> Iterator[tuple[str, str, str, Act]]:
        """Name, method, path and act of each endpoint."""
        path = "/v1/sessions"
        yield "sessions.token", "POST", f"{path}/token", _outspoken(self.token)
        yield "sessions.start", "POST", f"{path}/start", _outspoken(self.start)
        yield "sessions.stop", "POST", f"{path}/stop", _outspoken(self.stop)
        yield "sessions.keep_alive", "POST", f"{path}/keep-alive", _outspoken(self.keep_alive)
        yield "sessions.list", "GET", path, _outspoken(self.list)
        told = f"{path}/{{session_id}}/transcript"
        yield "sessions.transcript", "GET", told, _outspoken(self.transcript)

    async def token(self, request: web.Request) -> Reply:
        """Mint a token for one session: create-session-token (doc); it costs no slot (guess)."""
        self._admit_key(request)
        options = bodies.options(await body(request))
        session_id = str(uuid.uuid4())
        # The SDK reads the mode in it.
        claims = {
            "session_id": session_id,
            "start_session_data": {"mode": "FULL", "avatar_id": options["avatar_id"]},
            "iat": int(time.time()),
        }
        token = self._credentials.issue(lookalike(claims), session_id)
        self._asked[session_id] = self._terms(options)
        return success({"session_id": session_id, "session_token": token.value})

    async def start(self, request: web.Request) -> Reply:
        """Make the token's session and open its room: start-session (doc)."""
        token = self._credentials.admit(bearer(request))
        session_id = str(token.session_id)
        if self._sessions.find(session_id) is not None:
            raise AlreadyStarted

        session = self._sessions.new(token.value, self._asked[session_id], session_id)
        del self._asked[session_id]
        self._sessions.start(session_id)
        self._door.expect()
        return success(
            {
                "session_id": session_id,
                "livekit_url": f"ws://{request.host}",
                "livekit_client_token": self._door.access_token(session_id, "client"),
                "livekit_agent_token": self._door.access_token(session_id, "agent"),
                "max_session_duration": round(session.ends_at - session.created_at),
            },
            status=201,
        )

    async def stop(self, request: web.Request) -> Reply:
        """End a session: stop-session (doc)."""
        session_id, reason = await self._named(request)
        self._sessions.close(session_id, reason)
        return success(None)

    async def keep_alive(self, request: web.Request) -> Reply:
        """Begin the idle countdown anew: keep-session-alive (doc)."""
        session_id, _ = await self._named(request)
        self._sessions.keep_alive(session_id)
        return success(None)

    async def list(self, request: web.Request) -> Reply:
        """List what is open, in pages: list-sessions (doc); past sessions are not simulated."""
        self._admit_key(request)
        kind = bodies.choice(request.query, "type", "active", "historic")
        size = bodies.number(request.query, "page_size", 20, 100)
        number = bodies.number(request.query, "page", 1, 1_000_000)
        live = self._sessions.live if kind == "active" else []
        rows = [listing.row(self._clock, each) for each in live if each.api == "liveavatar"]
        address = f"http://{request.host}{request.path}?type={kind}"
        return success(listing.page(rows, address, number, size))

    async def transcript(self, request: web.Request) -> Reply:
        """Tell what was said in a session: get-session-transcript (doc)."""
        self._admit_key(request)
        session = self._session(request.match_info["session_id"])
        said = self._agents.agent(session).transcript
        return success(listing.transcript(self._clock, session, said))

    def reset(self) -> None:
        """Forget what was asked for."""
        self._asked.clear()

    def _admit_key(self, request: web.Request) -> None:
        self._credentials.admit_key(request.headers.get("X-Api-Key"))

    async def _named(self, request: web.Request) -> tuple[str, str]:
        """Tell which session a call is for, and why: by its token, or by the key and its id."""
        token = None
        if "Authorization" in request.headers:
            token = self._credentials.admit(bearer(request))
        else:
            self._admit_key(request)
        session_id, reason = bodies.named(await body(request), required=token is None)
        if token is not None and session_id not in {None, token.session_id}:
            raise Unauthorized

        return self._session(session_id or str(token and token.session_id)).session_id, reason

    def _session(self, session_id: str) -> Session:
        session = self._sessions.find(session_id)
        if session is None or session.api != "liveavatar":
            raise SessionNotFound

        return session

    def _terms(self, options: Mapping[str, Any]) -> Terms:
        persona = options["avatar_persona"]
        seconds = options.get("max_session_duration") or self._session_seconds
        return Terms(
            options,
            idle_seconds=IDLE_SECONDS,
            session_seconds=min(seconds, SANDBOX_SECONDS) if options.get("is_sandbox") else seconds,
            language=persona.get("language") or "en",
            pace=(persona.get("voice_settings") or {}).get("speed") or 1.0,
            api="liveavatar",
        )


def _outspoken(act: Act) -> Act:
    async def outspoken(request: web.Request) -> Reply:
        try:
            return await act(request)
        except Refusal as refusal:
            raise in_own_words(refusal) from None

    return outspoken
