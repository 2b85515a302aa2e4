"""LiveAvatar's session endpoints: docs.liveavatar.com/api-reference/sessions (doc)."""

import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from aiohttp import web

from flask_heygen.simulator.account import Account
from flask_heygen.simulator.auth import unsigned_jwt
from flask_heygen.simulator.errors import LiveAvatarError, SessionNotFound, Unauthorized
from flask_heygen.simulator.models import Session, SessionOptions
from flask_heygen.simulator.request_log import bearer, json_body, room_url
from flask_heygen.simulator.responses import liveavatar_success as success

from . import rows, schemas
from .agents import Agents
from .catalog import Catalog

#: A session ends after so many seconds without speech or keep-alive (doc).
IDLE_SECONDS = 300.0
#: The free trial's limit, "about a minute" (doc).
SANDBOX_SECONDS = 60
#: The id of a voice, and of a model configuration, that the account does not have.
UNKNOWN = "unknown"

_TIMESTAMPS = range(1 << 40)


class LiveAvatar:
    """The endpoints."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._catalog = Catalog(account)
        self.agents = Agents(account, self._catalog.contexts)
        self._tokens = account.tokens["liveavatar"]
        self._sessions = account.sessions

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""
        path = "/v1/sessions"
        one = f"{path}/{{session_id}}"
        yield web.post(f"{path}/token", self.token, name="sessions.token")
        yield web.post(f"{path}/start", self.start, name="sessions.start")
        yield web.post(f"{path}/stop", self.stop, name="sessions.stop")
        yield web.post(f"{path}/keep-alive", self.keep_alive, name="sessions.keep_alive")
        yield web.get(path, self.list, name="sessions.list")
        yield web.get(one, self.get, name="sessions.get")
        yield web.get(f"{one}/transcript", self.transcript, name="sessions.transcript")
        yield web.delete(f"{one}/events", self.delete_events, name="sessions.delete_events")
        yield from self._catalog.routes()

    async def token(self, request: web.Request) -> web.Response:
        """Mint a token for one session: create-session-token (doc); it costs no slot (guess)."""
        self._tokens.check_key(request.headers)
        body = schemas.parse_token(await json_body(request))
        session_id = str(uuid.uuid4())
        # The SDK reads the mode in it.
        claims = {
            "session_id": session_id,
            "start_session_data": {"mode": "FULL", "avatar_id": body["avatar_id"]},
            "iat": int(time.time()),
        }
        token = self._tokens.add(unsigned_jwt(claims), session_id, body)
        return success({"session_id": session_id, "session_token": token.value})

    async def start(self, request: web.Request) -> web.Response:
        """Start the token's session and open its room: start-session (doc)."""
        if "Authorization" not in request.headers:
            raise LiveAvatarError(403, 4030, "Not authenticated")  # the status: live
        token = self._tokens.check(bearer(request))
        session_id = str(token.session_id)
        if self._sessions.find(session_id) is not None:
            raise LiveAvatarError(400, 4000, "Session has already been started")
        _check_meaning(token.body)

        session = self._sessions.new(token.value, self._options(token.body), session_id)
        self._sessions.start(session_id)
        self._account.preload_rooms()
        return success(
            {
                "session_id": session_id,
                "livekit_url": room_url(request),
                "livekit_client_token": self._account.access_tokens.issue(session_id, "client"),
                "livekit_agent_token": None,
                "ws_url": None,
                "max_session_duration": round(session.ends_at - session.created_at),
            },
            status=201,
        )

    async def stop(self, request: web.Request) -> web.Response:
        """End a session: stop-session (doc)."""
        session_id, reason = await self._requested_session(request)
        self._sessions.close(session_id, reason)
        return success(None)

    async def keep_alive(self, request: web.Request) -> web.Response:
        """Restart the idle countdown: keep-session-alive (doc)."""
        session_id, _ = await self._requested_session(request)
        self._sessions.keep_alive(session_id)
        return success(None)

    async def list(self, request: web.Request) -> web.Response:
        """List the active or the past sessions, in pages: list-sessions (doc)."""
        self._tokens.check_key(request.headers)
        active = schemas.parse_choice(request.query, "type", "active", "historic") == "active"
        found = self._sessions.live if active else self._sessions.sessions.values()
        return rows.page(
            request,
            [
                rows.session_row(self._account.clock, each)
                for each in found
                if each.api == "liveavatar" and active == (each.closed_at is None)
            ],
        )

    async def get(self, request: web.Request) -> web.Response:
        """Describe one session: get-session (doc)."""
        return success(rows.session_row(self._account.clock, self._session(request)))

    async def transcript(self, request: web.Request) -> web.Response:
        """Return what was said in a session: get-session-transcript (doc)."""
        session = self._session(request)
        return success(
            rows.transcript(
                self._account.clock,
                session,
                self.agents.agent(session).transcript,
                schemas.parse_integer(request.query, "start_timestamp", 0, _TIMESTAMPS),
                schemas.parse_integer(request.query, "end_timestamp", _TIMESTAMPS[-1], _TIMESTAMPS),
            )
        )

    async def delete_events(self, request: web.Request) -> web.Response:
        """Delete the transcript of a session for good: delete-session-events (openapi)."""
        self.agents.agent(self._session(request)).transcript.clear()
        return success(None)

    def _session(self, request: web.Request) -> Session:
        self._tokens.check_key(request.headers)
        return self._find(request.match_info["session_id"])

    def _find(self, session_id: str) -> Session:
        session = self._sessions.find(session_id, "liveavatar")
        if session is None:
            raise SessionNotFound

        return session

    async def _requested_session(self, request: web.Request) -> tuple[str, str]:
        """Return session and reason of a call: by its token, or by the key and the session's id."""
        token = None
        if "Authorization" in request.headers:
            token = self._tokens.check(bearer(request))
        else:
            self._tokens.check_key(request.headers)
        session_id, reason = schemas.parse_stop(await json_body(request), required=token is None)
        if token is not None and session_id not in {None, token.session_id}:
            raise Unauthorized

        return self._find(session_id or str(token and token.session_id)).session_id, reason

    def _options(self, body: Mapping[str, Any]) -> SessionOptions:
        persona = body.get("avatar_persona") or {}
        voice_agent = body.get("voice_agent") or {}
        seconds = body.get("max_session_duration") or self._account.config.session_seconds
        return SessionOptions(
            body,
            idle_seconds=IDLE_SECONDS,
            session_seconds=min(seconds, SANDBOX_SECONDS) if body.get("is_sandbox") else seconds,
            language=persona.get("language") or voice_agent.get("language") or "en",
            rate=(persona.get("voice_settings") or {}).get("speed") or 1.0,
            api="liveavatar",
        )


def _check_meaning(body: Mapping[str, Any]) -> None:
    """Raise for what the token call let pass (live)."""
    if (body.get("avatar_persona") or {}).get("voice_id") == UNKNOWN:
        raise LiveAvatarError(404, 4004, "Voice not found")
    if body.get("llm_configuration_id") == UNKNOWN:
        message = f"LLM configuration with id '{UNKNOWN}' not found in your space"
        raise LiveAvatarError(400, 4000, message)
