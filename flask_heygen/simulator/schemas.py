"""Validation of JSON bodies, and the bodies that v1 takes.

Docs: docs.heygen.com/reference/new-session and /send-task (doc). Unknown fields are ignored, and a
null counts as an absent field (guess).
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .errors import InvalidParams, Unauthorized
from .models import TaskRequest

#: A problem's message and type; None: the value is valid.
Check = Callable[[Any], tuple[str, str] | None]
#: Checks by field; a mapping is the schema of an object.
Schema = Mapping[str, Any]
MISSING = ("Field required", "missing")


def text(value: Any) -> tuple[str, str] | None:
    """Check for a string."""
    return None if isinstance(value, str) else ("Input should be a valid string", "string_type")


def flag(value: Any) -> tuple[str, str] | None:
    """Check for a boolean."""
    return None if isinstance(value, bool) else ("Input should be a valid boolean", "bool_type")


def uuid_text(value: Any) -> tuple[str, str] | None:
    """Check for a UUID."""
    with suppress(ValueError, AttributeError, TypeError):
        uuid.UUID(value)
        return None
    return "Input should be a valid UUID", "uuid_parsing"


def one_of(*choices: str) -> Check:
    """Check for one of some words."""
    wanted = " or ".join(f"'{choice}'" for choice in choices)
    problem = (f"Input should be {wanted}", "literal_error")
    return lambda value: None if value in choices else problem


def number(low: float, high: float, kind: type = float) -> Check:
    """Check for a number."""
    problem = (f"Input should be a number from {low:g} to {high:g}", f"{kind.__name__}_range")
    kinds = (int,) if kind is int else (int, float)
    return lambda value: None if type(value) in kinds and low <= value <= high else problem


def find_problems(
    value: Any, schema: Schema, required: Sequence[str] = (), loc: Sequence[str] = ("body",)
) -> Iterator[dict[str, object]]:
    """Yield the problems of a body, each with its place, message and type."""
    if not isinstance(value, dict):
        yield describe(loc, ("Input should be a valid dictionary", "dict_type"))
        return

    for name in required:
        if value.get(name) is None:
            yield describe([*loc, name], MISSING)
    for name, check in schema.items():
        given = value.get(name)
        if given is None:
            continue
        if isinstance(check, Mapping):
            yield from find_problems(given, check, loc=[*loc, name])
        elif (problem := check(given)) is not None:
            yield describe([*loc, name], problem)


def describe(loc: Sequence[str], problem: tuple[str, str]) -> dict[str, object]:
    """Describe a problem as a validation error does."""
    message, kind = problem
    return {"loc": list(loc), "msg": message, "type": kind}


_share = number(0, 1)
_NEW: Schema = {
    "quality": one_of("high", "medium", "low"),
    "avatar_id": text,
    "avatar_name": text,
    "voice": {
        "voice_id": text,
        "rate": number(0.5, 1.5),
        "emotion": one_of("excited", "serious", "friendly", "soothing", "broadcaster"),
        "elevenlabs_settings": {
            "stability": _share,
            "similarity_boost": _share,
            "style": _share,
            "use_speaker_boost": flag,
            "model_id": text,
        },
    },
    "language": text,
    "version": one_of("v2"),
    "video_encoding": one_of("H264", "VP8"),
    "knowledge_base": text,
    "knowledge_base_id": text,
    "stt_settings": {"provider": one_of("deepgram", "gladia"), "confidence": _share},
    "activity_idle_timeout": number(30, 3600),
    "disable_idle_timeout": flag,
    "source": text,
    "ia_is_livekit_transport": flag,
    "silence_response": flag,
}
_TASK: Schema = {
    "session_id": text,
    "text": text,
    "task_type": one_of("repeat", "chat", "talk"),
    "task_mode": one_of("sync", "async"),
}


def parse_new(body: Any) -> dict[str, Any]:
    """Return the body of streaming.new."""
    return _parse(body, _NEW)


def parse_task(body: Any) -> TaskRequest:
    """Return the task in the body of streaming.task; without a session_id it is a 401 (seen)."""
    task = _parse(body, _TASK)
    if not task.get("session_id"):
        raise Unauthorized
    content = task.get("text") or ""
    if not content.strip():
        raise InvalidParams

    return TaskRequest(
        task["session_id"],
        content,
        task_type=task.get("task_type") or "talk",  # guess
        sync=(task.get("task_mode") or "sync") == "sync",
    )


def parse_session_id(body: Any) -> str:
    """Return the session_id in the body of the calls that take nothing else."""
    return str(_parse(body, {"session_id": text}, ["session_id"])["session_id"])


def parse_empty(body: Any) -> None:
    """Check the body of create_token, an empty object."""
    _parse(body, {})


def _parse(body: Any, schema: Schema, required: Sequence[str] = ()) -> dict[str, Any]:
    if any(find_problems(body, schema, required)):
        raise InvalidParams

    return dict(body)
