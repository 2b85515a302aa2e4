"""LiveAvatar, the successor of HeyGen's streaming API, in FULL mode.

Facts are from docs.liveavatar.com (create-session-token, start-session, stop-session, keep-alive,
list-sessions) and from the vendor's web SDK ("sdk"); those marked "guess" are inferred.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from flask_heygen.errors import UpstreamFailed
from flask_heygen.http.client import ApiClient
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings, is_local

from .base import Backend, stop_on_error
from .data import parse_room, parse_session_id, parse_sessions, parse_token
from .fields import LIVEAVATAR_FIELDS
from .responses import LIVEAVATAR_ERROR_RULES, parse_response

#: Seconds after which LiveAvatar ends a session that is not kept alive.
IDLE_SECONDS = 300
#: The avatar of the sandbox, which is free and ends a session after about a minute.
SANDBOX_AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
#: Pages of a list that are read at most, of 100 rows each.
MAX_PAGES = 50

#: The events that make the avatar speak a text word for word, or answer it (sdk).
_EVENTS = {
    "repeat": "avatar.speak_text",
    "chat": "avatar.speak_response",
    "talk": "avatar.speak_response",
}
#: Names in the data of ``sessions/start``.
_ROOM = ("livekit_url", "livekit_client_token", "max_session_duration")


class LiveAvatarBackend(Backend):
    """The operations of a session. The page publishes each task: no HTTP call for it exists."""

    base_url = "https://api.liveavatar.com"
    fields = LIVEAVATAR_FIELDS

    def __init__(self, settings: Settings) -> None:
        self.base_url = settings.base_url or self.base_url
        self._key = settings.api_key
        self._local = is_local(self.base_url)
        self._http = ApiClient(self.base_url)

    def close(self) -> None:
        self._http.close()

    def missing(self, fields: Mapping[str, Any]) -> str | None:
        if "avatar_id" in fields or fields.get("is_sandbox"):
            return None
        return "LiveAvatar needs an avatar_id; set one in HEYGEN_SESSION_DEFAULTS."

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        # A session that was created and never started costs nothing (guess).
        session = self._call("/sessions/token", _session_body(fields), deadline)
        session_id, token = parse_session_id(session), parse_token(session, "session_token")
        if session_id is None or token is None:
            raise UpstreamFailed("LiveAvatar's reply held no session.")

        with stop_on_error(session_id, lambda deadline: self.stop(session_id, deadline)):
            data = self._call("/sessions/start", {}, deadline, token=token, idempotent=False)
            room = parse_room(data, _ROOM, local=self._local)

        listening = fields.get("interactivity_type", "CONVERSATIONAL").lower()
        return {
            "session_id": session_id,
            **room,
            "idle_seconds": IDLE_SECONDS,
            "listening": listening,
        }

    def send_task(
        self,
        session_id: str,
        text: str,
        task_type: str,
        deadline: Deadline,  # noqa: ARG002  no call is made
        *,
        interrupt: bool,
    ) -> dict[str, Any]:
        task_id = str(uuid.uuid4())
        speak = {"event_id": task_id, "event_type": _EVENTS[task_type], "text": text}
        deliver = _deliver(session_id, speak)
        if interrupt:
            deliver["interrupt"] = _interrupt()  # to be published first
        return {"task_id": task_id, "duration_ms": None, "deliver": deliver}

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:  # noqa: ARG002
        return {"deliver": _deliver(session_id, _interrupt())}

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        self._call("/sessions/keep-alive", {"session_id": session_id}, deadline)

    def stop(self, session_id: str, deadline: Deadline) -> None:
        body = {"session_id": session_id, "reason": "USER_CLOSED"}
        self._call("/sessions/stop", body, deadline)

    def check(self, deadline: Deadline) -> None:
        self._page("/sessions?type=active", 1, deadline)

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        return parse_sessions(self._rows("/sessions?type=active", deadline))

    def _rows(self, path: str, deadline: Deadline) -> list[Any]:
        rows: list[Any] = []
        for number in range(1, MAX_PAGES + 1):
            page = self._page(path, number, deadline)
            rows += page["results"]
            # By its number: the key is not sent to an address that a reply names.
            if not page.get("next"):
                break
        return rows

    def _page(self, path: str, number: int, deadline: Deadline) -> dict[str, Any]:
        page = self._call(f"{path}&page_size=100&page={number}", None, deadline)
        if not isinstance(page, dict) or not isinstance(page.get("results"), list):
            raise UpstreamFailed("LiveAvatar's reply held no list.")

        return page

    def _call(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        deadline: Deadline,
        *,
        token: str = "",
        idempotent: bool = True,
    ) -> Any:
        """Call an endpoint with a session token, or else with the API key."""
        response = self._http.request(
            f"/v1{path}",
            body,
            headers={"Authorization": f"Bearer {token}"} if token else {"X-API-KEY": self._key},
            deadline=deadline,
            idempotent=idempotent,
        )
        secrets = (self._key, token)
        return parse_response(
            response, LIVEAVATAR_ERROR_RULES, secrets=secrets, idempotent=idempotent
        )


def _session_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that creates a session, from the field names of pages and settings."""
    rest = dict(fields)
    voice = dict(rest.pop("voice", {}))
    if "rate" in voice:  # v1's name
        voice["speed"] = voice.pop("rate")
    persona = {
        "voice_id": voice.pop("voice_id", None),
        "voice_settings": voice or None,
        "context_id": rest.pop("context_id", None),
        "language": rest.pop("language", None),
    }
    video = {"quality": rest.pop("quality", None), "encoding": rest.pop("video_encoding", None)}
    return {
        "mode": "FULL",
        "avatar_id": rest.pop("avatar_id", SANDBOX_AVATAR),
        "avatar_persona": _present(persona),
        **({"video_settings": _present(video)} if _present(video) else {}),
        **rest,
    }


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
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
