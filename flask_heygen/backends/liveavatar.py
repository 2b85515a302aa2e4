"""LiveAvatar, the successor of HeyGen's streaming API, in FULL mode.

Facts are from docs.liveavatar.com (create-session-token, start-session, stop-session, keep-alive,
list-sessions, its OpenAPI pages) and from the vendor's web SDK; those marked "guess" are inferred.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask_heygen.errors import (
    AuthFailed,
    HeyGenError,
    SessionClosed,
    SessionNotFound,
    UpstreamFailed,
)
from flask_heygen.http.deadline import Deadline, Timestamp
from flask_heygen.settings import Settings
from flask_heygen.timing import timed
from flask_heygen.tracebacks import hold_back

from .base import (
    MAX_STOP_WAIT,
    Backend,
    Progress,
    no_progress,
    retry_when_allowed,
    stop_on_error,
)
from .data import (
    get_field,
    parse_credits,
    parse_listed,
    parse_number,
    parse_room,
    parse_rows,
    parse_session,
    parse_session_id,
    parse_sessions,
    parse_text,
    parse_token,
    parse_transcript,
)
from .fields import LIVEAVATAR_FIELDS
from .liveavatar_messages import PERSONA_FIELDS, interrupt_message, session_body, speak_message
from .responses import LIVEAVATAR_ACCOUNT_RULES, LIVEAVATAR_ERROR_RULES, parse_response
from .token_pool import Token, TokenPool

#: Seconds after which LiveAvatar ends a session that is not kept alive.
IDLE_SECONDS = 300
#: Seconds after which it ends a session of the sandbox: "about a minute".
SANDBOX_SECONDS = 60
#: Pages of a list that are read at most, of 100 rows each.
MAX_PAGES = 50
#: The key has just minted the session's token, so the key is not the reason of the refusal (guess).
_REFUSED_HINT = (
    "LiveAvatar accepts the key, and refuses to start the session: check avatar_id, voice, "
    "context_id and voice_agent in the session defaults."
)
#: Names in the data of ``sessions/start``.
_ROOM = ("livekit_url", "livekit_client_token", "max_session_duration")
#: What the paths that concern no session begin with.
_ACCOUNT_PATHS = ("/sessions/token", "/sessions?", "/users/", "/avatars", "/voices")

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


class LiveAvatarBackend(Backend):
    """The operations of a session. The page publishes each task: no HTTP call for it exists."""

    base_url = "https://api.liveavatar.com"
    fields = LIVEAVATAR_FIELDS
    credits_per_minute = 2.0
    responding_fields = ("context_id", "voice_agent")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        #: The fields of which sessions are created ahead: most starts have no others.
        self._defaults = deepcopy(dict(settings.session_defaults))
        self._pool = TokenPool(
            lambda: self._create_session(self._defaults, Deadline(settings.timeout)),
            size=settings.spare_tokens,
            max_age=settings.token_max_age,
        )

    def validate(self, fields: Mapping[str, Any]) -> str | None:
        clash = [name for name in PERSONA_FIELDS if name in fields]
        if "voice_agent" in fields and clash:
            return f"voice_agent has its own {', '.join(clash)}; set either."
        return super().validate(fields)

    def missing(self, fields: Mapping[str, Any]) -> str | None:
        if "avatar_id" in fields or fields.get("is_sandbox"):
            return None
        return "LiveAvatar needs an avatar_id, one of `flask heygen avatars`"

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        if fields != self._defaults:
            return self._start(self._create_session(fields, deadline), fields, deadline)
        spare = self._pool.get()
        try:
            if spare is not None:
                # After no other error is it certain that nothing runs. stop_on_error raises the
                # last two only if the session was stopped, or is unknown to the vendor.
                with suppress(AuthFailed, SessionClosed, SessionNotFound):
                    return self._start(spare, fields, deadline, harmless=(AuthFailed,))
                logger.warning(
                    "LiveAvatar refused to start a session that was created %.0f s before; "
                    "starting another one. If this repeats, set HEYGEN_TOKEN_MAX_AGE below the age "
                    "at which they are refused.",
                    spare.age,
                )
            return self._start(self._create_session(fields, deadline), fields, deadline)
        finally:
            self._pool.refill()

    def send_task(
        self,
        session_id: str,
        text: str,
        task_type: str,
        deadline: Deadline,  # noqa: ARG002  no call is made
        *,
        interrupt: bool,
    ) -> dict[str, Any]:
        task_id, deliver = speak_message(session_id, text, task_type)
        if interrupt:
            deliver["interrupt"] = interrupt_message(session_id)["payload"]  # published first
        return {"task_id": task_id, "duration_ms": None, "deliver": deliver}

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:  # noqa: ARG002
        return {"deliver": interrupt_message(session_id)}

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        # By the key, whose rate limit all sessions share: a session's own token is not kept.
        body = {"session_id": session_id}
        retry_when_allowed(lambda left: self._call("/sessions/keep-alive", body, left), deadline)

    def stop(self, session_id: str, deadline: Deadline) -> None:
        retry_when_allowed(partial(self._stop, session_id), deadline, MAX_STOP_WAIT)

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        return parse_sessions(self._rows("/sessions", deadline, type="active"))

    def session(self, session_id: str, deadline: Deadline) -> dict[str, Any]:
        return parse_session(self._call(f"/sessions/{session_id}", None, deadline))

    def transcript(self, session_id: str, deadline: Deadline) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        start, following = -1, 0
        while following > start:
            start = following
            path = f"/sessions/{session_id}/transcript?start_timestamp={start}"
            page, following = parse_transcript(self._call(path, None, deadline))
            rows += page
        return rows

    def delete_transcript(self, session_id: str, deadline: Deadline) -> None:
        self._call(f"/sessions/{session_id}/events", None, deadline, method="DELETE")

    def credits(self, deadline: Deadline) -> float:
        return parse_credits(self._call("/users/credits", None, deadline), "credits_left")

    def avatars(self, deadline: Deadline, progress: Progress) -> list[dict[str, Any]]:
        own = self._rows("/avatars", deadline, progress)
        public = self._rows("/avatars/public", deadline, progress)
        return [
            parse_listed(
                row,
                ("id", "name"),
                kind=f"{kind} {parse_text(row, 'type').lower()}",
                ready=parse_text(row, "status") == "ACTIVE" and not row.get("is_expired"),
            )
            for kind, rows in (("own", own), ("public", public))
            for row in rows
        ]

    def voices(self, deadline: Deadline, progress: Progress) -> list[dict[str, Any]]:
        return [
            parse_listed(row, ("id", "name"), kind=kind, ready=True)
            for kind in ("private", "public")
            for row in self._rows("/voices", deadline, progress, voice_type=kind)
        ]

    @timed("mint")
    def _create_session(self, fields: Mapping[str, Any], deadline: Deadline) -> Token:
        """Create a session, and the token that starts it.

        One that is never started costs nothing (guess), and counts for no limit: that is checked
        as a session is started (live).
        """
        requested = Timestamp()
        session = self._call("/sessions/token", session_body(fields), deadline)
        session_id, token = parse_session_id(session), parse_token(session, "session_token")
        if session_id is None or token is None:
            raise UpstreamFailed("LiveAvatar's reply held no session.")

        return Token(token, requested, session_id)

    def _start(
        self,
        created: Token,
        fields: Mapping[str, Any],
        deadline: Deadline,
        harmless: tuple[type[HeyGenError], ...] = (),
    ) -> dict[str, Any]:
        session_id, token = created.session_id, created.value
        with stop_on_error(session_id, partial(self._stop, session_id), harmless):
            try:
                data = self._call("/sessions/start", {}, deadline, token=token, idempotent=False)
            except AuthFailed as error:
                error.hint = _REFUSED_HINT
                raise
            room = parse_room(data, _ROOM, local=self._local)
        if room["session_seconds"] is None:  # the reply need not have it
            sandbox = SANDBOX_SECONDS if fields.get("is_sandbox") else None
            limits = filter(None, (sandbox, fields.get("max_session_duration")))
            room["session_seconds"] = min(limits, default=None)

        return {
            "session_id": session_id,
            **room,
            "idle_seconds": IDLE_SECONDS,
            "listening": fields.get("interactivity_type", "CONVERSATIONAL").lower(),
        }

    def _stop(self, session_id: str, deadline: Deadline) -> None:
        body = {"session_id": session_id, "reason": "USER_CLOSED"}
        self._call("/sessions/stop", body, deadline)

    def _rows(
        self, path: str, deadline: Deadline, progress: Progress = no_progress, **query: str
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for number in range(1, MAX_PAGES + 1):
            parameters = urlencode({**query, "page_size": 100, "page": number})
            page = self._call(f"{path}?{parameters}", None, deadline)
            rows += parse_rows(get_field(page, "results"))
            progress(len(rows), max(len(rows), int(parse_number(page.get("count")) or 0)))
            # By its number: the key is not sent to an address that a reply names.
            if not page.get("next"):
                break
        return rows

    def _call(  # noqa: PLR0913  the parts of a request
        self,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: Deadline,
        *,
        method: str = "",
        token: str = "",
        idempotent: bool = True,
    ) -> Any:
        """Call an endpoint with a session token, or else with the API key."""
        headers = {"Authorization": f"Bearer {token}"} if token else {"X-API-KEY": self._key}
        response = self._http.request(
            f"/v1{path}",
            body,
            headers=headers,
            deadline=deadline,
            idempotent=idempotent,
            method=method,
        )
        # A path that does not exist, as below a wrong HEYGEN_BASE_URL, is 404 like a session.
        about_account = path.startswith(_ACCOUNT_PATHS)
        rules = LIVEAVATAR_ACCOUNT_RULES if about_account else LIVEAVATAR_ERROR_RULES
        secrets = (self._key, token)
        return parse_response(response, rules, secrets=secrets, idempotent=idempotent)
