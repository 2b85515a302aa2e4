"""Which bodies the vendor takes: docs.heygen.com/reference/new-session and /send-task (doc).

Unknown fields are ignored, and a null is an absent field (guess).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .refusals import InvalidParams, Unauthorized

_Check = Callable[[Any], bool]


def _one_of(*choices: str) -> _Check:
    return lambda value: isinstance(value, str) and value in choices


def _number(low: float, high: float) -> _Check:
    def check(value: Any) -> bool:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        )

    return check


def _fields(checks: Mapping[str, _Check]) -> _Check:
    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return False
        return all(value.get(name) is None or fits(value[name]) for name, fits in checks.items())

    return check


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


_share = _number(0, 1)

_new = _fields(
    {
        "quality": _one_of("high", "medium", "low"),
        "avatar_id": _text,
        "avatar_name": _text,
        "voice": _fields(
            {
                "voice_id": _text,
                "rate": _number(0.5, 1.5),
                "emotion": _one_of("excited", "serious", "friendly", "soothing", "broadcaster"),
                "elevenlabs_settings": _fields(
                    {
                        "stability": _share,
                        "similarity_boost": _share,
                        "style": _share,
                        "use_speaker_boost": _flag,
                        "model_id": _text,
                    }
                ),
            }
        ),
        "language": _text,
        "version": _one_of("v2"),
        "video_encoding": _one_of("H264", "VP8"),
        "knowledge_base": _text,
        "knowledge_base_id": _text,
        "stt_settings": _fields({"provider": _one_of("deepgram", "gladia"), "confidence": _share}),
        "activity_idle_timeout": _number(30, 3600),
        "disable_idle_timeout": _flag,
        "source": _text,
        "ia_is_livekit_transport": _flag,
        "silence_response": _flag,
    }
)

_task = _fields(
    {
        "session_id": _text,
        "text": _text,
        "task_type": _one_of("repeat", "chat", "talk"),
        "task_mode": _one_of("sync", "async"),
    }
)


@dataclass(frozen=True)
class Order:
    """What a task asks for."""

    session_id: str
    text: str
    task_type: str
    #: Reply only when the text has been spoken.
    sync: bool
    #: What the task is to be known by, if the caller says so.
    task_id: str | None = None


def nothing(body: Any) -> None:
    """Read the body of create_token, an empty object."""
    if not isinstance(body, dict):
        raise InvalidParams


def options(body: Any) -> dict[str, Any]:
    """Read the body of streaming.new."""
    if not _new(body):
        raise InvalidParams

    return dict(body)


def order(body: Any) -> Order:
    """Read the body of streaming.task; one without a session_id is a 401 (seen)."""
    if not _task(body):
        raise InvalidParams
    if not body.get("session_id"):
        raise Unauthorized
    text = body.get("text") or ""
    if not text.strip():
        raise InvalidParams

    return Order(
        body["session_id"],
        text,
        task_type=body.get("task_type") or "talk",  # guess
        sync=(body.get("task_mode") or "sync") == "sync",
    )


def session_id(body: Any) -> str:
    """Read the body of the calls that name a session and nothing else."""
    if not isinstance(body, dict) or not isinstance(body.get("session_id"), str):
        raise InvalidParams

    return str(body["session_id"])
