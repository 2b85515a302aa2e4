"""HeyGen's v1 streaming API: its endpoints and its session tokens.

Facts are from docs.heygen.com/reference (create-session-token, new-session, start-session,
send-task, interrupt-task, keep-alive, close-session); where one was only seen in public reports,
or is a guess, it says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask_heygen.errors import (
    AuthFailed,
    OutcomeUnknown,
    SessionClosed,
    SessionNotFound,
    UpstreamFailed,
)
from flask_heygen.http.client import ApiClient
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings

from .fields import STREAMING_FIELDS
from .responses import STREAMING_ERROR_RULES, parse_response
from .sessions import live_sessions, number, parse_room, parse_session_id, parse_token
from .starting import stop_on_error
from .token_pool import Token, TokenPool

#: Seconds after which HeyGen ends a session that nobody speaks in, unless told otherwise.
IDLE_SECONDS = 120

logger = logging.getLogger(__name__)

_T = TypeVar("_T")


class StreamingBackend:
    """The verbs of a session, each with a fresh session token."""

    base_url = "https://api.heygen.com"
    fields = STREAMING_FIELDS

    def __init__(self, settings: Settings) -> None:
        self.base_url = settings.base_url or self.base_url
        self._key = settings.api_key
        self._http = ApiClient(self.base_url)
        self._pool = TokenPool(
            lambda: self._mint(Deadline(settings.timeout)),
            size=settings.spare_tokens,
            max_age=settings.token_max_age,
        )

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Make and start a session; one that started half is stopped before the error is raised.

        ``fields`` are those of ``streaming.new``. Returns ``session_id``; ``transport``, ``url``
        and ``access_token`` of its LiveKit room; and the ``session_seconds`` (None where HeyGen
        does not tell) and ``idle_seconds`` after which HeyGen ends it.
        """
        # v2 is the version that speaks LiveKit, the only one that HeyGen still made.
        fields = {**fields, "version": "v2"}

        def begin(token: Token) -> tuple[Token, Any]:
            return token, self._call("new", fields, token, deadline)

        token, session = self._with_spare_token(begin, deadline)
        session_id = parse_session_id(session)
        if session_id is None:
            # HeyGen says that there is a session, and not which.
            raise OutcomeUnknown("HeyGen's reply named no session; one may have been started.")

        def stop(deadline: Deadline) -> None:
            self._command("stop", session_id, token, deadline)

        with stop_on_error(session_id, stop):
            room = parse_room(
                session.get("url"),
                session.get("access_token"),
                session.get("session_duration_limit"),
            )
            self._command("start", session_id, token, deadline, idempotent=False)

        return {
            "session_id": session_id,
            **room,
            "idle_seconds": fields.get("activity_idle_timeout", IDLE_SECONDS),
        }

    def task(
        self, session_id: str, text: str, task_type: str, deadline: Deadline, *, interrupt: bool
    ) -> dict[str, Any]:
        """Have the avatar speak ``text``; return ``task_id`` and ``duration_ms`` (None: untold).

        ``interrupt`` cuts it short first, by a call of its own: HeyGen ignores the field of that
        name inside a task (seen). ``task_mode`` is always async: sync would hold a worker while
        the avatar speaks.
        """
        session = {"session_id": session_id}
        task = {**session, "text": text, "task_type": task_type, "task_mode": "async"}

        def speak(token: Token) -> Any:
            if interrupt:
                self._call("interrupt", session, token, deadline, idempotent=True)
            return self._call("task", task, token, deadline)

        told = self._with_spare_token(speak, deadline)
        if not isinstance(told, dict) or not isinstance(told.get("task_id"), str):
            raise OutcomeUnknown("HeyGen's reply named no task; the text may have been spoken.")

        return {"task_id": told["task_id"], "duration_ms": number(told.get("duration_ms"))}

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:
        """Cut the avatar short; does nothing while it is silent."""
        self._command("interrupt", session_id, self._mint(deadline), deadline)
        return {}

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        """Have the idle time-out count anew."""
        self._command("keep_alive", session_id, self._mint(deadline), deadline)

    def stop(self, session_id: str, deadline: Deadline) -> None:
        """End the session, and its cost; one that has ended already is a success."""
        try:
            self._command("stop", session_id, self._mint(deadline), deadline)
        except (SessionClosed, SessionNotFound):
            logger.debug("The session to be stopped had ended already.")

    def check(self, deadline: Deadline) -> None:
        """Raise what keeps the key from being used, by minting a token that nobody will use."""
        self._mint(deadline)

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        """List the account's live sessions, as :func:`live_sessions` tells them."""
        reply = self._http.request(
            "/v1/streaming.list",
            None,
            headers={"X-Api-Key": self._key},
            deadline=deadline,
            idempotent=True,
        )
        told = parse_response(reply, STREAMING_ERROR_RULES, secrets=(self._key,), idempotent=True)
        return live_sessions(told.get("sessions") if isinstance(told, dict) else None)

    def _command(
        self,
        name: str,
        session_id: str,
        token: Token,
        deadline: Deadline,
        *,
        idempotent: bool = True,
    ) -> None:
        """Make a call that says no more than which session it is for.

        Where it is a request of its own, its token is minted on the spot: the spare ones are for
        tasks.
        """

        def act(token: Token) -> None:
            self._call(name, {"session_id": session_id}, token, deadline, idempotent=idempotent)

        self._with_token(act, token, deadline)

    def _with_spare_token(self, act: Callable[[Token], _T], deadline: Deadline) -> _T:
        token = self._pool.get() or self._mint(deadline)
        try:
            return self._with_token(act, token, deadline)
        finally:
            self._pool.refill()

    def _with_token(self, act: Callable[[Token], _T], token: Token, deadline: Deadline) -> _T:
        """Call ``act`` with a token, and once more with a new one where HeyGen refuses it."""
        try:
            return act(token)
        except AuthFailed:
            logger.warning(
                "HeyGen refused a session token %.0f s old; a new one is tried. If this repeats, "
                "set HEYGEN_TOKEN_MAX_AGE below the age at which they are refused.",
                token.age,
            )
        return act(self._mint(deadline))

    def _mint(self, deadline: Deadline) -> Token:
        """Have HeyGen mint a session token; one that nobody uses does no harm."""
        asked = time.monotonic()
        reply = self._http.request(
            "/v1/streaming.create_token",
            {},
            headers={"X-Api-Key": self._key},
            deadline=deadline,
            idempotent=True,
        )
        minted = parse_response(reply, STREAMING_ERROR_RULES, secrets=(self._key,), idempotent=True)
        value = parse_token(minted, "token")
        if value is None:
            raise UpstreamFailed("HeyGen's reply held no session token.")

        return Token(value, asked)

    def _call(
        self,
        name: str,
        body: Mapping[str, Any],
        token: Token,
        deadline: Deadline,
        *,
        idempotent: bool = False,
    ) -> Any:
        reply = self._http.request(
            f"/v1/streaming.{name}",
            body,
            headers={"Authorization": f"Bearer {token.value}"},
            deadline=deadline,
            idempotent=idempotent,
        )
        secrets = (self._key, token.value, body.get("text", ""))
        return parse_response(reply, STREAMING_ERROR_RULES, secrets=secrets, idempotent=idempotent)
