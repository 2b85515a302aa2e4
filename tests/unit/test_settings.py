"""Settings: the values, the defaults, and the errors of wrong values."""

from __future__ import annotations

import dataclasses
import traceback
from decimal import Decimal
from typing import Any

import pytest
from flask import Config, Flask

from flask_heygen.errors import NotConfigured
from flask_heygen.settings import Settings, is_local

KEY = {"HEYGEN_API_KEY": "a-key"}

DEFAULTS: dict[str, Any] = {
    "api": "streaming",
    "base_url": "",
    "timeout": 20.0,
    "max_text": 2000,
    "spare_tokens": 256,
    "token_max_age": 300.0,
    "session_defaults": {},
    "session_allowed": ("avatar_id", "avatar_name", "voice", "quality", "language"),
    "max_session_seconds": 3600.0,
    "cors_origins": (),
}

GOOD: list[tuple[str, Any, Any]] = [
    ("api_key", "YmFzZTY0IGtleQ==-1700000000", "YmFzZTY0IGtleQ==-1700000000"),
    ("api_key", 12345678, "12345678"),
    ("api", "streaming", "streaming"),
    ("api", "liveavatar", "liveavatar"),
    ("base_url", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ("base_url", "https://heygen.test/", "https://heygen.test"),
    ("base_url", "https://heygen.test/proxy//", "https://heygen.test/proxy"),
    ("base_url", "http://[::1]:80", "http://[::1]:80"),
    ("timeout", 1, 1.0),
    ("timeout", 120, 120.0),
    ("timeout", 2.5, 2.5),
    ("timeout", "7.5", 7.5),
    ("max_text", 1, 1),
    ("max_text", 80_000, 80_000),
    ("max_text", "500", 500),
    ("spare_tokens", 0, 0),
    ("spare_tokens", 1000, 1000),
    ("spare_tokens", "8", 8),
    ("token_max_age", 0.1, 0.1),
    ("token_max_age", 86_400, 86_400.0),
    ("token_max_age", "60", 60.0),
    ("session_defaults", {}, {}),
    ("session_defaults", {"voice": {"rate": 1.2}}, {"voice": {"rate": 1.2}}),
    ("session_allowed", ["language"], ("language",)),
    ("session_allowed", ("language",), ("language",)),
    ("session_allowed", [], ()),
    ("max_session_seconds", 1, 1.0),
    ("max_session_seconds", "600", 600.0),
    ("cors_origins", ["https://app.example.com"], ("https://app.example.com",)),
    ("cors_origins", ("http://localhost:5173",), ("http://localhost:5173",)),
    ("cors_origins", ["http://[::1]:3000"], ("http://[::1]:3000",)),
    ("cors_origins", ["capacitor://localhost"], ("capacitor://localhost",)),
    ("cors_origins", [], ()),
]

BAD: list[tuple[str, Any]] = [
    ("api_key", "a key"),
    ("api_key", "a-key\n"),
    ("api_key", "schlüssel"),
    ("api_key", b"a-key"),
    ("api_key", True),
    ("api_key", 1.5),
    ("api", "realtime"),
    ("api", 1),
    ("api", []),
    ("base_url", "api.heygen.com"),
    ("base_url", "ftp://api.heygen.com"),
    ("base_url", "https://"),
    ("base_url", "https:///path"),
    ("base_url", "https://user:pass@api.heygen.com"),
    ("base_url", "https://user@api.heygen.com"),
    ("base_url", "https://api.heygen.com?a=b"),
    ("base_url", "https://api.heygen.com#a"),
    ("base_url", "https://api.heygen.com:0"),
    ("base_url", "https://api.heygen.com:99999"),
    ("base_url", "https://api.heygen.com:https"),
    ("base_url", "https://api heygen.com"),
    ("base_url", "https://[::1"),
    ("base_url", "https://*.heygen.com"),
    ("base_url", "https://.heygen.com"),
    ("base_url", "https://%zz"),
    ("base_url", 80),
    ("timeout", 0.9),
    ("timeout", 121),
    ("timeout", -1),
    ("timeout", "soon"),
    ("timeout", "nan"),
    ("timeout", float("inf")),
    ("timeout", 10**400),
    ("timeout", True),
    ("timeout", [1]),
    ("max_text", 0),
    ("max_text", 80_001),
    ("max_text", 2.5),
    ("max_text", 2000.0),
    ("max_text", "2.5"),
    ("max_text", False),
    ("max_text", Decimal("Infinity")),
    ("max_text", {}),
    ("spare_tokens", -1),
    ("spare_tokens", 1001),
    ("spare_tokens", True),
    ("spare_tokens", "many"),
    ("token_max_age", 0),
    ("token_max_age", 86_401),
    ("token_max_age", "old"),
    ("session_defaults", "quality=low"),
    ("session_defaults", ["quality"]),
    ("session_defaults", 1),
    ("session_defaults", {"voice": {"rate": Decimal(1)}}),
    ("session_defaults", {"voice": {"rate": float("nan")}}),
    ("session_allowed", "language"),
    ("session_allowed", b"language"),
    ("session_allowed", ["language", 1]),
    ("session_allowed", 1),
    ("session_allowed", (name for name in ("language",))),
    ("session_allowed", {"language": True}.keys()),
    ("max_session_seconds", 0),
    ("max_session_seconds", 86_401),
    ("max_session_seconds", "long"),
    ("cors_origins", "https://app.example.com"),
    ("cors_origins", ["*"]),
    ("cors_origins", ["https://*.example.com"]),
    ("cors_origins", ["null"]),
    ("cors_origins", ["app.example.com"]),
    ("cors_origins", ["https://app.example.com/"]),
    ("cors_origins", ["https://App.example.com"]),
    ("cors_origins", ["https://user@app.example.com"]),
    ("cors_origins", ["https://app.example.com:0"]),
    ("cors_origins", ["https://"]),
    ("cors_origins", ["https://[::1"]),
    ("cors_origins", [None]),
]

#: Values that Python's own words for the error would repeat.
TELLING: list[tuple[str, Any]] = [
    ("api_key", "hunter2 hunter2"),
    ("api", "hunter2"),
    ("base_url", "https://hunter2:hunter2@heygen.test"),
    ("base_url", "https://[hunter2]"),
    ("base_url", "https://heygen.test:hunter2"),
    ("timeout", "hunter2"),
    ("max_text", "hunter2"),
    ("spare_tokens", "hunter2"),
    ("token_max_age", "hunter2"),
    ("session_defaults", "hunter2"),
    ("session_allowed", "hunter2"),
    ("max_session_seconds", "hunter2"),
    ("cors_origins", ["https://hunter2:hunter2"]),
]


def read(name: str, value: Any) -> Settings:
    return Settings.from_mapping({**KEY, f"HEYGEN_{name.upper()}": value})


class TestDefaults:
    def test_are_these(self) -> None:
        """A key is all that must be set."""
        settings = Settings.from_mapping(KEY)

        assert dataclasses.asdict(settings) == {"api_key": "a-key", **DEFAULTS}

    def test_keep_no_spare_tokens_in_a_host_s_tests(self) -> None:
        """Under TESTING no call is made that the test did not cause."""
        settings = Settings.from_mapping({**KEY, "TESTING": True})

        assert settings == dataclasses.replace(Settings.from_mapping(KEY), spare_tokens=0)

    def test_give_way_to_what_a_test_sets(self) -> None:
        """Under TESTING a number of spare tokens that is set counts."""
        settings = Settings.from_mapping({**KEY, "TESTING": True, "HEYGEN_SPARE_TOKENS": 4})

        assert settings.spare_tokens == 4

    @pytest.mark.parametrize("blank", [None, ""])
    @pytest.mark.parametrize("name", DEFAULTS)
    def test_stand_in_for_a_blank(self, name: str, blank: str | None) -> None:
        """A key without a value is as good as none."""
        settings = read(name, blank)

        assert settings == Settings.from_mapping(KEY)


class TestValues:
    def test_name_the_slash_at_the_end_of_an_origin(self) -> None:
        """An origin has none, and a URL copied from a browser has."""
        with pytest.raises(NotConfigured, match="without a slash at the end"):
            read("cors_origins", ["https://app.example.com/"])

    @pytest.mark.parametrize(("name", "value", "read_as"), GOOD)
    def test_are_read(self, name: str, value: Any, read_as: Any) -> None:
        """A good value is used, a number also as the string that an environment holds."""
        found = getattr(read(name, value), name)

        assert (found, type(found)) == (read_as, type(read_as))

    @pytest.mark.parametrize(("name", "value"), BAD)
    def test_are_refused(self, name: str, value: Any) -> None:
        """A bad value is an error that names its key."""
        with pytest.raises(NotConfigured) as caught:
            read(name, value)

        assert caught.value.message.startswith(f"HEYGEN_{name.upper()} must be ")

    @pytest.mark.parametrize(("name", "value"), TELLING)
    def test_are_never_repeated(self, name: str, value: Any) -> None:
        """Neither an error nor what led to it holds a value: it may be a key in the wrong place."""
        with pytest.raises(NotConfigured) as caught:
            read(name, value)

        assert "hunter2" not in "".join(traceback.format_exception_only(caught.value))
        assert caught.value.__context__ is None

    def test_have_a_row_each(self) -> None:
        """No key is without a good and a bad value in this module."""
        names = {field.name for field in dataclasses.fields(Settings)}

        assert {name for name, *_ in GOOD} == {name for name, _ in BAD} == names
        assert {name for name, _ in TELLING} == names

    def test_are_read_from_flask_s_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The types that from_prefixed_env makes of a shell's variables are accepted."""
        monkeypatch.setenv("FLASK_HEYGEN_API_KEY", "0123456789")
        monkeypatch.setenv("FLASK_HEYGEN_TIMEOUT", "10")
        monkeypatch.setenv("FLASK_HEYGEN_SESSION_DEFAULTS", '{"quality": "low"}')
        app = Flask("host")
        app.config.from_prefixed_env()

        settings = Settings.from_mapping(app.config)

        assert (settings.api_key, settings.timeout) == ("0123456789", 10.0)
        assert settings.session_defaults == {"quality": "low"}


class TestKey:
    @pytest.mark.parametrize("config", [{}, {"HEYGEN_API_KEY": None}, {"HEYGEN_API_KEY": ""}])
    def test_is_required(self, config: dict[str, Any]) -> None:
        """The error without a key says which one and where to put it."""
        with pytest.raises(NotConfigured) as caught:
            Settings.from_mapping(config)

        assert caught.value.message == "HEYGEN_API_KEY is not set; put the API key into app.config."

    def test_is_not_shown(self) -> None:
        """A repr in a log gives no key away."""
        settings = Settings.from_mapping({"HEYGEN_API_KEY": "hunter2"})

        assert "hunter2" not in f"{settings!r} {settings}"


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "plain", "as_json"),
        [
            ("SESSION_DEFAULTS", "quality=low", '{"quality": "low"}'),
            ("SESSION_ALLOWED", "avatar_id", '["avatar_id"]'),
            ("CORS_ORIGINS", "https://app.example.com", '["https://app.example.com"]'),
        ],
        ids=["defaults", "allowed", "origins"],
    )
    def test_has_json(
        self, monkeypatch: pytest.MonkeyPatch, name: str, plain: str, as_json: str
    ) -> None:
        """The error shows the JSON that from_prefixed_env reads."""
        config = Config("")

        def read(value: str) -> Settings:
            monkeypatch.setenv(f"FLASK_HEYGEN_{name}", value)
            config.from_prefixed_env()
            return Settings.from_mapping({**config, "HEYGEN_API_KEY": "a-key"})

        with pytest.raises(NotConfigured) as caught:
            read(plain)

        assert as_json in caught.value.message
        assert "environment" in caught.value.message
        assert getattr(read(as_json), name.lower())


class TestPrefix:
    def test_chooses_the_keys(self) -> None:
        """A second account has keys of its own, all of them."""
        config = {**KEY, "HEYGEN_TIMEOUT": 5, "COACH_API_KEY": "another", "COACH_MAX_TEXT": 9}

        settings = Settings.from_mapping(config, "COACH")

        assert (settings.api_key, settings.max_text, settings.timeout) == ("another", 9, 20.0)

    def test_is_named_in_errors(self) -> None:
        """An error names the key as the deployment spells it."""
        with pytest.raises(NotConfigured, match=r"^COACH_API_KEY is not set"):
            Settings.from_mapping(KEY, "COACH")
        with pytest.raises(NotConfigured, match=r"^COACH_TIMEOUT must be"):
            Settings.from_mapping({"COACH_API_KEY": "k", "COACH_TIMEOUT": 0}, "COACH")


class TestSettings:
    def test_stay_as_they_are(self) -> None:
        """Nobody changes a setting behind a running client."""
        settings = Settings.from_mapping(KEY)

        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.timeout = 1.0  # type: ignore[misc]  # the point

    def test_share_nothing_with_the_config(self) -> None:
        """A change deep in the config's dict is a change of settings, not of the ones in use."""
        config: dict[str, Any] = {**KEY, "HEYGEN_SESSION_DEFAULTS": {"voice": {"rate": 1.0}}}
        before = Settings.from_mapping(config)

        config["HEYGEN_SESSION_DEFAULTS"]["voice"]["rate"] = 1.5

        assert before.session_defaults == {"voice": {"rate": 1.0}}
        assert Settings.from_mapping(config) != before


class TestLocal:
    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1:8080", "[::1]:80", "10.1.2.3", "simulator:8080", "a.test"]
    )
    def test_is_this_machine_or_network(self, host: str) -> None:
        """Unencrypted requests to it do not leave the private network."""
        assert is_local(f"http://{host}/path")

    @pytest.mark.parametrize("host", ["api.heygen.com", "8.8.8.8", "localhost.example.com"])
    def test_is_no_host_of_the_internet(self, host: str) -> None:
        """Anybody between here and there could read along."""
        assert not is_local(f"http://{host}")
