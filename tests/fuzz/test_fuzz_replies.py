"""Whatever the vendor replies, a page is answered in our words and told no secret."""

from __future__ import annotations

import html
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from flask_heygen.backends.liveavatar_messages import SANDBOX_AVATAR

PREFIX = "/api/heygen/"
#: As attacked, and as the vendor may echo them.
KEY, TOKEN = "attacked-key-4f1c9a7b2e6d8035", "attacked-token-9d3e5f7a1b2c0468d7f9"
TEXT = 'Why did you leave "Cyberdyne" & <Sons>,\nZoë?'
BODIES = {"start": {}, "task": {"session_id": "s", "text": TEXT, "interrupt": True}}

_WORDS = [
    *("", "success", "failed", "session not found", "session state wrong: closed", "Unauthorized"),
    *("Concurrent limit reached", "endpoint_sunset", "a\r\nb\x1b[2J\u2028c", "javascript:alert(1)"),
    *("../../x", "\ud800", "0", "9" * 400),
]
_ECHOES = [
    spell(f"Invalid params: {secret}!"[start:end])
    for secret in (KEY, TOKEN, TEXT)
    for start, end in ((0, 99), (9, 40), (18, 45))
    for spell in (str, json.dumps, html.escape, quote, quote_plus)
]
#: Calls that alone are sent a token or the text, and so alone can echo a part of it.
_SENT = {b"tacked-token": r"streaming\.(?!create)|sessions/start", b"Cyber": r"streaming\.task"}
words = st.text(max_size=20) | st.sampled_from(_WORDS)
scalars = (
    st.none()
    | st.booleans()
    | words
    | st.integers()
    | st.floats()
    | st.sampled_from([100, 1000, 10006, 400112, 10**400, -(10**400), 1e999, -1e308, math.nan])
)
values = (
    scalars
    | st.lists(scalars, max_size=3)
    | st.dictionaries(st.sampled_from(["code", "message", "loc", "msg"]), scalars, max_size=3)
)
_NAMES = [
    *("session_id", "id", "url", "access_token", "session_duration_limit", "task_id"),
    *("duration_ms", "token", "session_token", "livekit_url", "livekit_client_token"),
    "max_session_duration",
]
#: Shorter than what the leak detector searches for, as these become tokens.
tokens = st.none() | st.integers() | st.text(max_size=11) | st.just("\ud800")
some = {**dict.fromkeys(_NAMES, values), "token": tokens, "session_token": tokens}
good = dict.fromkeys(_NAMES, st.sampled_from(["s", "wss://r"]))
data = st.fixed_dictionaries({}, optional=some) | st.fixed_dictionaries(
    {**good, "duration_ms": values, "session_duration_limit": values}
)
#: What passes for a success. None holds a secret: of a success a page is given no more than what
#: names its session and its room, and a vendor who would put the key there can as well publish it.
successes = st.fixed_dictionaries(
    {"data": data | values},
    optional={"code": st.sampled_from([100, 1000, "success"]), "message": words},
)
echoes = st.sampled_from(_ECHOES)
details = st.lists(st.fixed_dictionaries({}, optional={"loc": values, "msg": echoes}), max_size=3)
failures: st.SearchStrategy[Any] = (
    st.sampled_from([None, True, 7, math.nan, "s", [], [{}], {}])
    | st.fixed_dictionaries(
        {"code": values}, optional={"message": values, "error": values, "status": values}
    )
    | st.fixed_dictionaries({}, optional={"code": echoes, "message": echoes, "error": echoes})
    | st.fixed_dictionaries({"detail": echoes | details | values})
)
statuses = st.sampled_from([200, 400, 401, 403, 404, 410, 422, 429, 500, 503]) | (
    st.integers(200, 999)
)
waits = (
    st.sampled_from(["-1", "NaN", "1e999", "0", "9" * 5000, "1, 2", "", "\xb2"])
    | st.integers(0, 10**6).map(str)
    | st.builds(
        "Mon, {} Jan {} {}:00:00 {:+05}".format, *[st.integers(-1, 10**12)] * 3, st.integers()
    )
)
locations = st.sampled_from(["", "/x", "http://[", "\xff", "http://user:p@[::1", "//", "x" * 5000])
#: The API, the route, and a word in the path of one of the calls that it makes of the vendor.
calls = st.sampled_from(
    [
        *(("streaming", "start", call) for call in ("create_token", "new", "start", "/")),
        *(("streaming", "task", call) for call in ("create_token", "interrupt", "task", "/")),
        *(("streaming", "stop", call) for call in ("create_token", "stop")),
        *(("streaming", "interrupt", "interrupt"), ("streaming", "keep-alive", "keep_alive")),
        *(("liveavatar", "start", call) for call in ("token", "start", "/")),
        *(("liveavatar", route, "/") for route in ("task", "stop", "keep-alive")),
    ]
)


@pytest.fixture(scope="module")
def post(
    host_of: Callable[..., Flask], attacker: Any, hostile: Any
) -> Iterator[Callable[..., Any]]:
    """Post to a route of a host that speaks one of the APIs, to whom the vendor replies so."""
    defaults = {"liveavatar": {"avatar_id": SANDBOX_AVATAR}, "streaming": {}}
    hosts = {
        api: host_of(HEYGEN_API=api, HEYGEN_SESSION_DEFAULTS=fields)
        for api, fields in defaults.items()
    }
    usually = hostile.reply

    def post(api: str, route: str, place: str, reply: bytes) -> Any:
        def attack(path: str) -> bytes:
            unsent = [part for part, calls in _SENT.items() if not re.search(calls, path)]
            fits = place in path and not any(part in reply for part in unsent)
            return reply if fits else usually(path)

        hostile.reply = attack
        body = BODIES.get(route, {"session_id": "s"})
        # With LiveAvatar a page is to have the text, which it publishes itself.
        texts = [] if (api, route) == ("liveavatar", "task") else [TEXT]
        return attacker.send(hosts[api], PREFIX + route, method="POST", json=body, texts=texts)

    with pytest.MonkeyPatch.context() as monkeypatch:
        # Before a call is repeated: a tenth of a second, and here ten thousand of them.
        monkeypatch.setattr(time, "sleep", lambda _: None)
        yield post


def json_reply(status: int, body: Any, **headers: str) -> bytes:
    content = json.dumps(body).encode()
    headers = {**headers, "Content-Length": str(len(content))}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    return f"HTTP/1.1 {status} X\r\n{''.join(lines)}\r\n".encode("latin-1") + content


class TestASuccess:
    @given(call=calls, status=st.sampled_from([200, 201, 204]), body=successes)
    def test_is_checked(
        self, post: Callable[..., Any], call: tuple[str, str, str], status: int, body: Any
    ) -> None:
        """Any JSON in it, where what a page needs is expected."""
        answer = post(*call, json_reply(status, body))

        assert answer.status_code in (200, 502, 504)
        told = answer.get_json().get("data", {})
        for name in told.keys() & {"session_id", "url", "access_token", "task_id"}:
            assert isinstance(told[name], str)


class TestAFailure:
    @given(call=calls, status=statuses, wait=waits, location=locations, body=failures)
    def test_is_understood(
        self,
        post: Callable[..., Any],
        *,
        call: tuple[str, str, str],
        status: int,
        wait: str,
        location: str,
        body: Any,
    ) -> None:
        """Any JSON with any status, with an echo of any secret in it; never as the page's own."""
        answer = post(*call, json_reply(status, body, Retry_After=wait, Location=location))

        # No 401 nor 403, which are for whom our host refuses, and no 4xx that blames the page.
        assert answer.status_code in (200, 404, 409, 410, 429, 502, 504)


class TestBytes:
    @given(
        call=calls,
        reply=st.lists(
            st.binary(max_size=20)
            | st.sampled_from(
                [
                    b"HTTP/1.1 200 OK\r\n",
                    b"HTTP/1.1 302 Found\r\n",
                    b"HTTP/1.1 100 Continue\r\n\r\n",
                    b"HTTP/0.9 -1\r\n",
                    b"Content-Length: 9\r\n",
                    b"Content-Length: 1,2\r\n",
                    b"Content-Encoding: gzip\r\n",
                    b"Transfer-Encoding: chunked\r\n",
                    b"Set-Cookie: a=b; expires=\xff; domain=[\r\n",
                    b"Location: http://[\r\n",
                    b"Retry-After: \x00\r\n",
                    b"Connection: keep-alive\r\n",
                    b": \r\n" * 200,
                    b"\r\n",
                    b"\r\n\r\n",
                    b'{"data":',
                    b"{}}",
                    b"5\r\n{}   \r\n",
                    b"ffffffffffffffffff\r\n",
                    b"\xff\xfe{\0}\0",
                    b"[" * 5000,
                    *(echo.encode() for echo in _ECHOES),
                ]
            ),
            max_size=7,
        ).map(b"".join),
    )
    def test_are_survived(
        self, post: Callable[..., Any], call: tuple[str, str, str], reply: bytes
    ) -> None:
        """Any bytes, in the middle of which the vendor may hang up."""
        post(*call, reply)
