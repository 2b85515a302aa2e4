"""The fields of a session, by the names that pages and settings use for every vendor.

The names are those of docs.heygen.com/reference/new-session and, for what only LiveAvatar has,
of docs.liveavatar.com (create-session-token).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

#: Returns what is wrong with a value, as a sentence without its subject, or None.
Check = Callable[[Any], str | None]
Fields = Mapping[str, Check]

#: Characters; an id or a name is far shorter, a prompt of ``knowledge_base`` may be long.
_NAME, _PROMPT = 200, 20_000
#: Characters as JSON; a voice with all its settings has about 300, and 1,000 cannot nest too deep.
_OBJECT_SIZE = 1000
_UUID = re.compile(r"[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", re.ASCII | re.IGNORECASE)


def _check(wanted: str, holds: Callable[[Any], bool]) -> Check:
    return lambda value: None if holds(value) else wanted


def _text(most: int) -> Check:
    return _check(
        f"must be a text of 1 to {most} characters",
        lambda value: isinstance(value, str) and 0 < len(value.strip()) <= most,
    )


def _one_of(*names: str) -> Check:
    return _check(f"must be one of: {', '.join(names)}", lambda value: value in names)


def _number(least: float, most: float) -> Check:
    return _check(
        f"must be a number from {least:g} to {most:g}",
        lambda value: type(value) in (int, float) and least <= value <= most,
    )


def _seconds(least: int, most: int) -> Check:
    return _check(
        f"must be a whole number of seconds from {least} to {most}",
        lambda value: type(value) is int and least <= value <= most,
    )


def _forbidden(reason: str) -> Check:
    return lambda _: f"cannot be set: {reason}"


def _is_uuid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _is_object(value: Any) -> bool:
    with suppress(TypeError, ValueError, RecursionError):  # JSON cannot carry it
        return isinstance(value, dict) and len(json.dumps(value, allow_nan=False)) <= _OBJECT_SIZE
    return False


def _is_small(value: Any) -> bool:
    return _is_object({"": value}) or (isinstance(value, str) and len(value) <= _PROMPT)


_object = _check(f"must be an object of at most {_OBJECT_SIZE} characters of JSON", _is_object)
_any = _check(f"must be JSON of less than {_OBJECT_SIZE} characters, or a text", _is_small)
_boolean = _check("must be true or false", lambda value: isinstance(value, bool))
_name, _prompt, _fraction = _text(_NAME), _text(_PROMPT), _number(0, 1)


def _object_of(fields: Fields) -> Check:
    """Check an object that may have only ``fields``: the vendor ignores unknown ones silently."""

    def check(value: Any) -> str | None:
        if wrong := _object(value):
            return wrong
        for name, part in value.items():
            if name not in fields:
                return f"has no field {str(name)[:40]!r}; its fields are {', '.join(fields)}"
            if wrong := fields[name](part):
                return f"has a field {name!r} that {wrong}"
        return None

    return check


_ELEVENLABS: Fields = {
    "stability": _fraction,
    "similarity_boost": _fraction,
    "style": _fraction,
    "use_speaker_boost": _boolean,
}

STREAMING_FIELDS: Fields = {
    "activity_idle_timeout": _seconds(30, 3600),
    "avatar_id": _name,
    "avatar_name": _name,
    "ia_is_livekit_transport": _boolean,
    "knowledge_base": _prompt,
    "knowledge_base_id": _name,
    "language": _name,
    "quality": _one_of("high", "medium", "low"),
    "silence_response": _boolean,
    "source": _name,
    "stt_settings": _object_of({"provider": _name, "confidence": _fraction}),
    "video_encoding": _one_of("H264", "VP8"),
    "voice": _object_of(
        {
            "voice_id": _name,
            "rate": _number(0.5, 1.5),
            "emotion": _one_of("excited", "serious", "friendly", "soothing", "broadcaster"),
            "elevenlabs_settings": _object_of({**_ELEVENLABS, "model_id": _name}),
        }
    ),
    # Without an idle timeout a forgotten session costs credits until it is stopped.
    "disable_idle_timeout": _forbidden("such a session costs credits until it is stopped"),
    "version": _forbidden("it is always v2, the version with a LiveKit room"),
}

#: The same for every provider: docs.liveavatar.com/docs/full-mode/voice-settings.
_SPEED: Fields = dict.fromkeys(("speed", "rate"), _number(0.8, 1.2))
_VOICES: Mapping[str, Fields] = {
    "elevenLabs": {**_ELEVENLABS, **_SPEED, "model": _name},
    "fish": {**_SPEED, "model": _name, "latency_mode": _name},
}


def _liveavatar_voice(value: Any) -> str | None:
    """Check a voice whose settings are those of its provider; v1's ``rate`` is ``speed``."""
    if wrong := _object(value):
        return wrong
    provider = value.get("provider")
    settings = _VOICES.get(provider) if isinstance(provider, str) else None
    if "provider" in value and settings is None:
        return f"has a field 'provider' that must be one of: {', '.join(_VOICES)}"
    if settings is None and (value.keys() & {"rate", "speed"}):
        return f"has a speed; that needs a field 'provider', one of: {', '.join(_VOICES)}"
    if value.keys() >= {"rate", "speed"}:
        return "has both 'rate' and 'speed', which are two names of one field"
    return _object_of({"voice_id": _name, "provider": _name, **(settings or {})})(value)


LIVEAVATAR_FIELDS: Fields = {
    "avatar_id": _check("must be a UUID, as `flask heygen avatars` lists them", _is_uuid),
    "context_id": _name,
    "dynamic_variables": _object,
    "interactivity_type": _one_of("CONVERSATIONAL", "PUSH_TO_TALK"),
    "is_sandbox": _boolean,
    "language": _name,
    "llm_configuration_id": _name,
    "max_session_duration": _seconds(1, 86_400),  # the vendor has a limit by plan
    "memory": _any,
    "quality": _one_of("very_high", "high", "medium", "low"),
    "stt_settings": _object_of(
        {"provider": _one_of("deepgram", "assembly_ai", "gladia", "elevenlabs")}
    ),
    "video_encoding": _one_of("H264", "VP8"),
    "voice": _liveavatar_voice,
    "voice_agent": _object_of({"id": _name, "language": _name, "dynamic_variables": _object}),
    "activity_idle_timeout": _forbidden("LiveAvatar's is always five minutes"),
    "avatar_name": _forbidden("LiveAvatar knows its avatars by avatar_id alone"),
    "avatar_persona": _forbidden("set voice, language, context_id and stt_settings instead"),
    "disable_idle_timeout": _forbidden("such a session costs credits until it is stopped"),
    "knowledge_base": _forbidden("LiveAvatar has contexts; set context_id"),
    "knowledge_base_id": _forbidden("LiveAvatar has contexts; set context_id"),
    "mode": _forbidden("it is always FULL, the mode in which the avatar speaks texts"),
    "video_settings": _forbidden("set quality and video_encoding instead"),
}


def validate_fields(known: Fields, fields: Mapping[str, Any]) -> str | None:
    """Return the first thing that is wrong with the fields of a new session, or None.

    An unknown field passes if it is small: the vendor may have added it since.
    """
    for name, value in fields.items():
        if wrong := known.get(name, _any)(value):
            # Quoted, as a name that is not known may hold what forges a line of the log.
            return f"{name if name in known else repr(name[:40])} {wrong}."
    return None
