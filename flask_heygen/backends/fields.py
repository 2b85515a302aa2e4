"""What a session can be made of, by the names that pages and settings use for every vendor.

They are those of docs.heygen.com/reference/new-session, and where LiveAvatar has more, those of
docs.liveavatar.com (create-session-token).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

_Wanted = tuple[str, Callable[[Any], bool]]
Fields = Mapping[str, _Wanted]

#: Characters; an id or a name is far shorter, a prompt of ``knowledge_base`` may be long.
_NAME, _PROMPT = 200, 20_000
#: Characters as JSON; a voice with all its settings has some 300, and 1,000 cannot nest too deep.
_OBJECT_SIZE = 1000


def _text(most: int) -> _Wanted:
    wanted = f"must be a text of 1 to {most} characters"
    return wanted, lambda value: isinstance(value, str) and 0 < len(value.strip()) <= most


def _one_of(*names: str) -> _Wanted:
    return f"must be one of: {', '.join(names)}", lambda value: value in names


def _seconds(least: int, most: int) -> _Wanted:
    wanted = f"must be a whole number of seconds from {least} to {most}"
    return wanted, lambda value: type(value) is int and least <= value <= most


def _never(reason: str) -> _Wanted:
    return f"cannot be set: {reason}", lambda _: False


def _is_object(value: Any) -> bool:
    with suppress(TypeError, ValueError, RecursionError):  # what JSON cannot carry
        return isinstance(value, dict) and len(json.dumps(value, allow_nan=False)) <= _OBJECT_SIZE
    return False


def _is_small(value: Any) -> bool:
    return _is_object({"": value}) or (isinstance(value, str) and len(value) <= _PROMPT)


_OBJECT: _Wanted = (f"must be an object of at most {_OBJECT_SIZE} characters of JSON", _is_object)
_ANY: _Wanted = (f"must be JSON of less than {_OBJECT_SIZE} characters, or a text", _is_small)

STREAMING_FIELDS: Fields = {
    "activity_idle_timeout": _seconds(30, 3600),
    "avatar_id": _text(_NAME),
    "avatar_name": _text(_NAME),
    "knowledge_base": _text(_PROMPT),
    "knowledge_base_id": _text(_NAME),
    "language": _text(_NAME),
    "quality": _one_of("high", "medium", "low"),
    "stt_settings": _OBJECT,
    "video_encoding": _one_of("H264", "VP8"),
    "voice": _OBJECT,
    # A session that never ends by itself is paid for until somebody notices.
    "disable_idle_timeout": _never("such a session costs credits for ever"),
    "version": _never("it is always v2, the one with a LiveKit room"),
}


LIVEAVATAR_FIELDS: Fields = {
    "avatar_id": _text(_NAME),
    "context_id": _text(_NAME),
    "interactivity_type": _one_of("CONVERSATIONAL", "PUSH_TO_TALK"),
    "is_sandbox": ("must be true or false", lambda value: isinstance(value, bool)),
    "language": _text(_NAME),
    "max_session_duration": _seconds(120, 1200),
    "quality": _one_of("very_high", "high", "medium", "low"),
    "video_encoding": _one_of("H264", "VP8"),
    "voice": _OBJECT,
    "activity_idle_timeout": _never("LiveAvatar's is always five minutes"),
    "avatar_name": _never("LiveAvatar knows its avatars by avatar_id alone"),
    "disable_idle_timeout": _never("such a session costs credits for ever"),
    "mode": _never("it is always FULL, the one with an avatar that speaks texts"),
}


def validate_field(fields: Fields, name: str, value: Any) -> str | None:
    """Return what is wrong with a field of a new session, or None.

    A field that is not known here passes if it is small: the vendor may have added it since.
    """
    wanted, holds = fields.get(name, _ANY)
    return None if holds(value) else wanted
