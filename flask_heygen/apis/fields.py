"""What a session of HeyGen's v1 API can be made of (docs.heygen.com/reference/new-session)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_Wanted = tuple[str, Callable[[Any], bool]]

#: Characters; an id or a name is far shorter, a prompt of ``knowledge_base`` may be long.
_NAME, _PROMPT = 200, 20_000


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


_OBJECT: _Wanted = ("must be an object", lambda value: isinstance(value, dict))

_FIELDS: Mapping[str, _Wanted] = {
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
    "disable_idle_timeout": (
        "cannot be set: such a session costs credits for ever",
        lambda _: False,
    ),
    "version": ("cannot be set: it is always v2, the one with a LiveKit room", lambda _: False),
}


def wrong_with(name: str, value: Any) -> str | None:
    """Return what is wrong with a field of ``streaming.new``, or None.

    A field that is not known here passes: HeyGen may have added it since.
    """
    wanted, holds = _FIELDS.get(name, ("", lambda _: True))
    return None if holds(value) else wanted
