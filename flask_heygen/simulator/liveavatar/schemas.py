"""The bodies and queries that LiveAvatar takes: docs.liveavatar.com/api-reference (doc)."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_heygen.simulator.errors import ValidationError
from flask_heygen.simulator.schemas import (
    MISSING,
    Schema,
    describe,
    find_problems,
    flag,
    number,
    one_of,
    text,
    uuid_text,
)

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
    "DISPATCH_FAILED",
)

_ONE_OF_TWO = "Provide exactly one of avatar_persona or voice_agent"
_TOKEN: Schema = {
    "mode": one_of("FULL"),
    "avatar_id": uuid_text,
    "avatar_persona": {
        # Whether there is such a voice is found out at the start (live).
        "voice_id": text,
        "context_id": uuid_text,
        "language": text,
        "voice_settings": {
            "provider": one_of("elevenLabs", "fish"),
            "speed": number(0.8, 1.2),  # the same for both (doc)
        },
        "stt_config": {"provider": one_of("deepgram", "assembly_ai", "gladia", "elevenlabs")},
    },
    "voice_agent": {"id": text, "language": text},
    "is_sandbox": flag,
    "video_settings": {
        "quality": one_of("very_high", "high", "medium", "low"),
        "encoding": one_of("VP8", "H264"),
    },
    # By tier up to 20 minutes (doc); there is no documented minimum.
    "max_session_duration": number(1, 1200, int),
    "interactivity_type": one_of("CONVERSATIONAL", "PUSH_TO_TALK"),
    "llm_configuration_id": text,
}
_STOP: Schema = {"session_id": uuid_text, "reason": one_of(*END_REASONS)}
_CONTEXT: Schema = {"name": text, "prompt": text, "opening_text": text}


def parse_token(body: Any) -> dict[str, Any]:
    """Return the body of sessions/token, of which the form alone is checked (live)."""
    options = _parse(body, _TOKEN, ["avatar_id"])
    if (options.get("avatar_persona") is None) == (options.get("voice_agent") is None):
        raise ValidationError([describe(["body"], (_ONE_OF_TWO, "value_error"))])

    return options


def parse_stop(body: Any, *, required: bool) -> tuple[str | None, str]:
    """Return session and reason of the body of stop and keep-alive.

    A call without a body has the reason USER_CLOSED, one that names none has UNKNOWN (doc).
    """
    if body is None and not required:
        return None, "USER_CLOSED"

    stop = _parse(body, _STOP, ["session_id"] if required else [])
    return stop.get("session_id"), stop.get("reason") or "UNKNOWN"


def parse_context(body: Any, *, new: bool) -> dict[str, Any]:
    """Return the body of a context, or of a change of one."""
    return _parse(body, _CONTEXT, ["name", "prompt"] if new else [])


def parse_integer(query: Mapping[str, str], name: str, default: int, allowed: range) -> int:
    """Return an integer of a query."""
    given = query.get(name, str(default))
    if not given.isdecimal() or int(given) not in allowed:
        message = f"Input should be an integer from {allowed[0]} to {allowed[-1]}"
        raise ValidationError([describe(["query", name], (message, "int_range"))])

    return int(given)


def parse_choice(query: Mapping[str, str], name: str, *choices: str) -> str:
    """Return one of some words of a query, which must be there."""
    problem = one_of(*choices)(query[name]) if name in query else MISSING
    if problem is not None:
        raise ValidationError([describe(["query", name], problem)])

    return query[name]


def _parse(body: Any, schema: Schema, required: Sequence[str]) -> dict[str, Any]:
    if problems := list(find_problems(body, schema, required)):
        raise ValidationError(problems)

    return dict(body)
