"""What a deployment can set: the ``HEYGEN_*`` keys of a Flask app's config."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from .errors import NotConfigured
from .tracebacks import bare_errors

#: Returns the value as it is used, or raises ValueError or TypeError.
_Check = Callable[[Any], Any]


def _setting(wanted: str, check: _Check, default: Any = None, *, secret: bool = False) -> Any:
    return field(
        default_factory=lambda: default,
        repr=not secret,
        metadata={"check": check, "wanted": wanted},
    )


class _WrongValue(ValueError):
    """A value is wrong in a way that has a message of its own, which does not repeat it."""


def _visible(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
        raise ValueError
    return value


def _key(value: Any) -> str:
    # Flask's from_prefixed_env reads a key of digits alone as a number.
    return _visible(str(value) if type(value) is int else value)


def _url(value: Any) -> str:
    url = urlsplit(_visible(value))
    extras = url.query or url.fragment or url.username or url.password
    # Only an IPv6 address stands in brackets, which Python 3.10 does not look into.
    host = r"\[[\da-f:.]*:[\da-f:.]*\]" if "[" in url.netloc else r"[\w-][\w.-]*"
    named = re.fullmatch(rf"{host}(:\d+)?", url.netloc, re.ASCII | re.IGNORECASE)
    if url.scheme not in ("http", "https") or not named or url.port == 0 or extras:
        raise ValueError
    return url.geturl().rstrip("/")


def _number(kind: type[int | float], least: float, most: float) -> _Check:
    def check(value: Any) -> int | float:
        if isinstance(value, bool) or (kind is int and isinstance(value, float)):
            raise TypeError
        number = kind(value)
        if not least <= number <= most:
            raise ValueError
        return number

    return check


def _one_of(*names: str) -> _Check:
    return lambda value: names[names.index(value)]


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    # A copy, of nothing that could not be sent.
    copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    return copy


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Collection):
        raise TypeError
    if not all(isinstance(name, str) for name in value):
        raise TypeError
    return tuple(value)


def _origins(value: Any) -> tuple[str, ...]:
    for origin in _names(value):
        # Of any scheme, as the pages of apps have their own: capacitor://localhost.
        url = urlsplit(_visible(origin))
        if url.path == "/":
            raise _WrongValue("must be a list of origins without a slash at the end")
        if not url.scheme or origin != f"{url.scheme}://{url.netloc}".lower():
            raise ValueError
        if not url.hostname or url.port == 0 or "@" in origin or "*" in origin:
            raise ValueError
    return tuple(value)


@dataclass(frozen=True)
class Settings:
    """One deployment's settings, checked; each field is the config key of its name, prefixed."""

    #: The account's API key. Required.
    api_key: str = _setting("must be a string of visible ASCII characters", _key, secret=True)
    #: The vendor API that is spoken.
    api: str = _setting(
        "must be 'streaming' or 'liveavatar'", _one_of("streaming", "liveavatar"), "streaming"
    )
    #: Where that API is; blank for where its vendor has it.
    base_url: str = _setting(
        "must be an http or https URL without credentials, query or fragment",
        _url,
        "",
    )
    #: Seconds that one request of a page may take upstream, all its calls together.
    timeout: float = _setting(
        "must be a number from 1 to 120 (seconds)", _number(float, 1, 120), 20.0
    )
    #: Characters that the text of one task may have.
    max_text: int = _setting(
        "must be a whole number from 1 to 80000", _number(int, 1, 80_000), 2000
    )
    #: Session tokens kept ready at most; 0 mints each on the spot, and is the default under
    #: ``TESTING``. Fewer are kept where fewer tasks come: what is taken is ordered, nothing else.
    spare_tokens: int = _setting(
        "must be a whole number from 0 to 1000", _number(int, 0, 1000), 256
    )
    #: Seconds after which a session token that was kept ready is thrown away.
    token_max_age: float = _setting(
        "must be a number from 0.1 to 86400 (seconds)", _number(float, 0.1, 86_400), 300.0
    )
    #: The fields that a session is made of (``streaming.new``).
    session_defaults: Mapping[str, Any] = _setting("must be a dict of session fields", _fields, {})
    #: The session fields that a page may choose for itself.
    session_allowed: tuple[str, ...] = _setting(
        "must be a list of names of session fields",
        _names,
        ("avatar_id", "avatar_name", "voice", "quality", "language"),
    )

    #: Seconds after which a signed session id is good for nothing but to stop the session.
    max_session_seconds: float = _setting(
        "must be a number from 1 to 86400 (seconds)", _number(float, 1, 86_400), 3600.0
    )
    #: The other sites whose pages may call, cookies included.
    cors_origins: tuple[str, ...] = _setting(
        "must be a list of origins such as 'https://app.example.com', never '*'", _origins, ()
    )

    @classmethod
    @bare_errors
    def from_mapping(cls, config: Mapping[str, Any], prefix: str = "HEYGEN") -> Settings:
        """Read and check the keys ``<prefix>_*`` of a Flask app's config.

        Raises:
            NotConfigured: a key is missing or wrong; the message names it, never its value.

        """
        values: dict[str, Any] = {"spare_tokens": 0} if config.get("TESTING") else {}
        for each in fields(cls):
            name = f"{prefix}_{each.name.upper()}"
            value = config.get(name)
            if value is None or value == "":
                continue
            wanted = each.metadata["wanted"]
            try:
                values[each.name] = each.metadata["check"](value)
                continue
            except _WrongValue as error:
                wanted = str(error)
            except (TypeError, ValueError, OverflowError):
                pass
            # Not while that error is handled: its words repeat the value, and would be kept.
            raise NotConfigured(f"{name} {wanted}.") from None
        if "api_key" not in values:
            raise NotConfigured(f"{prefix}_API_KEY is not set; put the API key into app.config.")

        return cls(**values)
