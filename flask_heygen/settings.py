"""The settings of a deployment: the ``HEYGEN_*`` keys of a Flask app's config."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache, partial
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from .errors import NotConfigured
from .tracebacks import conceal_frames

#: Returns the converted value, or raises ValueError or TypeError.
_Check = Callable[[Any], Any]


def _setting(wanted: str, check: _Check, default: Any = None, *, secret: bool = False) -> Any:
    return field(
        default_factory=lambda: default,
        repr=not secret,
        metadata={"check": check, "wanted": wanted},
    )


def _whole_number(least: int, most: int, default: int) -> Any:
    wanted = f"must be a whole number from {least} to {most}"
    return _setting(wanted, partial(_convert, int, least, most), default)


def _seconds(least: float, most: float, default: float) -> Any:
    wanted = f"must be a number from {least:g} to {most:g} (seconds)"
    return _setting(wanted, partial(_convert, float, least, most), default)


def _one_of(*names: str) -> Any:
    wanted = f"must be {' or '.join(map(repr, names))}"
    return _setting(wanted, lambda value: names[names.index(value)], names[0])


class _WrongValue(ValueError):
    """A value is wrong in a way that has its own message, which does not repeat the value."""


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
    # Python 3.10 accepts anything in brackets, where only an IPv6 address belongs.
    host = r"\[[\da-f:.]*:[\da-f:.]*\]" if "[" in url.netloc else r"[\w-][\w.-]*"
    named = re.fullmatch(rf"{host}(:\d+)?", url.netloc, re.ASCII | re.IGNORECASE)
    if url.scheme not in ("http", "https") or not named or url.port == 0 or extras:
        raise ValueError
    return url.geturl().rstrip("/")


def _convert(kind: type[int | float], least: float, most: float, value: Any) -> int | float:
    if isinstance(value, bool) or (kind is int and isinstance(value, float)):
        raise TypeError
    number = kind(value)
    if not least <= number <= most:
        raise ValueError
    return number


def _fields(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    # A copy that JSON can carry.
    copy: dict[str, Any] = json.loads(json.dumps(dict(value), allow_nan=False))
    return copy


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set | frozenset):
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
    """The validated settings of one account; each field is a config key with a prefix."""

    #: The account's API key. Required.
    api_key: str = _setting("must be a string of visible ASCII characters", _key, secret=True)
    #: The vendor API to use.
    api: str = _one_of("streaming", "liveavatar")
    #: The URL of that API; blank for the vendor's own.
    base_url: str = _setting(
        "must be an http or https URL without credentials, query or fragment", _url, ""
    )
    #: Upstream time budget of one request, in seconds.
    timeout: float = _seconds(1, 120, 20.0)
    #: Maximum characters of one task's text.
    max_text: int = _whole_number(1, 80_000, 2000)
    #: Maximum session tokens to keep ready; 0, the default under ``TESTING``, mints each token
    #: when it is needed. Each task orders one, so that fewer tasks keep fewer tokens.
    spare_tokens: int = _whole_number(0, 1000, 256)
    #: Seconds after which a spare session token is discarded.
    token_max_age: float = _seconds(0.1, 86_400, 300.0)
    #: The fields of a new session.
    session_defaults: Mapping[str, Any] = _setting(
        'must be a dict of session fields (in the environment as JSON: \'{"quality": "low"}\')',
        _fields,
        {},
    )
    #: The session fields that a page may set.
    session_allowed: tuple[str, ...] = _setting(
        "must be a list of names of session fields (in the environment as JSON: '[\"avatar_id\"]')",
        _names,
        ("avatar_id", "avatar_name", "voice", "quality", "language"),
    )

    #: Seconds after which a session's handle can only stop it.
    max_session_seconds: float = _seconds(1, 86_400, 3600.0)
    #: Origins of other sites whose pages may call, with cookies.
    cors_origins: tuple[str, ...] = _setting(
        "must be a list such as [\"https://app.example.com\"] (JSON in the environment), never '*'",
        _origins,
        (),
    )

    @classmethod
    @conceal_frames
    def from_mapping(cls, config: Mapping[str, Any], prefix: str = "HEYGEN") -> Settings:
        """Read and check the keys ``<prefix>_*`` of a Flask app's config.

        Raises:
            NotConfigured: a key is missing or wrong; the message names it, never its value.

        """
        values: dict[str, Any] = {"spare_tokens": 0} if config.get("TESTING") else {}
        for each, name in zip(fields(cls), _keys(prefix), strict=True):
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
            # Outside the block above: the context of this error would repeat the value.
            raise NotConfigured(f"{name} {wanted}.") from None
        if "api_key" not in values:
            raise NotConfigured(f"{prefix}_API_KEY is not set; put the API key into app.config.")

        return cls(**values)


@cache
def _keys(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{each.name.upper()}" for each in fields(Settings))


def config_values(config: Mapping[str, Any], prefix: str = "HEYGEN") -> dict[str, Any]:
    """Return the values that :meth:`Settings.from_mapping` reads, as they are in the config."""
    return {name: config.get(name) for name in ("TESTING", *_keys(prefix))}


def unknown_keys(
    config: Mapping[str, Any], prefix: str = "HEYGEN", others: Collection[str] = ()
) -> list[str]:
    """Return a sentence for each key ``<prefix>_*`` that is no setting.

    ``others`` are the prefixes of other accounts, whose keys may begin like this one's.
    """
    known = [name.removeprefix(prefix) for name in _keys(prefix)]
    longer = tuple(f"{other}_" for other in others if other.startswith(f"{prefix}_"))
    sentences = []
    for name in config:
        rest = name.removeprefix(prefix)
        if not name.startswith(f"{prefix}_") or rest in known or name.startswith(longer):
            continue
        sentences.append(f"{name} is not a setting{meant(rest, known, prefix)}")
    return sentences


def meant(name: str, known: Iterable[str], prefix: str = "") -> str:
    """Return the end of a sentence about a name that is not known: what it may stand for."""
    upper = {each.upper(): each for each in known}
    close = get_close_matches(name.upper(), upper, 1)
    return f"; did you mean {prefix}{upper[close[0]]}?" if close else "."


def is_local(url: str) -> bool:
    """Return whether a URL's host is of this machine or of a private network."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_private
    return "." not in host or host.endswith((".localhost", ".local", ".internal", ".test"))
