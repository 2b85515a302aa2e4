"""LiveAvatar, HeyGen's successor to its streaming API: its endpoints, in FULL mode.

Facts are from docs.liveavatar.com (create-session-token, start-session, stop-session, keep-alive,
list-sessions) and from the vendor's own web SDK; where one was only seen in public reports, or is
a guess, it says so.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from flask_heygen.errors import (
    NotConfigured,
    SessionClosed,
    SessionNotFound,
    UpstreamFailed,
)
from flask_heygen.http.client import ApiClient
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings

from .fields import LIVEAVATAR_FIELDS
from .responses import LIVEAVATAR_ERROR_RULES, parse_response
from .sessions import live_sessions, parse_room, parse_session_id, parse_token
from .starting import stop_on_error

#: Seconds after which LiveAvatar ends a session that is not kept alive.
IDLE_SECONDS = 300
#: The only avatar of the sandbox, which is free and lasts about a minute.
SANDBOX_AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
#: Pages of the list of sessions that are read at most, of 100 sessions each.
PAGES = 50

#: What makes the avatar say a text word for word, or answer it (sdk).
_EVENTS = {
    "repeat": "avatar.speak_text",
    "chat": "avatar.speak_response",
    "talk": "avatar.speak_response",
}

logger = logging.getLogger(__name__)


class LiveAvatarBackend:
    """The verbs of a session. Speaking is the page's part: no HTTP call for it exists (doc)."""

    base_url = "https://api.liveavatar.com"
    fields = LIVEAVATAR_FIELDS

    def __init__(self, settings: Settings) -> None:
        self.base_url = settings.base_url or self.base_url
        self._key = settings.api_key
        self._http = ApiClient(self.base_url)

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Make and start a session; one that started half is stopped before the error is raised.

        ``fields`` have the names that a page of the streaming API uses, where both have the thing.
        """
        # A session that was made and never started costs nothing (guess), so this may be repeated.
        made = self._call("token", _session_of(fields), deadline, idempotent=True)
        session_id, token = parse_session_id(made), parse_token(made, "session_token")
        if session_id is None or token is None:
            raise UpstreamFailed("LiveAvatar's reply held no session.")

        with stop_on_error(session_id, lambda deadline: self.stop(session_id, deadline)):
            room = self._start(token, deadline)

        return {"session_id": session_id, **room, "idle_seconds": IDLE_SECONDS}

    def task(
        self,
        session_id: str,
        text: str,
        task_type: str,
        deadline: Deadline,  # noqa: ARG002  nothing is waited for
        *,
        interrupt: bool,
    ) -> dict[str, Any]:
        """Return the message by which the page has the avatar speak."""
        task_id = str(uuid.uuid4())
        speak = {"event_id": task_id, "event_type": _EVENTS[task_type], "text": text}
        deliver = _deliver(session_id, speak)
        if interrupt:
            deliver["interrupt"] = _interrupt()  # to be published first
        return {"task_id": task_id, "duration_ms": None, "deliver": deliver}

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:  # noqa: ARG002
        """Return the message by which the page cuts the avatar short."""
        return {"deliver": _deliver(session_id, _interrupt())}

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        """Have the idle time-out count anew."""
        self._call("keep-alive", {"session_id": session_id}, deadline, idempotent=True)

    def stop(self, session_id: str, deadline: Deadline) -> None:
        """End the session, and its cost; one that has ended already is a success."""
        body = {"session_id": session_id, "reason": "USER_CLOSED"}
        try:
            self._call("stop", body, deadline, idempotent=True)
        except (SessionClosed, SessionNotFound):
            logger.debug("The session to be stopped had ended already.")

    def check(self, deadline: Deadline) -> None:
        """Raise what keeps the key from being used, by listing the sessions."""
        self._page(1, deadline)

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        """List the account's live sessions, all pages of them."""
        live: list[dict[str, Any]] = []
        for number in range(1, PAGES + 1):
            page = self._page(number, deadline)
            live += live_sessions(page.get("results"))
            # By its number: an address in a reply is not one that the key is sent to.
            if not page.get("next"):
                break
        return live

    def _start(self, token: str, deadline: Deadline) -> dict[str, Any]:
        reply = self._http.request(
            "/v1/sessions/start",
            {},
            headers={"Authorization": f"Bearer {token}"},
            deadline=deadline,
            idempotent=False,
        )
        secrets = (self._key, token)
        told = parse_response(reply, LIVEAVATAR_ERROR_RULES, secrets=secrets, idempotent=False)
        told = told if isinstance(told, dict) else {}
        return parse_room(
            told.get("livekit_url"),
            told.get("livekit_client_token"),
            told.get("max_session_duration"),
        )

    def _page(self, number: int, deadline: Deadline) -> dict[str, Any]:
        path = f"?type=active&page_size=100&page={number}"
        page = self._call(path, None, deadline, idempotent=True)
        if not isinstance(page, dict):
            raise UpstreamFailed("LiveAvatar's reply held no list of sessions.")

        return page

    def _call(
        self, name: str, body: Mapping[str, Any] | None, deadline: Deadline, *, idempotent: bool
    ) -> Any:
        path = f"/v1/sessions{name}" if name.startswith("?") else f"/v1/sessions/{name}"
        reply = self._http.request(
            path, body, headers={"X-API-KEY": self._key}, deadline=deadline, idempotent=idempotent
        )
        secrets = (self._key,)
        return parse_response(reply, LIVEAVATAR_ERROR_RULES, secrets=secrets, idempotent=idempotent)


def _session_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that makes a session of the fields that our pages and settings name."""
    rest = dict(fields)
    voice = dict(rest.pop("voice", {}))
    persona = {
        "voice_id": voice.pop("voice_id", None),
        "voice_settings": voice or None,
        "context_id": rest.pop("context_id", None),
        "language": rest.pop("language", None),
    }
    video = {"quality": rest.pop("quality", None), "encoding": rest.pop("video_encoding", None)}
    avatar_id = rest.pop("avatar_id", SANDBOX_AVATAR if rest.get("is_sandbox") else None)
    if avatar_id is None:
        raise NotConfigured("LiveAvatar needs an avatar_id; set one in HEYGEN_SESSION_DEFAULTS.")

    return {
        "mode": "FULL",
        "avatar_id": avatar_id,
        "avatar_persona": _told(persona),
        **({"video_settings": _told(video)} if _told(video) else {}),
        **rest,
    }


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _deliver(session_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "transport": "livekit",
        "topic": "agent-control",
        "payload": payload,
        # Before these have joined, which may take 30 s, commands are lost (sdk).
        "participants": ["heygen", f"liveavatar-agent-{session_id}"],
    }


def _interrupt() -> dict[str, Any]:
    return {"event_id": str(uuid.uuid4()), "event_type": "avatar.interrupt"}
