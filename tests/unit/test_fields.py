"""The fields of a session: what is checked before anything is sent."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from flask_heygen.backends.fields import LIVEAVATAR_FIELDS, STREAMING_FIELDS, validate_fields

GOOD: list[tuple[str, Any]] = [
    ("activity_idle_timeout", 30),
    ("activity_idle_timeout", 3600),
    ("avatar_id", "Wayne_20240711"),
    ("avatar_id", "a" * 200),
    ("avatar_name", "Ännchen (sitzend)"),
    ("knowledge_base", "You are an interviewer. " * 800),
    ("knowledge_base_id", "d4b1"),
    ("language", "en"),
    ("quality", "high"),
    ("quality", "medium"),
    ("quality", "low"),
    ("stt_settings", {"provider": "deepgram", "confidence": 0.5}),
    ("video_encoding", "H264"),
    ("video_encoding", "VP8"),
    ("voice", {}),
    ("voice", {"voice_id": "v", "rate": 1.5, "elevenlabs_settings": {"stability": 0.4}}),
    ("silence_response", True),
    ("a_field_of_next_year", {"any": ["thing", None]}),
    ("a_field_of_next_year", "a" * 20_000),
]

BAD: list[tuple[str, Any, str]] = [
    ("activity_idle_timeout", 29, "30 to 3600"),
    ("activity_idle_timeout", 3601, "30 to 3600"),
    ("activity_idle_timeout", 60.0, "whole number"),
    ("activity_idle_timeout", True, "whole number"),
    ("activity_idle_timeout", "60", "whole number"),
    ("avatar_id", "", "1 to 200 characters"),
    ("avatar_id", " \n", "1 to 200 characters"),
    ("avatar_id", "a" * 201, "1 to 200 characters"),
    ("avatar_id", 7, "text"),
    ("avatar_id", None, "text"),
    ("avatar_name", ["Wayne"], "text"),
    ("knowledge_base", "a" * 20_001, "1 to 20000 characters"),
    ("knowledge_base_id", {}, "text"),
    ("language", 7, "text"),
    ("quality", "ultra", "one of: high, medium, low"),
    ("quality", "High", "one of: high, medium, low"),
    ("quality", None, "one of: high, medium, low"),
    ("quality", [], "one of: high, medium, low"),
    ("stt_settings", "deepgram", "object"),
    ("video_encoding", "AV1", "one of: H264, VP8"),
    ("voice", "v", "object"),
    ("voice", [], "object"),
    ("voice", None, "object"),
    ("voice", {"voiceId": "v"}, "has no field 'voiceId'; its fields are voice_id, rate, emotion"),
    ("voice", {"speed": 1}, "has no field 'speed'"),
    ("voice", {"rate": 3}, "'rate' that must be a number from 0.5 to 1.5"),
    ("voice", {"rate": True}, "'rate' that must be a number"),
    ("voice", {"emotion": "Angry"}, "'emotion' that must be one of: excited"),
    ("voice", {"elevenlabs_settings": {"speed": 1}}, "'elevenlabs_settings' that has no field"),
    ("stt_settings", {"language": "de"}, "has no field 'language'"),
    ("a_field_of_next_year", "a" * 20_001, "JSON of less than 1000 characters, or a text"),
    ("a_field_of_next_year", json.loads("[" * 700 + "]" * 700), "JSON of less than"),
    ("a_field_of_next_year", float("nan"), "JSON of less than"),
    ("disable_idle_timeout", True, "cannot be set"),
    ("disable_idle_timeout", False, "cannot be set"),
    ("version", "v2", "cannot be set"),
]

GOOD_LIVEAVATAR: list[tuple[str, Any]] = [
    ("dynamic_variables", {"name": "Ada"}),
    ("max_session_duration", 60),
    ("max_session_duration", 3600),
    ("stt_settings", {"provider": "deepgram"}),
    ("voice", {"voice_id": "v"}),
    ("voice", {"voice_id": "v", "provider": "elevenLabs", "rate": 1.1, "stability": 0.4}),
    ("voice", {"provider": "fish", "speed": 1.1, "latency_mode": "balanced"}),
    ("voice_agent", {"id": "an-agent", "language": "de"}),
    ("a_field_of_next_year", {"any": ["thing", None]}),
]

BAD_LIVEAVATAR: list[tuple[str, Any, str]] = [
    ("voice", {"voiceId": "v"}, "has no field 'voiceId'"),
    ("voice", {"rate": 1.1}, "needs a field 'provider', one of: elevenLabs, fish"),
    ("voice", {"voice_id": "v", "emotion": "serious"}, "has no field 'emotion'"),
    ("voice", {"provider": "google"}, "'provider' that must be one of: elevenLabs, fish"),
    ("voice", {"provider": ["fish"]}, "'provider' that must be one of: elevenLabs, fish"),
    ("voice", {"provider": "elevenLabs", "latency_mode": "low"}, "has no field 'latency_mode'"),
    ("voice", {"provider": "elevenLabs", "rate": 1.5}, "a number from 0.8 to 1.2"),
    ("voice", {"provider": "fish", "speed": 1.5}, "a number from 0.8 to 1.2"),
    ("voice", {"provider": "fish", "rate": 1, "speed": 1}, "two names of one field"),
    ("voice", "v", "object"),
    ("max_session_duration", 0, "whole number of seconds"),
    ("stt_settings", {"provider": "deepgram", "confidence": 0.5}, "has no field 'confidence'"),
    ("voice_agent", {"id": "a", "voice": "v"}, "has no field 'voice'"),
    ("avatar_persona", {"language": "de"}, "cannot be set: set voice, language"),
    ("knowledge_base", "A prompt.", "set context_id"),
]

#: What Python holds and JSON cannot carry to the vendor.
UNSENDABLE: list[tuple[str, Any]] = [
    ("nan", float("nan")),
    ("infinity", float("inf")),
    ("decimal", Decimal(1)),
    ("deep", json.loads("[" * 900 + "]" * 900)),
    ("huge", "a" * 100_000),
]


class TestField:
    @pytest.mark.parametrize(("name", "value"), GOOD)
    def test_passes(self, name: str, value: Any) -> None:
        """Documented values pass, and so do unknown fields."""
        assert validate_fields(STREAMING_FIELDS, {name: value}) is None

    @pytest.mark.parametrize(("name", "value", "wanted"), BAD)
    def test_is_refused(self, name: str, value: Any, wanted: str) -> None:
        """A wrong value is answered with what would be right."""
        assert wanted in (validate_fields(STREAMING_FIELDS, {name: value}) or "")

    @pytest.mark.parametrize(("name", "value"), GOOD_LIVEAVATAR)
    def test_passes_for_liveavatar(self, name: str, value: Any) -> None:
        """LiveAvatar's own fields, and those of v1 that it has too."""
        assert validate_fields(LIVEAVATAR_FIELDS, {name: value}) is None

    @pytest.mark.parametrize(("name", "value", "wanted"), BAD_LIVEAVATAR)
    def test_is_refused_for_liveavatar(self, name: str, value: Any, wanted: str) -> None:
        """A field that LiveAvatar would ignore silently is refused by name."""
        assert wanted in (validate_fields(LIVEAVATAR_FIELDS, {name: value}) or "")

    @pytest.mark.parametrize("value", [each for _, each in UNSENDABLE], ids=dict(UNSENDABLE))
    @pytest.mark.parametrize(("name", "field"), [("voice", "rate"), ("stt_settings", "confidence")])
    def test_is_refused_where_it_cannot_be_sent(self, name: str, field: str, value: Any) -> None:
        """An object is checked to its bottom: what is no JSON must not fail halfway to HeyGen."""
        assert validate_fields(STREAMING_FIELDS, {name: {field: value}})

    def test_is_never_repeated(self) -> None:
        """The answer says what is wanted, never what came."""
        assert "hunter2" not in (validate_fields(STREAMING_FIELDS, {"quality": "hunter2"}) or "")


def test_an_unknown_name_is_quoted() -> None:
    """It may hold what forges a line of the log."""
    wrong = validate_fields(STREAMING_FIELDS, {"x\nFORGED": float("inf")})

    assert wrong is not None
    assert wrong.startswith("'x\\nFORGED' must be")
