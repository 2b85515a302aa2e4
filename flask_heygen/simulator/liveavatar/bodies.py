"""Which bodies LiveAvatar takes: docs.liveavatar.com/api-reference/sessions (doc).

Unknown fields are ignored, and a null is an absent field (guess).
"""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from .refusals import Unprocessable, VoiceNotFound

#: The reasons for which a session may end.
END_REASONS = (
    "UNKNOWN",
    "USER_DISCONNECTED",
    "SERVER_ERROR",
    "IDLE_TIMEOUT",
    "NO_CREDITS",
    "USER_CLOSED",
    "AVATAR_DELETED",
    "MAX_DURATION_REACHED",
    "ZOMBIE_SESSION_REAP",
    "AGENT_HANG_UP",
)
#: The one voice that no account has.
UNKNOWN_VOICE = "unknown"

#: What is wrong with a value, as a validation error's message and type; None: nothing.
_Check = Callable[[Any], tuple[str, str] | None]
_MISSING = ("Field required", "missing")


def _uuid(value: Any) -> tuple[str, str] | None:
    with suppress(ValueError, AttributeError, TypeError):
        uuid.UUID(value)
        return None
    return "Input should be a valid UUID", "uuid_parsing"


def _text(value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, str) else ("Input should be a valid string", "string_type")


def _flag(value: Any) -> tuple[str, str] | None:
    return None if isinstance(value, bool) else ("Input should be a valid boolean", "bool_type")


def _one_of(*choices: str) -> _Check:
    wanted = " or ".join(f"'{choice}'" for choice in choices)
    problem = (f"Input should be {wanted}", "literal_error")
    return lambda value: None if value in choices else problem


def _number(low: float, high: float, kind: type = float) -> _Check:
    problem = (f"Input should be a number from {low:g} to {high:g}", f"{kind.__name__}_range")
    kinds = (int,) if kind is int else (int, float)
    return lambda value: None if type(value) in kinds and low <= value <= high else problem


def _voice(value: Any) -> tuple[str, str] | None:
    if value == UNKNOWN_VOICE:
        raise VoiceNotFound
    return _uuid(value)


_SPEED = {"speed": _number(0.8, 1.2)}
_FIELDS: dict[str, Any] = {
    "mode": _one_of("FULL"),
    "avatar_id": _uuid,
    "avatar_persona": {
        "voice_id": _voice,
        "context_id": _uuid,
        "language": _text,
        "voice_settings": _SPEED,
    },
    "is_sandbox": _flag,
    "video_settings": {
        "quality": _one_of("very_high", "high", "medium", "low"),
        "encoding": _one_of("VP8", "H264"),
    },
    # By tier up to 20 minutes (doc).
    "max_session_duration": _number(1, 1200, int),
    "interactivity_type": _one_of("CONVERSATIONAL", "PUSH_TO_TALK"),
}
_REQUIRED = ("avatar_id", "avatar_persona")
_NAMED = {"session_id": _uuid, "reason": _one_of(*END_REASONS)}


def options(body: Any) -> dict[str, Any]:
    """Read the body of sessions/token."""
    return _read(body, _FIELDS, _REQUIRED)


def named(body: Any, *, required: bool) -> tuple[str | None, str]:
    """Read the session and the reason in the body of stop and keep-alive.

    A call without a body has the reason USER_CLOSED, one that names none has UNKNOWN (doc).
    """
    if body is None and not required:
        return None, "USER_CLOSED"

    read = _read(body, _NAMED, ("session_id",) if required else ())
    return read.get("session_id"), read.get("reason") or "UNKNOWN"


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Read a number from 1 in a query."""
    told = query.get(name, str(default))
    if not told.isdecimal() or not 1 <= int(told) <= most:
        problem = (f"Input should be a number from 1 to {most}", "int_range")
        raise Unprocessable([_problem(["query", name], problem)])

    return int(told)


def choice(query: Mapping[str, str], name: str, *choices: str) -> str:
    """Read one of some words in a query, which must be there."""
    problem = _one_of(*choices)(query[name]) if name in query else _MISSING
    if problem is not None:
        raise Unprocessable([_problem(["query", name], problem)])

    return query[name]


def _read(body: Any, fields: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    problems = list(_problems(body, fields, ["body"]))
    told = body if isinstance(body, dict) else {}
    missing = [_problem(["body", name], _MISSING) for name in required if told.get(name) is None]
    if problems or missing:
        raise Unprocessable([*missing, *problems])

    return dict(told)


def _problems(value: Any, fields: dict[str, Any], loc: list[str]) -> Iterator[dict[str, object]]:
    if not isinstance(value, dict):
        yield _problem(loc, ("Input should be a valid dictionary", "dict_type"))
        return

    for name, check in fields.items():
        told = value.get(name)
        if told is None:
            continue
        if isinstance(check, dict):
            yield from _problems(told, check, [*loc, name])
        elif (problem := check(told)) is not None:
            yield _problem([*loc, name], problem)


def _problem(loc: list[str], problem: tuple[str, str]) -> dict[str, object]:
    message, kind = problem
    return {"loc": loc, "msg": message, "type": kind}
