"""Attacks by name: what is known to have felled others, on each route, with and without owners."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

PREFIX = "/api/heygen/"
ROUTES = ("start", "task", "stop", "interrupt", "keep-alive")
COMMANDS = ROUTES[1:]
JSON = "application/json"

#: What is sent for the id of a session, as it stands in JSON.
IDS: dict[str, str] = {
    "a path": '"../../x"',
    "an encoded path": '"..%2f..%2fx"',
    "another host": '"@evil.example/v1"',
    "a URL": '"http://evil.example/"',
    "a header": r'"a\r\nX-Api-Key: x"',
    "an end of line": r'"a-session\n"',
    "a NUL": r'"a-session\u0000"',
    "half a pair": r'"\ud83d"',
    "halves in wrong order": r'"\ude00\ud83d"',
    "a megabyte, almost": f'"{"a" * 900_000}"',
    "deep arrays": "[" * 100_000 + "]" * 100_000,
    "deep objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "deep and unfinished": "[" * 100_000,
    "a huge number": "9" * 100_000,
    "a huge exponent": "1e999999999",
    "not a number": "NaN",
    "an infinity": "-Infinity",
    "nothing": "null",
    "no JSON": "undefined",
}

#: Whole bodies.
BODIES: dict[str, bytes] = {
    "a byte order mark": b'\xef\xbb\xbf{"session_id":"s"}',
    "UTF-16": '{"session_id":"s"}'.encode("utf-16"),
    "UTF-32": '{"session_id":"s"}'.encode("utf-32-be"),
    "broken UTF-8": b'{"session_id":"\xc3"}',
    "an overlong slash": b'{"session_id":"\xc0\xaf"}',
    "a raw half of a pair": b'{"session_id":"\xed\xa0\xbd"}',
    "a raw end of line": b'{"session_id":"s\n"}',
    "a NUL": b"\0",
    "names alone": b'{"__proto__":{},"__class__":1,"constructor":1,"self":1}',
    "a field 1,000 times": b"{" + b'"session_id":"s",' * 1000 + b'"session_id":7}',
    "100,000 fields": b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
    "100,000 form fields": b"a=1&" * 100_000,
    "a gzip": b"\x1f\x8b\x08" + bytes(20),
}


@pytest.fixture(params=[False, True], ids=["open", "owned"], scope="module")
def app(host_of: Callable[..., Flask], request: pytest.FixtureRequest) -> Flask:
    return host_of(owned=request.param)


class TestAnId:
    @pytest.mark.parametrize("forged", IDS.values(), ids=IDS)
    def test_is_refused(self, app: Flask, attacker: Any, hostile: Any, forged: str) -> None:
        """Whether it can be read or not, and the vendor hears nothing of it."""
        hostile.heard = b""
        for route in COMMANDS:
            text = ',"text":"Hello."' if route == "task" else ""

            answer = attacker.send(
                app,
                PREFIX + route,
                method="POST",
                data=f'{{"session_id":{forged}{text}}}',
                content_type=JSON,
                headers={"X-User": "ada"},
            )

            assert answer.status_code in (400, 403, 422), route
            assert hostile.heard == b"", route

    def test_that_stands_twice_is_checked_as_it_is_used(
        self, host_of: Callable[..., Flask], attacker: Any, hostile: Any
    ) -> None:
        """One's own before another's, or after it, commands no session of the other's."""
        app = host_of(owned=True)
        ids = {}
        for user in ("ada", "eve"):
            started = attacker.send(
                app, f"{PREFIX}start", method="POST", json={}, headers={"X-User": user}
            )
            ids[user] = json.dumps(started.get_json()["data"]["session_id"])

        answers = [
            attacker.send(
                app,
                f"{PREFIX}stop",
                method="POST",
                data=f'{{"session_id":{ids[first]},"session_id":{ids[last]}}}',
                headers={"X-User": "eve"},
            ).status_code
            for first, last in (("eve", "ada"), ("ada", "eve"))
        ]

        assert answers == [403, 200]


class TestABody:
    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    @pytest.mark.parametrize(
        "content_type", [JSON, "application/x-www-form-urlencoded", "text/plain"]
    )
    def test_is_refused(
        self, app: Flask, attacker: Any, hostile: Any, content_type: str, body: bytes
    ) -> None:
        """As what cannot be read, or holds what is not wanted."""
        hostile.heard = b""
        for route in ROUTES:
            answer = attacker.send(
                app,
                PREFIX + route,
                method="POST",
                data=body,
                content_type=content_type,
                headers={"X-User": "ada"},
            )

            assert answer.status_code in (400, 403, 413, 415, 422), route
            assert hostile.heard == b"", route
