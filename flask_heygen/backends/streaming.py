"""HeyGen's v1 streaming API.

Facts are from docs.heygen.com/reference (create-session-token, new-session, start-session,
send-task, interrupt-task, keep-alive, close-session, list-sessions); those marked "seen" were
reported in public, those marked "guess" are inferred.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from flask_heygen.errors import AuthFailed, OutcomeUnknown, SessionNotReady, UpstreamFailed
from flask_heygen.http.deadline import Deadline, Timestamp
from flask_heygen.settings import Settings
from flask_heygen.timing import timed
from flask_heygen.tracebacks import hold_back

from .base import MAX_STOP_WAIT, Backend, Progress, retry_when_allowed, stop_on_error
from .data import (
    get_field,
    is_id,
    parse_credits,
    parse_duration,
    parse_listed,
    parse_room,
    parse_rows,
    parse_session_id,
    parse_sessions,
    parse_text,
    parse_token,
)
from .fields import STREAMING_FIELDS
from .responses import STREAMING_ACCOUNT_RULES, STREAMING_ERROR_RULES, parse_response
from .token_pool import Token, TokenPool

#: Seconds after which HeyGen ends an idle session, by default.
IDLE_SECONDS = 120

#: The key has just minted the token, so the key is not the reason of the refusal (seen).
_REFUSED_HINT = (
    "HeyGen accepts the key, and refuses the call. This was seen for an avatar or a voice that the "
    "account may not use, and for a session of another product: check avatar_id, avatar_name and "
    "voice in HEYGEN_SESSION_DEFAULTS."
)

#: Names in the data of ``streaming.new``.
_ROOM = ("url", "access_token", "session_duration_limit")

logger = logging.getLogger(__name__)
logger.addFilter(hold_back)


class StreamingBackend(Backend):
    """The operations of a session, each with a fresh session token."""

    base_url = "https://api.heygen.com"
    fields = STREAMING_FIELDS
    credits_per_minute = 0.2

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._pool = TokenPool(
            lambda: self._create_token(Deadline(settings.timeout)),
            size=settings.spare_tokens,
            max_age=settings.token_max_age,
        )

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        fields = {**fields, "version": "v2"}  # the version with a LiveKit room
        token = self._pool.get() or self._create_token(deadline)
        try:
            session, token = self._call("new", fields, token, deadline, idempotent=False)
        finally:
            self._pool.refill()
        session_id = parse_session_id(session)
        if session_id is None:
            raise OutcomeUnknown("HeyGen's reply named no session; one may have been started.")

        body = {"session_id": session_id}

        def stop(until: Deadline) -> None:
            self._call("stop", body, token, until)

        with stop_on_error(session_id, stop):
            room = parse_room(session, _ROOM, local=self._local)
            self._call("start", body, token, deadline, idempotent=False)

        return {
            "session_id": session_id,
            **room,
            "idle_seconds": fields.get("activity_idle_timeout", IDLE_SECONDS),
            # Without this field it hears the user only over HeyGen's own websocket (sdk).
            "listening": "conversational" if fields.get("ia_is_livekit_transport") else None,
        }

    def send_task(
        self, session_id: str, text: str, task_type: str, deadline: Deadline, *, interrupt: bool
    ) -> dict[str, Any]:
        session = {"session_id": session_id}
        # In sync mode, the default, the reply comes only when the text has been spoken.
        task = {**session, "text": text, "task_type": task_type, "task_mode": "async"}
        token = self._pool.get() or self._create_token(deadline)
        try:
            if interrupt:  # HeyGen ignores the field "interrupt" of a task (seen)
                _, token = self._call("interrupt", session, token, deadline)
            data, _ = self._call("task", task, token, deadline, idempotent=False)
        finally:
            self._pool.refill()
        if not is_id(get_field(data, "task_id")):
            raise OutcomeUnknown("HeyGen's reply named no task; the text may have been spoken.")

        return {"task_id": data["task_id"], "duration_ms": parse_duration(data.get("duration_ms"))}

    def start_existing(self, session_id: str, deadline: Deadline) -> None:
        # Any state but "new" means that it was started: "connecting" or "connected".
        with suppress(SessionNotReady):
            self._command("start", session_id, deadline)

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:
        self._command("interrupt", session_id, deadline)
        return {}

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        self._command("keep_alive", session_id, deadline)

    def stop(self, session_id: str, deadline: Deadline) -> None:
        retry_when_allowed(partial(self._command, "stop", session_id), deadline, MAX_STOP_WAIT)

    def check(self, deadline: Deadline) -> list[dict[str, Any]]:
        self._create_token(deadline)  # which a start needs first
        return super().check(deadline)

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        data = self._send("/v1/streaming.list", None, deadline)
        return parse_sessions(get_field(data, "sessions"))

    def credits(self, deadline: Deadline) -> float:
        data = self._send("/v2/user/remaining_quota", None, deadline)
        return parse_credits(data, "remaining_quota") / 60

    def avatars(self, deadline: Deadline, progress: Progress) -> list[dict[str, Any]]:  # noqa: ARG002
        rows = parse_rows(self._send("/v1/streaming/avatar.list", None, deadline))
        return [
            parse_listed(
                row,
                ("avatar_id", "pose_name"),
                kind="public" if row.get("is_public") else "own",
                ready=parse_text(row, "status") == "ACTIVE",
            )
            for row in rows
        ]

    @timed("mint")
    def _create_token(self, deadline: Deadline) -> Token:
        requested = Timestamp()
        value = parse_token(self._send("/v1/streaming.create_token", {}, deadline), "token")
        if value is None:
            raise UpstreamFailed("HeyGen's reply held no session token.")

        return Token(value, requested)

    def _command(self, name: str, session_id: str, deadline: Deadline) -> None:
        """Call an endpoint that takes a session id alone; the token pool is for tasks."""
        self._call(name, {"session_id": session_id}, self._create_token(deadline), deadline)

    def _call(
        self,
        name: str,
        body: Mapping[str, Any],
        token: Token,
        deadline: Deadline,
        *,
        idempotent: bool = True,
    ) -> tuple[Any, Token]:
        """Call an endpoint, once more with a new token if HeyGen refuses the first.

        Return the reply's data and the token that was accepted.
        """
        path = f"/v1/streaming.{name}"
        try:
            return self._send(path, body, deadline, token=token, idempotent=idempotent), token
        except AuthFailed:
            logger.warning(
                "HeyGen refused a session token %.0f s old; retrying with a new one. If this "
                "repeats, set HEYGEN_TOKEN_MAX_AGE below the age at which they are refused.",
                token.age,
            )
        token = self._create_token(deadline)
        try:
            return self._send(path, body, deadline, token=token, idempotent=idempotent), token
        except AuthFailed as error:
            error.hint = _REFUSED_HINT
            raise

    def _send(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: Deadline,
        *,
        token: Token | None = None,
        idempotent: bool = True,
    ) -> Any:
        """Call an endpoint with a session token, or else with the API key."""
        secrets = (self._key, token.value if token else "", (body or {}).get("text", ""))
        headers = {"Authorization": f"Bearer {token.value}"} if token else {"X-Api-Key": self._key}
        response = self._http.request(
            path, body, headers=headers, deadline=deadline, idempotent=idempotent
        )
        rules = STREAMING_ERROR_RULES if token else STREAMING_ACCOUNT_RULES
        return parse_response(response, rules, secrets=secrets, idempotent=idempotent)
