"""Any request to a route gets a proper answer."""

from __future__ import annotations

import itertools
import json
import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flask_heygen.backends.fields import LIVEAVATAR_FIELDS, STREAMING_FIELDS
from flask_heygen.backends.liveavatar_messages import SANDBOX_AVATAR

PREFIX = "/api/heygen/"
ROUTES = ("start", "task", "stop", "interrupt", "keep-alive")
JSON = "application/json"
#: The id of a page's session, in whose place the one is sent that its host has given it.
SESSION = "a-session"
TASK = {"session_id": SESSION, "text": "What did you build last?", "task_type": "chat"}
#: What a session is made of with one API or the other, and what the other routes take.
SESSION_FIELDS = sorted(STREAMING_FIELDS.keys() | LIVEAVATAR_FIELDS.keys())
TASK_FIELDS = ["session_id", "text", "task_type", "interrupt"]

#: With halves of surrogate pairs, which JSON can carry and UTF-8 cannot.
words = st.text(st.characters(exclude_categories=()), max_size=20)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -(10**25), 1e308, math.nan])
scalars = st.none() | st.booleans() | numbers | words
values = (
    scalars | st.lists(scalars, max_size=2) | st.tuples(words, scalars).map(lambda it: dict([it]))
)


def bodies(names: list[str], *right: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Make bodies: one that is right so far, with any values beside it or in its place."""
    known, any_names = (
        st.dictionaries(name, values, max_size=2) for name in (st.sampled_from(names), words)
    )
    return st.builds(operator.or_, st.sampled_from(right), known | any_names)


of_sessions = bodies(SESSION_FIELDS, {}, {"quality": "high", "is_sandbox": True})
of_commands = bodies(TASK_FIELDS, {}, {"session_id": SESSION}, TASK)


class Page(NamedTuple):
    """The sender of a request, and its host."""

    api: str
    #: Whether the host asks who its users are.
    owned: bool
    user: str | None

    @property
    def refusals(self) -> set[int]:
        """The other statuses that this page may get; 501 is of a session that it made itself."""
        return ({401, 403} if self.owned else set()) | (
            {501} if self.api == "liveavatar" else set()
        )


pages = st.builds(
    Page,
    st.sampled_from(["streaming", "liveavatar"]),
    st.booleans(),
    st.sampled_from(["ada", "eve", None]),
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
#: With and without an answer in two lines.
accepts = st.sampled_from(["", "application/json", "application/x-ndjson, application/json;q=0.5"])

Send = Callable[..., TestResponse]
StatusOf = Callable[[TestResponse], int]


@pytest.fixture(scope="module")
def send(host_of: Callable[..., Flask], attacker: Any) -> Send:
    """Send a page's request to its host, with the id that this has given to Ada's session."""
    hosts, ids = {}, {}
    for api, owned in itertools.product(["streaming", "liveavatar"], [False, True]):
        app = hosts[api, owned] = host_of(
            owned=owned,
            HEYGEN_API=api,
            HEYGEN_CORS_ORIGINS=["https://app.example.com"],
            HEYGEN_SESSION_ALLOWED=SESSION_FIELDS,
            HEYGEN_SESSION_DEFAULTS={"avatar_id": SANDBOX_AVATAR},
        )
        started = attacker.send(
            app, f"{PREFIX}start", method="POST", json={}, headers={"X-User": "ada"}
        )
        ids[api, owned] = started.get_json()["data"]["session_id"]

    def send(
        page: Page,
        path: str,
        *,
        query: str = "",
        data: bytes = b"",
        headers: Any = (),
        **request: Any,
    ) -> TestResponse:
        at = page.api, page.owned
        answer: TestResponse = attacker.send(
            hosts[at],
            PREFIX + path,
            query_string=query.replace(SESSION, ids[at]),
            data=data.replace(SESSION.encode(), ids[at].encode()),
            headers={**dict(headers), **({} if page.user is None else {"X-User": page.user})},
            **request,
        )
        return answer

    return send


class TestAnyRequest:
    @given(
        page=pages,
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
        send: Send,
        *,
        page: Page,
        method: str,
        path: bytes,
        query: bytes,
        sent: dict[str, str],
        content_type: str,
        length: int,
        body: bytes,
    ) -> None:
        """Any bytes in any place of it, and more or fewer of them than were announced."""
        send(
            page,
            quote_from_bytes(path),
            method=method,
            query=quote_from_bytes(query, safe="&=+%"),
            headers=sent,
            content_type=content_type,
            data=body,
            environ_overrides={"CONTENT_LENGTH": str(length)},
        )


class TestAnyJson:
    @given(
        page=pages,
        call=st.tuples(st.just("start"), of_sessions) | st.tuples(routes, of_commands),
        accept=accepts,
    )
    def test_is_answered(
        self,
        send: Send,
        status_of: StatusOf,
        *,
        page: Page,
        call: tuple[str, dict[str, Any]],
        accept: str,
    ) -> None:
        """Any value in any field, known or not."""
        route, fields = call

        answer = send(
            page,
            route,
            method="POST",
            data=json.dumps(fields).encode(),
            content_type=JSON,
            headers={"Accept": accept},
        )

        # A start of an existing session is unknown to LiveAvatar.
        unsupported = {501} if page.api == "liveavatar" and "session_id" in fields else set()
        assert status_of(answer) in {200, 413, 422} | page.refusals | unsupported


class TestBrokenJson:
    @given(
        page=pages,
        route=routes,
        start=st.integers(0, 90),
        length=st.integers(0, 30),
        junk=st.binary(max_size=6)
        | st.sampled_from([b"\xef\xbb\xbf", b"\\ud83d", b"NaN", b"[" * 99]),
        accept=accepts,
    )
    def test_is_answered(
        self,
        send: Send,
        status_of: StatusOf,
        *,
        page: Page,
        route: str,
        start: int,
        length: int,
        junk: bytes,
        accept: str,
    ) -> None:
        """A right body of which a part was replaced."""
        right = json.dumps(TASK).encode()
        body = right[:start] + junk + right[start + length :]

        # With LiveAvatar a page is to have the text, which it publishes itself.
        texts = [] if page.api == "liveavatar" else [TASK["text"]]
        answer = send(
            page,
            route,
            method="POST",
            data=body,
            content_type=JSON,
            texts=texts,
            headers={"Accept": accept},
        )

        assert status_of(answer) in {200, 400, 413, 422} | page.refusals


class TestBeacon:
    @given(
        page=pages,
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
        self, send: Send, *, page: Page, content_type: str, query: bytes, body: bytes
    ) -> None:
        """Forms, JSON and queries, whole and in pieces, of any type."""
        answer = send(
            page,
            "stop",
            method="POST",
            query=quote_from_bytes(query, safe="&="),
            content_type=content_type,
            data=body,
        )

        assert answer.status_code in {200, 413, 422} | page.refusals


class TestTheModule:
    @given(
        page=pages,
        name=st.sampled_from(["heygen-avatar.js", "heygen-avatar/", "heygen-avatar/x"]),
        rest=st.binary(max_size=20),
        sent=st.dictionaries(named, headers | dates, max_size=3),
    )
    def test_is_answered(
        self, send: Send, *, page: Page, name: str, rest: bytes, sent: dict[str, str]
    ) -> None:
        """Whatever part of it is asked for, under whatever condition."""
        send(page, name + quote_from_bytes(rest, safe=""), headers=sent)
