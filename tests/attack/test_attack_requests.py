"""Whatever a page sends to a route, it is answered in our words and nothing of ours falls over."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

PREFIX = "/api/heygen/"
ROUTES = ("start", "task", "stop", "interrupt", "keep-alive")
JSON = "application/json"
TASK = {"session_id": "a-session", "text": "What did you build last?", "task_type": "chat"}
FIELDS = ("session_id", "text", "task_type", "interrupt", "avatar_id", "voice", "quality")

#: With halves of surrogate pairs, which JSON can carry and UTF-8 cannot.
words = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**25), 1e308, math.nan])
scalars = st.none() | st.booleans() | numbers | words
values = (
    scalars | st.lists(scalars, max_size=2) | st.tuples(words, scalars).map(lambda it: dict([it]))
)
fields = st.sampled_from([("session_id", "a-session"), ("text", "Hello.")]) | st.tuples(
    st.sampled_from(FIELDS) | words, values
)
#: What a server hands on of a header: any byte but those that end a line.
headers = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)
types = headers | st.sampled_from(
    [
        JSON,
        f"{JSON}; charset=utf-16",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=line",
        "multipart/form-data",
        "text/plain;charset=UTF-8",
    ]
)
named = st.sampled_from(
    [
        "Origin",
        "Sec-Fetch-Site",
        "Content-Length",
        "Content-Encoding",
        "Transfer-Encoding",
        "Accept",
        "Cookie",
        "Range",
        "If-Range",
        "If-Modified-Since",
        "If-None-Match",
        "X-Forwarded-For",
        "X-HTTP-Method-Override",
    ]
)
paths = st.binary(max_size=20) | st.sampled_from(
    [*(route.encode() for route in ROUTES), b"heygen-avatar.js", b"heygen-avatar/delivery.js"]
)
dates = st.builds(
    "Mon, {} Jan {} {}:00:00 {:+05}".format, *[st.integers(-1, 10**12)] * 3, st.integers()
)
methods = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]
)
routes = st.sampled_from(ROUTES)


@pytest.fixture(scope="module")
def app(host_of: Callable[..., Flask]) -> Flask:
    return host_of(HEYGEN_CORS_ORIGINS=["https://app.example.com"])


class TestAnyRequest:
    @given(
        method=methods,
        path=paths,
        query=st.binary(max_size=20),
        sent=st.dictionaries(named, headers, max_size=4),
        content_type=types,
        length=st.integers(-1, 99),
        body=st.binary(max_size=60),
    )
    def test_is_answered(
        self,
        app: Flask,
        attacker: Any,
        *,
        method: str,
        path: bytes,
        query: bytes,
        sent: dict[str, str],
        content_type: str,
        length: int,
        body: bytes,
    ) -> None:
        """Any bytes in any place of it, and more or fewer of them than were announced."""
        attacker.send(
            app,
            PREFIX + quote_from_bytes(path),
            method=method,
            query_string=quote_from_bytes(query, safe="&=+%"),
            headers=sent,
            content_type=content_type,
            data=body,
            environ_overrides={"CONTENT_LENGTH": str(length)},
        )


class TestAnyJson:
    @given(
        route=routes,
        fields=st.lists(fields, max_size=5).map(dict),
    )
    def test_is_answered(
        self, app: Flask, attacker: Any, route: str, fields: dict[str, Any]
    ) -> None:
        """Any value in any field, known or not."""
        answer = attacker.send(app, PREFIX + route, method="POST", json=fields)

        assert answer.status_code in (200, 413, 422)


class TestBrokenJson:
    @given(
        route=routes,
        start=st.integers(0, 90),
        length=st.integers(0, 30),
        junk=st.binary(max_size=6)
        | st.sampled_from([b"\xef\xbb\xbf", b"\\ud83d", b"NaN", b"[" * 99]),
    )
    def test_is_answered(
        self, app: Flask, attacker: Any, *, route: str, start: int, length: int, junk: bytes
    ) -> None:
        """A right body of which a part was replaced."""
        right = json.dumps(TASK).encode()
        body = right[:start] + junk + right[start + length :]

        answer = attacker.send(
            app,
            PREFIX + route,
            method="POST",
            data=body,
            content_type=JSON,
            texts=[TASK["text"]],
        )

        assert answer.status_code in (200, 400, 413, 422)


class TestBeacon:
    @given(
        content_type=types,
        query=st.binary(max_size=20) | st.just(b"session_id=a-session"),
        body=st.lists(
            st.binary(max_size=12)
            | st.sampled_from(
                [
                    b"session_id",
                    b"=a-session&",
                    b'{"session_id":',
                    b'"a-session"}',
                    b"--line\r\n",
                    b'Content-Disposition: form-data; name="session_id"',
                    b"\r\n\r\n",
                    b"\r\n--line--\r\n",
                ]
            ),
            max_size=8,
        ).map(b"".join),
    )
    def test_is_answered(
        self, app: Flask, attacker: Any, content_type: str, query: bytes, body: bytes
    ) -> None:
        """Forms, JSON and queries, whole and in pieces, of any type."""
        answer = attacker.send(
            app,
            f"{PREFIX}stop",
            method="POST",
            query_string=quote_from_bytes(query, safe="&="),
            content_type=content_type,
            data=body,
        )

        assert answer.status_code in (200, 413, 422)


class TestTheModule:
    @given(
        name=st.sampled_from(["heygen-avatar.js", "heygen-avatar/", "heygen-avatar/x"]),
        rest=st.binary(max_size=20),
        sent=st.dictionaries(named, headers | dates, max_size=3),
    )
    def test_is_answered(
        self, app: Flask, attacker: Any, name: str, rest: bytes, sent: dict[str, str]
    ) -> None:
        """Whatever part of it is asked for, under whatever condition."""
        attacker.send(app, PREFIX + name + quote_from_bytes(rest, safe=""), headers=sent)
