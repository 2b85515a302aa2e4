"""LiveAvatar's formats: the body that creates a session, and the messages that a page publishes.

The names of the body are those of docs.liveavatar.com (create-session-token), those of the
messages are of the vendor's web SDK ("sdk").
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

#: The avatar of the sandbox, which is free and ends a session after about a minute.
SANDBOX_AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
#: The fields of an avatar_persona, which a voice_agent replaces.
PERSONA_FIELDS = ("context_id", "stt_settings", "voice")

#: The events that make the avatar speak a text word for word, or answer it (sdk).
_EVENTS = {
    "repeat": "avatar.speak_text",
    "chat": "avatar.speak_response",
    "talk": "avatar.speak_response",
}


def session_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body that creates a session, from the field names of pages and settings.

    It has exactly one of ``avatar_persona`` and ``voice_agent``. Fields in a wrong place are
    ignored by LiveAvatar without an error.
    """
    rest = dict(fields)
    video = {"quality": rest.pop("quality", None), "encoding": rest.pop("video_encoding", None)}
    language = rest.pop("language", None)
    body = {
        "mode": "FULL",
        "avatar_id": rest.pop("avatar_id", SANDBOX_AVATAR),
        **({"video_settings": _present(video)} if _present(video) else {}),
    }
    if "voice_agent" in rest:
        variables = rest.pop("dynamic_variables", None)
        shared = _present({"language": language, "dynamic_variables": variables})
        return {**body, **rest, "voice_agent": {**shared, **rest["voice_agent"]}}

    voice = dict(rest.pop("voice", {}))
    if "rate" in voice:  # v1's name
        voice["speed"] = voice.pop("rate")
    persona = {
        "voice_id": voice.pop("voice_id", None),
        "voice_settings": voice or None,
        "context_id": rest.pop("context_id", None),
        "language": language,
        "stt_config": rest.pop("stt_settings", None),
    }
    return {**body, **rest, "avatar_persona": _present(persona)}


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def speak_message(session_id: str, text: str, task_type: str) -> tuple[str, dict[str, Any]]:
    """Return the task's id, and the ``deliver`` by which the page makes the avatar speak."""
    task_id = str(uuid.uuid4())
    payload = {"event_id": task_id, "event_type": _EVENTS[task_type], "text": text}
    return task_id, _deliver(session_id, payload)


def interrupt_message(session_id: str) -> dict[str, Any]:
    """Return the ``deliver`` by which the page interrupts the avatar."""
    payload = {"event_id": str(uuid.uuid4()), "event_type": "avatar.interrupt"}
    return _deliver(session_id, payload)


def _deliver(session_id: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "transport": "livekit",
        "topic": "agent-control",
        "payload": payload,
        # Before these have joined, which may take 30 s, commands are lost (sdk).
        "participants": ["heygen", f"liveavatar-agent-{session_id}"],
    }
