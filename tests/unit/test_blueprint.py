"""The blueprint's routes, in many kinds of apps."""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections import ChainMap
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
import requests
import requests_mock
from flask import Blueprint, Flask, Response, abort, url_for
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException, TooManyRequests, default_exceptions
from werkzeug.test import TestResponse

from flask_heygen import HeyGen, HeyGenClient, heygen_bp

KEY = "the-key-of-the-tests"
PREFIX = "/api/heygen"
ROUTES = ("start", "task", "stop", "interrupt", "keep-alive")
STRICT = tuple(route for route in ROUTES if route != "stop")
SESSION = {"session_id": "a-session"}
TASK = {**SESSION, "text": "Hello."}

strict = pytest.mark.parametrize("route", STRICT)


@pytest.fixture
def live_app(app: Flask) -> Flask:
    """Return the app as it is deployed: it answers faults instead of raising them."""
    app.config.update(TESTING=False, HEYGEN_SPARE_TOKENS=0)
    return app


def make_app(**config: Any) -> Flask:
    app = Flask("host")
    app.config.update(
        TESTING=True, HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL="http://heygen.test", **config
    )
    return app


def body_of(route: str) -> dict[str, Any]:
    return {"start": {}, "task": TASK}.get(route, SESSION)


def calls(vendor: requests_mock.Mocker) -> list[str]:
    return [call.path.rpartition(".")[2] for call in vendor.request_history]


def keys(vendor: requests_mock.Mocker) -> list[str]:
    sent = (call.headers.get("X-Api-Key") for call in vendor.request_history)
    return [key for key in sent if key]


def error(response: TestResponse) -> dict[str, Any]:
    answer = response.get_json()
    assert answer.keys() == {"status", "error"}
    assert answer["status"] == "error"
    found: dict[str, Any] = answer["error"]
    return found


def outcome(response: TestResponse) -> tuple[int, str]:
    return response.status_code, error(response)["code"]


class TestStart:
    def test_answers_what_a_page_needs(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """The room to join, and neither the key nor a session token."""
        response = client.post(f"{PREFIX}/start", json={})

        assert response.status_code == 200
        assert response.get_json() == {
            "status": "success",
            "data": {
                "session_id": "a-session",
                "transport": "livekit",
                "url": "wss://room.test",
                "access_token": "room-token",
                "session_seconds": 600,
                "idle_seconds": 120,
                "listening": None,
            },
        }
        assert calls(vendor) == ["create_token", "new", "start"]

    def test_takes_what_a_page_may_choose(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """Avatar, voice, quality and language are a page's to choose."""
        chosen = {"avatar_id": "a", "voice": {"rate": 1.1}, "quality": "low", "language": "de"}

        response = client.post(f"{PREFIX}/start", json=chosen)

        assert response.status_code == 200
        assert vendor.request_history[1].json() == {**chosen, "version": "v2"}

    def test_takes_no_more_than_the_host_allows(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """HEYGEN_SESSION_ALLOWED is what a page may choose."""
        app.config["HEYGEN_SESSION_ALLOWED"] = ["knowledge_base_id"]

        allowed = client.post(f"{PREFIX}/start", json={"knowledge_base_id": "k"})
        refused = client.post(f"{PREFIX}/start", json={"quality": "low"})

        assert allowed.status_code == 200
        assert outcome(refused) == (422, "invalid_field")
        assert error(refused)["message"] == (
            "quality cannot be set by a page: HEYGEN_SESSION_ALLOWED does not name it."
        )
        assert calls(vendor) == ["create_token", "new", "start"]

    @pytest.mark.parametrize("value", [True, False, None])
    def test_never_disables_the_idle_timeout(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker, *, value: bool | None
    ) -> None:
        """A session without an idle timeout cannot be started, even if the app allows the field."""
        app.config["HEYGEN_SESSION_ALLOWED"] = ["disable_idle_timeout"]

        response = client.post(f"{PREFIX}/start", json={"disable_idle_timeout": value})

        assert outcome(response) == (422, "invalid_field")
        assert "disable_idle_timeout cannot be set" in error(response)["message"]
        assert calls(vendor) == []


class TestTask:
    def test_answers_what_is_known_of_it(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """The task's id and how long it takes to speak."""
        response = client.post(f"{PREFIX}/task", json=TASK)

        assert response.status_code == 200
        assert response.get_json() == {
            "status": "success",
            "data": {"task_id": "a-task", "duration_ms": 2450.5},
        }
        assert vendor.request_history[1].json() == {
            **TASK,
            "task_type": "repeat",
            "task_mode": "async",
        }

    def test_takes_a_type_and_an_interrupt(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """A page may let the avatar answer, and cut it short."""
        response = client.post(
            f"{PREFIX}/task", json={**TASK, "task_type": "chat", "interrupt": True}
        )

        assert response.status_code == 200
        assert calls(vendor) == ["create_token", "interrupt", "task"]
        assert vendor.request_history[2].json()["task_type"] == "chat"

    def test_needs_a_text_of_a_sensible_length(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """One character more than HEYGEN_MAX_TEXT is 413 with both numbers; nothing is cut."""
        app.config["HEYGEN_MAX_TEXT"] = 10

        longest = client.post(f"{PREFIX}/task", json={**SESSION, "text": "é" * 10})
        longer = client.post(f"{PREFIX}/task", json={**SESSION, "text": "é" * 11})

        assert longest.status_code == 200
        assert outcome(longer) == (413, "text_too_long")
        assert "11 characters" in error(longer)["message"]
        assert calls(vendor) == ["create_token", "task"]

    def test_is_2000_characters_at_most(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """That is the limit where none is set."""
        response = client.post(f"{PREFIX}/task", json={**SESSION, "text": "a" * 2001})

        assert outcome(response) == (413, "text_too_long")
        assert calls(vendor) == []

    def test_can_be_as_long_as_a_host_allows(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """The longest text that can be allowed fits a body, each character escaped."""
        app.config["HEYGEN_MAX_TEXT"] = 80_000
        text = "😀" * 80_000

        response = client.post(f"{PREFIX}/task", json={**SESSION, "text": text})

        assert response.status_code == 200
        assert vendor.request_history[1].json()["text"] == text


class TestCommand:
    @pytest.mark.parametrize("route", ["stop", "interrupt", "keep-alive"])
    def test_answers_a_success(
        self, client: FlaskClient, vendor: requests_mock.Mocker, route: str
    ) -> None:
        """Its data is empty."""
        response = client.post(f"{PREFIX}/{route}", json=SESSION)

        assert response.status_code == 200
        assert response.get_json() == {"status": "success", "data": {}}
        assert calls(vendor) == ["create_token", route.replace("-", "_")]


FORM = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--line\r\nContent-Disposition: form-data; name="session_id"\r\n\r\na-session\r\n--line--\r\n'
)
JSON_BODY = json.dumps(SESSION).encode()

#: The forms that a page's last message may have.
BEACONS: dict[str, dict[str, Any]] = {
    "fetch": {"json": SESSION},
    "a string": {"data": JSON_BODY, "content_type": "text/plain;charset=UTF-8"},
    "a blob": {"data": JSON_BODY, "content_type": "application/json"},
    "a blob without a type": {"data": JSON_BODY},
    "a blob of another type": {"data": JSON_BODY, "content_type": "image/png"},
    "a blob of another charset": {"data": JSON_BODY, "content_type": "text/plain;charset=latin-1"},
    "json that says it is a form": {"data": JSON_BODY, "content_type": FORM},
    "URLSearchParams": {"data": b"session_id=a-session", "content_type": f"{FORM};charset=UTF-8"},
    "a form with more": {"data": b"csrf_token=t&session_id=a-session", "content_type": FORM},
    "FormData": {"data": MULTIPART, "content_type": "multipart/form-data; boundary=line"},
    "the query": {"query_string": SESSION},
    "the query and a body of nothing": {"query_string": SESSION, "json": {}},
    "the query and a body of nonsense": {"query_string": SESSION, "data": b"\xff{"},
    "the query and an empty form": {"query_string": SESSION, "data": b"a=b", "content_type": FORM},
    "json with more": {"json": {**SESSION, "reason": "pagehide"}},
    "the body before the query": {"json": SESSION, "query_string": {"session_id": "another"}},
    "the form before the query": {"data": SESSION, "query_string": {"session_id": "another"}},
}


class TestStop:
    @pytest.mark.parametrize("request_", BEACONS.values(), ids=BEACONS)
    def test_reads_what_a_page_can_send(
        self, client: FlaskClient, vendor: requests_mock.Mocker, request_: dict[str, Any]
    ) -> None:
        """A page that closes has only sendBeacon, which cannot say that it sends JSON."""
        response = client.post(f"{PREFIX}/stop", **request_)

        assert response.status_code == 200
        assert vendor.request_history[1].json() == SESSION

    @pytest.mark.parametrize(
        "request_",
        [
            {},
            {"json": {}},
            {"json": []},
            {"json": "a-session"},
            {"json": {"session_id": None}},
            {"json": {"session": "a-session"}},
            {"data": b"a-session", "content_type": "text/plain"},
            {"data": b"session_id", "content_type": FORM},
            {"data": b"session_id=", "content_type": FORM},
            {"data": b"\xff\xfe", "content_type": "text/plain"},
            {"data": b"[" * 100_000, "content_type": "text/plain"},
            {"data": MULTIPART[:60], "content_type": "multipart/form-data; boundary=line"},
            {"data": MULTIPART, "content_type": "multipart/form-data"},
            {"query_string": {"session_id": ""}},
            {"query_string": {"session_id": "../a-session"}},
            {"json": {"session_id": ["a-session"]}},
            {"json": {"session_id": {}}},
            {"json": {"session_id": 7}},
            {"json": {"session_id": "a/b"}},
        ],
    )
    def test_needs_a_session(
        self, client: FlaskClient, vendor: requests_mock.Mocker, request_: dict[str, Any]
    ) -> None:
        """Without a valid id it is 422 and names the field; the vendor is not called."""
        response = client.post(f"{PREFIX}/stop", **request_)

        assert outcome(response) == (422, "invalid_field")
        assert error(response)["message"].startswith("session_id ")
        assert calls(vendor) == []

    def test_may_be_said_twice(self, client: FlaskClient, vendor: requests_mock.Mocker) -> None:
        """A page that says it again, on purpose and on closing, gets the same answer."""
        gone = {"status_code": 400, "json": {"code": 10006, "message": "session not found"}}
        vendor.post("/v1/streaming.stop", [{"json": {"status": "success"}}, gone])

        answers = [client.post(f"{PREFIX}/stop", json=SESSION).get_json() for _ in range(3)]

        assert answers == [{"status": "success", "data": {}}] * 3

    def test_has_a_size_too(self, client: FlaskClient, vendor: requests_mock.Mocker) -> None:
        """A beacon of two megabytes is refused, whatever its Content-Type."""
        text = client.post(f"{PREFIX}/stop", data=b" " * (2 << 20), content_type="text/plain")
        form = client.post(f"{PREFIX}/stop", data=b"a" * (2 << 20), content_type=FORM)

        assert outcome(text) == outcome(form) == (413, "body_too_large")
        assert calls(vendor) == []


#: What cannot be read: the request, our status and code.
UNREADABLE: dict[str, tuple[dict[str, Any], int, str]] = {
    "no type": ({"data": b"{}"}, 415, "unsupported_media_type"),
    "text": ({"data": b"{}", "content_type": "text/plain"}, 415, "unsupported_media_type"),
    "a form": ({"data": SESSION}, 415, "unsupported_media_type"),
    "latin-1": (
        {"data": b"{}", "content_type": "application/json; charset=latin-1"},
        415,
        "unsupported_media_type",
    ),
    "utf-16": (
        {"data": "{}".encode("utf-16"), "content_type": "application/json; charset=utf-16"},
        415,
        "unsupported_media_type",
    ),
    "utf-16 unsaid": (
        {"data": "{}".encode("utf-16"), "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "utf-16 said to be utf-8": (
        {"data": "{}".encode("utf-16-le"), "content_type": "application/json; charset=utf-8"},
        400,
        "bad_request",
    ),
    "latin-1 unsaid": (
        {"data": '{"text":"é"}'.encode("latin-1"), "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "a byte order mark": (
        {"data": "{}".encode("utf-8-sig"), "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "blanks": ({"data": b" \n", "content_type": "application/json"}, 400, "bad_request"),
    "half an object": ({"data": b'{"a":', "content_type": "application/json"}, 400, "bad_request"),
    "two objects": ({"data": b"{}{}", "content_type": "application/json"}, 400, "bad_request"),
    "single quotes": ({"data": b"{'a':1}", "content_type": "application/json"}, 400, "bad_request"),
    "an array": ({"json": [TASK]}, 400, "bad_request"),
    "a string": ({"json": "text"}, 400, "bad_request"),
    "a number": ({"json": 7}, 400, "bad_request"),
    "null": ({"data": b"null", "content_type": "application/json"}, 400, "bad_request"),
    "true": ({"json": True}, 400, "bad_request"),
    "not a number": ({"data": b"NaN", "content_type": "application/json"}, 400, "bad_request"),
    "a huge number": (
        {"data": b'{"a":' + b"9" * 5000 + b"}", "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "deep arrays": (
        {"data": b"[" * 100_000 + b"]" * 100_000, "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "deep objects": (
        {"data": b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "content_type": "application/json"},
        400,
        "bad_request",
    ),
    "2 MB": (
        {"data": b" " * (2 << 20), "content_type": "application/json"},
        413,
        "body_too_large",
    ),
}

#: Content types that an empty body may have.
TYPES = ("application/json", "text/plain", "image/png")

#: What can be read and is wrong: the route, the body, and the field that the message names.
WRONG: list[tuple[str, str, str]] = [
    ("task", "{}", "session_id"),
    ("task", '{"session_id":"s"}', "text"),
    ("task", '{"text":"t"}', "session_id"),
    ("task", '{"session_id":null,"text":"t"}', "session_id"),
    ("task", '{"session_id":7,"text":"t"}', "session_id"),
    ("task", '{"session_id":["s"],"text":"t"}', "session_id"),
    ("task", '{"session_id":NaN,"text":"t"}', "session_id"),
    ("task", '{"session_id":"","text":"t"}', "session_id"),
    ("task", '{"session_id":"s","text":null}', "text"),
    ("task", '{"session_id":"s","text":7}', "text"),
    ("task", '{"session_id":"s","text":NaN}', "text"),
    ("task", '{"session_id":"s","text":1e999}', "text"),
    ("task", '{"session_id":"s","text":["t"]}', "text"),
    ("task", '{"session_id":"s","text":{"t":"t"}}', "text"),
    ("task", '{"session_id":"s","text":true}', "text"),
    ("task", '{"session_id":"s","text":""}', "text"),
    ("task", '{"session_id":"s","text":" \\n"}', "text"),
    ("task", '{"session_id":"s","text":"\\ud83d"}', "text"),
    ("task", f'{{"session_id":"s","text":{"[" * 500}{"]" * 500}}}', "text"),
    ("task", '{"session_id":"s","text":"t","task_type":"sing"}', "task_type"),
    ("task", '{"session_id":"s","text":"t","task_type":null}', "task_type"),
    ("task", '{"session_id":"s","text":"t","task_type":["repeat"]}', "task_type"),
    ("task", '{"session_id":"s","text":"t","interrupt":"true"}', "interrupt"),
    ("task", '{"session_id":"s","text":"t","interrupt":1}', "interrupt"),
    ("task", '{"session_id":"s","text":"t","interrupt":null}', "interrupt"),
    ("task", '{"session_id":"s","text":"t","interrupt":NaN}', "interrupt"),
    ("task", '{"session_id":"s","text":"t","task_mode":"sync"}', "task_mode"),
    ("task", '{"session_id":"s","text":"t","Text":"t"}', "Text"),
    ("task", '{"session_id":"s","text":"t","self":"t"}', "self"),
    ("task", '{"session_id":"s","text":"t","":"t"}', "''"),
    ("interrupt", "{}", "session_id"),
    ("interrupt", '{"session_id":"s","text":"t"}', "text"),
    ("interrupt", '{"session_id":false}', "session_id"),
    ("keep-alive", "{}", "session_id"),
    ("keep-alive", '{"session_id":"s","seconds":7}', "seconds"),
    ("keep-alive", '{"session_id":{}}', "session_id"),
    ("start", '{"session_id":"s/t"}', "session_id"),
    ("start", '{"version":"v1"}', "version"),
    ("start", '{"disable_idle_timeout":true}', "disable_idle_timeout"),
    ("start", '{"api_key":"k"}', "api_key"),
    ("start", '{"self":1}', "self"),
    ("start", '{"avatar_id":""}', "avatar_id"),
    ("start", '{"avatar_id":7}', "avatar_id"),
    ("start", '{"avatar_name":null}', "avatar_name"),
    ("start", '{"quality":"ultra"}', "quality"),
    ("start", '{"quality":["low"]}', "quality"),
    ("start", '{"language":{}}', "language"),
    ("start", '{"voice":"v"}', "voice"),
    ("start", '{"voice":[]}', "voice"),
    ("start", '{"voice":{"rate":NaN}}', "voice"),
    ("start", '{"voice":{"rate":-Infinity}}', "voice"),
    ("start", '{"voice":{"rate":1e999}}', "voice"),
    ("start", f'{{"voice":{{"a":{"[" * 900}{"]" * 900}}}}}', "voice"),
    ("start", f'{{"voice":{{"a":"{"a" * 100_000}"}}}}', "voice"),
]

#: What a forger may send for the id of a session.
FORGED = [
    "a/b",
    "../../v1/streaming.list",
    "a\\b",
    "a\nb",
    "a\r\nX-Evil: 1",
    "a-session\n",
    "a b",
    "a?b=c",
    "a#b",
    "a%2fb",
    "a@elsewhere.test",
    "http://elsewhere.test/",
    "//elsewhere.test",
    "a.b",
    "a:b",
    "é",
    "а",  # noqa: RUF001  a Cyrillic letter, as a forger would
    "\ud800",
    "\0",
    "\u202e",
    "x" * 129,
    "' OR 1=1 --",
]


class TestBody:
    @pytest.mark.parametrize(("request_", "status", "code"), UNREADABLE.values(), ids=[*UNREADABLE])
    def test_must_be_readable(
        self,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        request_: dict[str, Any],
        status: int,
        code: str,
    ) -> None:
        """Only a JSON object in UTF-8 is read; for anything else the vendor is not called."""
        answers = [outcome(client.post(f"{PREFIX}/{route}", **request_)) for route in STRICT]

        assert answers == [(status, code)] * len(STRICT)
        assert calls(vendor) == []

    def test_may_be_missing_for_a_start(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """Whatever its content type says; the other routes need one."""
        bodies: list[dict[str, Any]] = [
            {},
            *({"data": b"", "content_type": each} for each in TYPES),
        ]

        started = [client.post(f"{PREFIX}/start", **body).status_code for body in bodies]
        refused = [outcome(client.post(f"{PREFIX}/task", **body)) for body in bodies]

        assert started == [200] * 4
        assert refused == [
            (415, "unsupported_media_type"),
            (400, "bad_request"),
            (415, "unsupported_media_type"),
            (415, "unsupported_media_type"),
        ]

    @pytest.mark.parametrize(
        ("route", "body", "named"),
        WRONG,
        ids=[f"{route} {body[:60]}" for route, body, _ in WRONG],
    )
    def test_must_be_right(
        self,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        route: str,
        body: str,
        named: str,
    ) -> None:
        """A wrong, missing or unknown field is named; the vendor is not called."""
        response = client.post(f"{PREFIX}/{route}", data=body, content_type="application/json")

        assert outcome(response) == (422, "invalid_field")
        assert re.match(rf"'?{named}'? ", error(response)["message"])
        assert calls(vendor) == []

    @pytest.mark.parametrize(
        ("route", "body", "meant"),
        [
            ("start", {"avatarId": "a"}, "avatar_id"),
            ("task", {"session_id": "s", "txt": "t"}, "text"),
            ("keep-alive", {"sessionId": "s"}, "session_id"),
        ],
        ids=["start", "task", "keep-alive"],
    )
    def test_is_corrected(
        self, client: FlaskClient, route: str, body: dict[str, str], meant: str
    ) -> None:
        """A misspelled field is answered with the one that was meant."""
        response = client.post(f"{PREFIX}/{route}", json=body)

        assert error(response)["message"].endswith(
            f" is not a field of this route; did you mean {meant}?"
        )

    @pytest.mark.parametrize("session_id", FORGED)
    def test_must_have_a_valid_session_id(
        self, client: FlaskClient, vendor: requests_mock.Mocker, session_id: str
    ) -> None:
        """A forged id is refused before it is used anywhere, and is not repeated."""
        for route in ROUTES:
            body = json.dumps({**body_of(route), "session_id": session_id})
            response = client.post(f"{PREFIX}/{route}", data=body, content_type="application/json")

            assert outcome(response) == (422, "invalid_field")
            assert error(response)["message"] == "session_id must be the one that start answered."
        assert calls(vendor) == []

    @pytest.mark.parametrize(
        "content_type",
        [
            "application/json",
            "application/json;charset=utf-8",
            'application/json; charset="UTF-8"',
            "application/json; charset=utf8",
            "application/vnd.api+json",
        ],
    )
    def test_says_that_it_is_json_in_utf_8(
        self, client: FlaskClient, vendor: requests_mock.Mocker, content_type: str
    ) -> None:
        """However that is spelled."""
        body = json.dumps(TASK | {"text": "Zoë"}, ensure_ascii=False).encode()

        response = client.post(f"{PREFIX}/task", data=body, content_type=content_type)

        assert response.status_code == 200
        assert vendor.request_history[1].json()["text"] == "Zoë"

    def test_may_name_a_field_twice(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """As everywhere in JSON the last one counts, and only that is spoken."""
        body = '{"session_id":"s","text":"first","text":"last"}'

        response = client.post(f"{PREFIX}/task", data=body, content_type="application/json")

        assert response.status_code == 200
        assert [call.json()["text"] for call in vendor.request_history[1:]] == ["last"]

    def test_is_not_repeated_at_length(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """A field's name is quoted, shortened, on one line."""
        name = "a\n\u2028" + "b" * 100_000

        response = client.post(f"{PREFIX}/interrupt", json={name: 1})

        message = error(response)["message"]
        assert message.startswith(r"'a\n\u2028b")
        assert len(message) < 100

    @strict
    def test_is_no_larger_than_the_host_allows(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker, route: str
    ) -> None:
        """The host's own limit counts where it is smaller."""
        app.config["MAX_CONTENT_LENGTH"] = 100

        response = client.post(f"{PREFIX}/{route}", json={"text": "a" * 100})

        assert outcome(response) == (413, "body_too_large")
        assert calls(vendor) == []

    def test_is_no_larger_than_we_allow(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """A host that takes large uploads takes none of them here."""
        app.config["MAX_CONTENT_LENGTH"] = 100 << 20

        @app.post("/upload")
        def upload() -> str:
            return "ok"

        ours = client.post(f"{PREFIX}/stop", data=b" " * (2 << 20))
        theirs = client.post("/upload", data=b" " * (2 << 20))

        assert outcome(ours) == (413, "body_too_large")
        assert theirs.status_code == 200
        assert calls(vendor) == []


def install_nested(app: Flask) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    parent.register_blueprint(heygen_bp)
    app.register_blueprint(parent)


def install_deeper(app: Flask) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/parent")
    child = Blueprint("child", __name__, url_prefix="/child")
    child.register_blueprint(heygen_bp, url_prefix="/avatar")
    parent.register_blueprint(child)
    app.register_blueprint(parent, url_prefix="/v1")


#: How a host may register the blueprint: what it does, the prefix of the routes, the endpoints'.
INSTALLATIONS: dict[str, tuple[Callable[[Flask], None], str, str]] = {
    "plainly": (lambda app: app.register_blueprint(heygen_bp), PREFIX, "heygen"),
    "below another prefix": (
        lambda app: app.register_blueprint(heygen_bp, url_prefix="/avatar"),
        "/avatar",
        "heygen",
    ),
    "below a prefix with a slash": (
        lambda app: app.register_blueprint(heygen_bp, url_prefix="/avatar/"),
        "/avatar",
        "heygen",
    ),
    "under another name": (
        lambda app: app.register_blueprint(heygen_bp, name="speech"),
        PREFIX,
        "speech",
    ),
    "as another instance": (
        lambda app: app.register_blueprint(HeyGen("speech")),
        "/api/speech",
        "speech",
    ),
    "in a blueprint": (install_nested, "/parent/api/heygen", "parent.heygen"),
    "in a blueprint of a blueprint": (
        install_deeper,
        "/v1/child/avatar",
        "parent.child.heygen",
    ),
}
installations = pytest.mark.parametrize(
    ("install", "prefix", "name"), INSTALLATIONS.values(), ids=INSTALLATIONS
)


class TestInstallation:
    @installations
    def test_serves_every_route(
        self,
        vendor: requests_mock.Mocker,
        install: Callable[[Flask], None],
        prefix: str,
        name: str,
    ) -> None:
        """Wherever and as whatever it is registered, all of it is there."""
        app = make_app()
        install(app)

        answers = [
            app.test_client().post(f"{prefix}/{route}", json=body_of(route)) for route in ROUTES
        ]

        assert [answer.status_code for answer in answers] == [200] * 5

    @installations
    def test_is_found_by_url_for(
        self, install: Callable[[Flask], None], prefix: str, name: str
    ) -> None:
        """A template names an endpoint, never a path."""
        app = make_app()
        install(app)

        with app.test_request_context():
            found = [url_for(f"{name}.{route.replace('-', '_')}") for route in ROUTES]

        assert found == [f"{prefix}/{route}" for route in ROUTES]

    @installations
    def test_answers_routing_errors_in_json(
        self, install: Callable[[Flask], None], prefix: str, name: str
    ) -> None:
        """Below its prefix, wherever that is, and nowhere else."""
        app = make_app()
        install(app)
        browser = app.test_client()

        assert outcome(browser.post(f"{prefix}/nowhere")) == (404, "not_found")
        assert outcome(browser.get(f"{prefix}/task")) == (405, "method_not_allowed")
        assert browser.get(f"{prefix}nowhere").mimetype == "text/html"

    def test_may_come_before_the_configuration(self, vendor: requests_mock.Mocker) -> None:
        """Settings are read when they are needed."""
        app = Flask("host")
        app.register_blueprint(heygen_bp)
        app.config.update(make_app().config)

        response = app.test_client().post(f"{PREFIX}/start", json={})

        assert response.status_code == 200
        assert keys(vendor) == [KEY]

    def test_may_be_twice_in_an_app(self, vendor: requests_mock.Mocker) -> None:
        """Two names and prefixes of one account, with one client."""
        app = make_app()
        app.register_blueprint(heygen_bp)
        app.register_blueprint(heygen_bp, name="again", url_prefix="/again")
        browser = app.test_client()

        first = browser.post(f"{PREFIX}/stop", json=SESSION)
        second = browser.post("/again/stop", json=SESSION)

        assert (first.status_code, second.status_code) == (200, 200)
        assert list(app.extensions["heygen"]) == ["HEYGEN"]
        assert outcome(browser.get(f"{PREFIX}/stop")) == (405, "method_not_allowed")
        assert outcome(browser.get("/again/stop")) == (405, "method_not_allowed")

    def test_may_be_in_two_apps(self, vendor: requests_mock.Mocker) -> None:
        """Each has its own key and settings; neither ever uses the other's."""
        first = make_app()
        second = make_app()
        second.config.update(HEYGEN_API_KEY="another-key-than-the-first-app-s", HEYGEN_MAX_TEXT=3)
        for app in (first, second):
            app.register_blueprint(heygen_bp)

        answers = [
            app.test_client().post(f"{PREFIX}/task", json=TASK)
            for app in (first, second, first, second)
        ]
        for app in (first, second, first):
            app.test_client().post(f"{PREFIX}/stop", json=SESSION)

        assert [answer.status_code for answer in answers] == [200, 413, 200, 413]
        assert keys(vendor) == [KEY, KEY, KEY, "another-key-than-the-first-app-s", KEY]

    def test_may_serve_two_accounts(self, vendor: requests_mock.Mocker) -> None:
        """A second instance with another config prefix has a key of its own, in the same app."""
        app = make_app(
            COACH_API_KEY="the-key-of-the-coach-alone", COACH_BASE_URL="http://coach.test"
        )
        app.register_blueprint(heygen_bp)
        app.register_blueprint(HeyGen("coach", config_prefix="COACH"))
        browser = app.test_client()

        browser.post(f"{PREFIX}/stop", json=SESSION)
        browser.post("/api/coach/stop", json=SESSION)
        browser.post(f"{PREFIX}/stop", json=SESSION)

        assert keys(vendor) == [KEY, "the-key-of-the-coach-alone", KEY]
        assert {call.hostname for call in vendor.request_history} == {"heygen.test", "coach.test"}
        assert set(app.extensions["heygen"]) == {"HEYGEN", "COACH"}

    def test_is_not_by_its_constructor(self, app: Flask) -> None:
        """An app in the place of the name is corrected, as other extensions take one there."""
        with pytest.raises(TypeError, match=r"call app\.register_blueprint\(HeyGen\(\)\)"):
            HeyGen(app)  # type: ignore[arg-type]

    def test_leaves_the_instance_as_it_was(self) -> None:
        """Nothing of an app is kept on the instance that all apps share."""
        before = dict(vars(heygen_bp))
        app = make_app()
        app.register_blueprint(heygen_bp, name="speech", url_prefix="/speech")
        app.test_client().post("/speech/stop", json={})

        assert vars(heygen_bp) == {**before, "_got_registered_once": True}


class TestClient:
    def test_is_kept(self, app: Flask) -> None:
        """The connections of one request serve the next."""
        with app.app_context():
            first = heygen_bp.client
        with app.app_context():
            second = heygen_bp.client

        assert isinstance(first, HeyGenClient)
        assert first is second is app.extensions["heygen"]["HEYGEN"].client

    def test_is_the_one_of_the_routes(self, app: Flask, vendor: requests_mock.Mocker) -> None:
        """A host's own code speaks through the same client, without a request."""
        app.test_client().post(f"{PREFIX}/stop", json=SESSION)

        with app.app_context():
            heygen_bp.client.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token", "stop", "create_token", "task"]
        assert len(app.extensions["heygen"]) == 1

    def test_follows_the_settings(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """A key that was changed is used from the next request on, without a restart."""
        client.post(f"{PREFIX}/stop", json=SESSION)
        app.config["HEYGEN_API_KEY"] = "the-new-key-of-the-host"
        client.post(f"{PREFIX}/stop", json=SESSION)
        client.post(f"{PREFIX}/stop", json=SESSION)

        assert keys(vendor) == [KEY, "the-new-key-of-the-host", "the-new-key-of-the-host"]

    @pytest.mark.parametrize(
        "kind", [lambda each: each, MappingProxyType, ChainMap], ids=["dict", "proxy", "chain"]
    )
    def test_follows_a_change_inside_of_a_setting(
        self,
        app: Flask,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        kind: Callable[[dict[str, str]], Any],
    ) -> None:
        """So is a default changed within its dict, or in that of another mapping."""
        defaults = {"quality": "low"}
        app.config["HEYGEN_SESSION_DEFAULTS"] = kind(defaults)
        client.post(f"{PREFIX}/start", json={})
        defaults["quality"] = "high"
        client.post(f"{PREFIX}/start", json={})
        sent = [call.json() for call in vendor.request_history if call.path.endswith(".new")]

        assert [session["quality"] for session in sent] == ["low", "high"]

    def test_needs_an_app(self) -> None:
        """Outside of an app there is no config to read."""
        with pytest.raises(RuntimeError, match="application context"):
            _ = heygen_bp.client


class TestNotConfigured:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("HEYGEN_API_KEY", None),
            ("HEYGEN_API_KEY", ""),
            ("HEYGEN_API_KEY", "hunter2 hunter2"),
            ("HEYGEN_TIMEOUT", "hunter2"),
            ("HEYGEN_BASE_URL", "hunter2"),
            ("HEYGEN_SESSION_DEFAULTS", "hunter2"),
        ],
    )
    def test_is_answered_and_logged(
        self,
        app: Flask,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        *,
        name: str,
        value: Any,
    ) -> None:
        """503 with the name of the key, never its value, in the answer and in the log."""
        app.config[name] = value

        for route in ROUTES:
            caplog.clear()
            response = client.post(f"{PREFIX}/{route}", json=body_of(route))

            assert outcome(response) == (503, "not_configured")
            assert name in error(response)["message"]
            assert f"503 not_configured: {name}" in caplog.text
            assert "hunter2" not in caplog.text + response.get_data(as_text=True)
        assert calls(vendor) == []

    def test_names_a_default_that_is_wrong(
        self,
        app: Flask,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A field of the session's defaults is the operator's to mend, not the page's."""
        app.config["HEYGEN_SESSION_DEFAULTS"] = {"disable_idle_timeout": True}

        response = client.post(f"{PREFIX}/start", json={})

        assert outcome(response) == (503, "not_configured")
        assert "In HEYGEN_SESSION_DEFAULTS, disable_idle_timeout cannot be set" in caplog.text
        assert calls(vendor) == []

    def test_names_the_key_of_its_prefix(self, caplog: pytest.LogCaptureFixture) -> None:
        """A second account without a key does not ask for the first one's."""
        app = make_app()
        app.register_blueprint(HeyGen("coach", config_prefix="COACH"))

        response = app.test_client().post("/api/coach/stop", json=SESSION)

        assert outcome(response) == (503, "not_configured")
        assert "COACH_API_KEY is not set" in caplog.text

    def test_names_the_defaults_of_its_prefix(self) -> None:
        """A default of the second account is not looked for in the first one's."""
        app = make_app(COACH_API_KEY=KEY, COACH_SESSION_DEFAULTS={"quality": "ultra"})
        app.register_blueprint(HeyGen("coach", config_prefix="COACH"))

        response = app.test_client().post("/api/coach/start")

        assert error(response)["message"].startswith("In COACH_SESSION_DEFAULTS, quality must be")

    def test_is_over_once_it_is_set(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """A corrected setting works from the next request on."""
        app.config["HEYGEN_API_KEY"] = None
        client.post(f"{PREFIX}/stop", json=SESSION)

        app.config["HEYGEN_API_KEY"] = KEY

        assert client.post(f"{PREFIX}/stop", json=SESSION).status_code == 200


CLOSED = {"code": 10005, "message": "session state wrong: closed"}
STATE = {"code": 400006, "message": "Session is not in correct state"}
SUNSET = {"error": {"code": "endpoint_sunset", "message": "This endpoint has been retired"}}
SAID_NO = {"code": 10012, "message": "avatar not found"}

#: What the vendor does with a task, and what the page gets: status, code, what may be done next.
ANSWERS: list[tuple[dict[str, Any], int, str, dict[str, Any]]] = [
    (
        {"status_code": 400, "json": {"code": 10006, "message": "session not found"}},
        404,
        "session_not_found",
        {"retryable": False, "restart_session": True},
    ),
    (
        {"status_code": 400, "json": STATE},
        409,
        "session_not_ready",
        {"retryable": True, "restart_session": False, "retry_after": 1},
    ),
    (
        {"status_code": 400, "json": CLOSED},
        410,
        "session_closed",
        {"retryable": False, "restart_session": True},
    ),
    (
        {"status_code": 400, "json": {"code": 10007, "message": "Concurrent limit reached"}},
        429,
        "concurrent_limit",
        {"retryable": True, "restart_session": False, "retry_after": 30},
    ),
    (
        {"status_code": 429, "json": {"code": 400123, "message": "Exceed rate limit"}},
        429,
        "rate_limited",
        {"retryable": True, "restart_session": False, "retry_after": 5},
    ),
    (
        {"status_code": 429, "headers": {"Retry-After": "17"}},
        429,
        "rate_limited",
        {"retryable": True, "restart_session": False, "retry_after": 17},
    ),
    (
        {"status_code": 401, "json": {"code": 400112, "message": "Unauthorized"}},
        502,
        "heygen_auth_failed",
        {"retryable": False, "restart_session": False},
    ),
    (
        {"status_code": 400, "json": SAID_NO},
        502,
        "heygen_refused",
        {"retryable": False, "restart_session": False},
    ),
    (
        {"status_code": 403, "text": "<html>blocked</html>"},
        502,
        "heygen_refused",
        {"retryable": False, "restart_session": False},
    ),
    (
        {"status_code": 410, "json": SUNSET},
        502,
        "api_retired",
        {"retryable": False, "restart_session": False},
    ),
    (
        {"exc": requests.ConnectTimeout},
        504,
        "heygen_timeout",
        {"retryable": True, "restart_session": False},
    ),
    (
        {"exc": requests.ReadTimeout},
        504,
        "outcome_unknown",
        {"retryable": False, "restart_session": False},
    ),
    (
        {"status_code": 502, "text": "<html>Bad Gateway</html>"},
        504,
        "outcome_unknown",
        {"retryable": False, "restart_session": False},
    ),
]
answers = pytest.mark.parametrize(
    ("reply", "status", "code", "then"), ANSWERS, ids=[code for *_, code, _ in ANSWERS]
)


class TestAnswer:
    @answers
    def test_tells_what_the_vendor_did(
        self,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        *,
        reply: dict[str, Any],
        status: int,
        code: str,
        then: dict[str, Any],
    ) -> None:
        """Status, code, and what a page may do next, with the wait in the header as well."""
        vendor.post("/v1/streaming.task", [reply])

        response = client.post(f"{PREFIX}/task", json=TASK)

        found = error(response)
        assert (response.status_code, found.pop("code")) == (status, code)
        assert found.pop("message").endswith(".")
        found.pop("upstream", None)
        assert found == then
        assert response.headers.get("Retry-After", type=int) == then.get("retry_after")

    @answers
    def test_is_logged_where_an_operator_can_act(
        self,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        *,
        reply: dict[str, Any],
        status: int,
        code: str,
        then: dict[str, Any],
    ) -> None:
        """One warning for a limit or a failure of the vendor, with its path, code and a hint."""
        vendor.post("/v1/streaming.task", [reply])

        client.post(f"{PREFIX}/task", json=TASK)

        ours = "flask_heygen.error_handlers"
        found = [each.getMessage() for each in caplog.records if each.name == ours]
        if status < 500 and status != 429:
            assert found == []
        else:
            assert len(found) == 1
            assert found[0].startswith(f"{PREFIX}/task answered {status} {code}: ")

    def test_holds_what_the_vendor_said(
        self, client: FlaskClient, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The vendor's status, code and words are for the page, and for the log."""
        vendor.post("/v1/streaming.new", status_code=400, json=SAID_NO)

        response = client.post(f"{PREFIX}/start", json={"avatar_id": "nobody"})

        assert error(response)["upstream"] == {"status": 400, **SAID_NO}
        assert "avatar not found" in caplog.text

    def test_that_an_api_is_retired_says_what_to_do(
        self, client: FlaskClient, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log names the setting; the page need not know it."""
        vendor.post("/v1/streaming.create_token", status_code=410, json=SUNSET)

        response = client.post(f"{PREFIX}/start", json={})

        assert outcome(response) == (502, "api_retired")
        assert "HEYGEN_API" in caplog.text
        assert "HEYGEN_API" not in response.get_data(as_text=True)

    @pytest.mark.parametrize("route", ROUTES)
    def test_is_not_logged_where_the_page_is_at_fault(
        self, client: FlaskClient, caplog: pytest.LogCaptureFixture, route: str
    ) -> None:
        """An invalid request is not logged."""
        client.post(f"{PREFIX}/{route}", json={"a": 1})

        assert caplog.records == []

    @pytest.mark.parametrize("route", ROUTES)
    def test_is_not_stored(
        self, client: FlaskClient, vendor: requests_mock.Mocker, route: str
    ) -> None:
        """No cache keeps a room's token, nor an error that is over in a second."""
        good = client.post(f"{PREFIX}/{route}", json=body_of(route))
        bad = client.post(f"{PREFIX}/{route}", json={"a": 1})
        wrong = client.get(f"{PREFIX}/{route}")
        nowhere = client.get(f"{PREFIX}/{route}/nowhere")

        assert [each.status_code for each in (good, bad, wrong, nowhere)] == [200, 422, 405, 404]
        for each in (good, bad, wrong, nowhere):
            assert each.headers["Cache-Control"] == "no-store"

    def test_may_be_stored_where_a_host_says_so(self, app: Flask, client: FlaskClient) -> None:
        """A header that the app has set is kept."""
        app.before_request(lambda: abort(Response(headers={"Cache-Control": "private"})))

        response = client.post(f"{PREFIX}/stop", json=SESSION)

        assert response.headers.getlist("Cache-Control") == ["private"]

    def test_to_options_is_flask_s(self, client: FlaskClient) -> None:
        """Flask answers with the methods of a route."""
        response = client.options(f"{PREFIX}/task")

        assert response.status_code == 200
        assert set(response.allow) == {"OPTIONS", "POST"}


def html(error: HTTPException) -> tuple[str, int]:
    return f"<h1>The host's own {error.code}</h1>", error.code or 500


def register_each(app: Flask) -> None:
    for status in default_exceptions:
        app.register_error_handler(status, html)


#: How a host may answer errors of its own, and how its page for a 404 then begins.
HOSTS: dict[str, tuple[Callable[[Flask], None], str]] = {
    "as Flask does": (lambda _: None, "<!doctype html>"),
    "by 404": (lambda app: app.register_error_handler(404, html), "<h1>The host's own 404"),
    "by HTTPException": (
        lambda app: app.register_error_handler(HTTPException, html),
        "<h1>The host's own 404",
    ),
    "by each status": (
        register_each,
        "<h1>The host's own 404",
    ),
}
hosts = pytest.mark.parametrize(("prepare", "page"), HOSTS.values(), ids=HOSTS)

JSON_404 = (404, "not_found")

#: Paths below the prefix that are no routes, and paths that are not below it.
BELOW = ["", "/", "/nowhere", "/start/", "/task/7", "/start.json", "/../x", "/%00", "/Start"]
ELSEWHERE = [
    "/",
    "/nowhere",
    "/api",
    "/api/",
    "/api/heygen2/start",
    "/api/heygenstart",
    "/API/heygen/x",
]


class TestRoutingError:
    @hosts
    def test_below_the_prefix_is_json(
        self, app: Flask, client: FlaskClient, prepare: Callable[[Flask], None], page: str
    ) -> None:
        """An unknown route is 404 in JSON, whatever the app does with its own."""
        prepare(app)

        for path, method in itertools.product(BELOW, ["GET", "POST", "DELETE"]):
            assert outcome(client.open(f"{PREFIX}{path}", method=method)) == JSON_404

    def test_names_the_routes(self, app: Flask, client: FlaskClient) -> None:
        """Each route that a page calls by its path, and no other."""
        message = error(client.post(f"{PREFIX}/speak"))["message"]

        rules = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX)}
        called = {rule.removeprefix(PREFIX) for rule in rules if "<" not in rule}
        assert {f"/{name}" for name in re.findall(r" /([\w.-]*\w)", message)} == called

    @hosts
    def test_of_the_method_is_json(
        self, app: Flask, client: FlaskClient, prepare: Callable[[Flask], None], page: str
    ) -> None:
        """The wrong method is 405 in JSON and says which would be right."""
        prepare(app)

        for route, method in itertools.product(ROUTES, ["GET", "PUT", "DELETE", "PATCH"]):
            response = client.open(f"{PREFIX}/{route}", method=method)

            assert outcome(response) == (405, "method_not_allowed")
            assert set(response.allow) == {"OPTIONS", "POST"}

    @hosts
    def test_elsewhere_is_the_host_s(
        self, app: Flask, client: FlaskClient, prepare: Callable[[Flask], None], page: str
    ) -> None:
        """The app's own page for a 404 stays what it was."""
        prepare(app)

        for path in ELSEWHERE:
            response = client.get(path)

            assert response.status_code == 404
            assert response.get_data(as_text=True).startswith(page)

    @hosts
    def test_of_a_method_elsewhere_is_the_host_s(
        self, app: Flask, client: FlaskClient, prepare: Callable[[Flask], None], page: str
    ) -> None:
        """So does its page for a 405."""
        prepare(app)
        app.add_url_rule("/page", view_func=lambda: "a page")

        response = client.post("/page")

        assert response.status_code == 405
        assert response.mimetype == "text/html"

    @pytest.mark.parametrize("prefix", ["", "/"])
    def test_without_a_prefix_is_the_host_s(
        self, vendor: requests_mock.Mocker, prefix: str
    ) -> None:
        """Without a prefix, routing errors are left to the app, as any path could be its own."""
        app = make_app()
        app.register_blueprint(heygen_bp, url_prefix=prefix)
        app.register_error_handler(404, html)
        browser = app.test_client()

        assert browser.post("/stop", json=SESSION).status_code == 200
        assert browser.get("/nowhere").get_data(as_text=True).startswith("<h1>The host's own 404")

    def test_below_a_mount_point_is_json(self, app: Flask) -> None:
        """A host behind a path of its own changes nothing."""
        response = app.test_client().get(f"{PREFIX}/nowhere", base_url="http://host.test/mounted")

        assert outcome(response) == JSON_404

    def test_that_is_a_redirect_stays_one(self, client: FlaskClient) -> None:
        """Flask may point to the right path."""
        response = client.post(f"{PREFIX}//start")

        assert response.status_code == 308
        assert response.location.endswith(f"{PREFIX}/start")
        assert not response.is_json

    def test_asks_nobody(self, client: FlaskClient, vendor: requests_mock.Mocker) -> None:
        """Nothing goes to the vendor for a path that is no route."""
        client.post(f"{PREFIX}/tasks", json=TASK)
        client.get(f"{PREFIX}/start")

        assert calls(vendor) == []


class TooExpensive(HTTPException):
    code = 402
    description = "That costs extra."


#: Errors that the app or an extension may raise before the view.
REFUSALS: list[tuple[Callable[[], Any], int, str]] = [
    (lambda: abort(400, "The CSRF token is missing."), 400, "bad_request"),
    (lambda: abort(401), 401, "not_signed_in"),
    (lambda: abort(403), 403, "forbidden"),
    (lambda: abort(404), 404, "not_found"),
    (lambda: abort(409), 409, "conflict"),
    (lambda: abort(413), 413, "body_too_large"),
    (lambda: abort(423), 423, "locked"),
    (lambda: abort(429), 429, "rate_limited"),
    (lambda: abort(503), 503, "service_unavailable"),
]


class TestHostRefusal:
    @hosts
    @pytest.mark.parametrize(
        ("refuse", "status", "code"), REFUSALS, ids=[status for _, status, _ in REFUSALS]
    )
    def test_is_json(
        self,
        app: Flask,
        client: FlaskClient,
        vendor: requests_mock.Mocker,
        *,
        prepare: Callable[[Flask], None],
        page: str,
        refuse: Callable[[], Any],
        status: int,
        code: str,
    ) -> None:
        """An error of the app or an extension, before the view, is JSON."""
        prepare(app)
        app.before_request(refuse)

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert outcome(response) == (status, code)
        assert error(response)["message"]
        assert calls(vendor) == []

    def test_of_a_status_of_its_own_is_json(
        self, app: Flask, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """So is an HTTPException of a class of the app's."""

        @app.before_request
        def refuse() -> None:
            raise TooExpensive

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert response.status_code == 402
        assert error(response)["message"] == "That costs extra."

    def test_keeps_its_words(self, app: Flask, client: FlaskClient) -> None:
        """Its description is passed on."""
        app.before_request(lambda: abort(400, "The CSRF token is missing."))

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert error(response)["message"] == "The CSRF token is missing."

    def test_keeps_its_wait(self, app: Flask, client: FlaskClient) -> None:
        """A limiter's Retry-After is the wait, in the header and in the answer."""

        @app.before_request
        def limit() -> None:
            raise TooManyRequests(retry_after=60)

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert outcome(response) == (429, "rate_limited")
        assert response.headers.getlist("Retry-After") == ["60"]
        assert error(response)["retry_after"] == 60

    def test_keeps_its_headers(self, app: Flask, client: FlaskClient) -> None:
        """Headers of the refusal stay, all of one name, but for those of its body."""
        refusal = Response("<p>no</p>", 401, content_type="text/html")
        refusal.headers.add("WWW-Authenticate", "Basic realm=a")
        refusal.headers.add("WWW-Authenticate", "Bearer")

        class Unauthorized(HTTPException):
            code = 401

        @app.before_request
        def refuse() -> None:
            raise Unauthorized(response=refusal)

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert response.headers.getlist("WWW-Authenticate") == ["Basic realm=a", "Bearer"]
        assert response.mimetype == "application/json"
        assert outcome(response) == (401, "not_signed_in")

    def test_that_is_a_response_stays_one(self, app: Flask, client: FlaskClient) -> None:
        """A refusal that is a response is kept, such as the redirect of a login."""
        app.before_request(lambda: Response("<h1>Please log in</h1>", 401))

        response = client.post(f"{PREFIX}/task", json=TASK)

        assert response.status_code == 401
        assert response.get_data(as_text=True) == "<h1>Please log in</h1>"

    def test_of_its_own_page_is_not_ours(self, app: Flask, client: FlaskClient) -> None:
        """A host's views refuse as they always did."""
        app.add_url_rule("/page", view_func=lambda: abort(403))

        assert client.get("/page").mimetype == "text/html"


class TestFault:
    @hosts
    def test_is_answered_and_logged(
        self,
        live_app: Flask,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        prepare: Callable[[Flask], None],
        page: str,
    ) -> None:
        """A bug is 500 in JSON without a word of it, and its traceback is in the log."""
        prepare(live_app)
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError("hunter2"))

        response = live_app.test_client().post(f"{PREFIX}/task", json=TASK)

        assert outcome(response) == (500, "internal_error")
        assert "hunter2" not in response.get_data(as_text=True)
        assert "Traceback" in caplog.text
        assert "ZeroDivisionError" in caplog.text

    def test_is_not_stored(self, live_app: Flask, vendor: requests_mock.Mocker) -> None:
        """No cache keeps it."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)

        response = live_app.test_client().post(f"{PREFIX}/task", json=TASK)

        assert response.headers["Cache-Control"] == "no-store"

    def test_is_raised_in_a_host_s_tests(
        self, client: FlaskClient, vendor: requests_mock.Mocker
    ) -> None:
        """Under TESTING a bug reaches the test."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)

        with pytest.raises(ZeroDivisionError):
            client.post(f"{PREFIX}/task", json=TASK)

    def test_is_raised_where_the_host_wants_it(
        self, live_app: Flask, vendor: requests_mock.Mocker
    ) -> None:
        """PROPAGATE_EXCEPTIONS is honoured."""
        live_app.config["PROPAGATE_EXCEPTIONS"] = True
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)

        with pytest.raises(ZeroDivisionError):
            live_app.test_client().post(f"{PREFIX}/task", json=TASK)

    def test_of_the_host_before_us_is_answered(self, live_app: Flask) -> None:
        """A bug in an app's before_request is answered in JSON, too."""

        @live_app.before_request
        def fail() -> None:
            raise ZeroDivisionError

        response = live_app.test_client().post(f"{PREFIX}/task", json=TASK)

        assert outcome(response) == (500, "internal_error")


class TestLog:
    def test_has_a_line_for_each_call(
        self, client: FlaskClient, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """At DEBUG: method, path, status and milliseconds of each call to the vendor."""
        with caplog.at_level(logging.DEBUG, "flask_heygen"):
            client.post(f"{PREFIX}/start", json={})

        lines = [record.getMessage() for record in caplog.records]
        assert [re.sub(r"\d+ ms$", "N ms", line) for line in lines] == [
            "POST /v1/streaming.create_token 200 N ms",
            "POST /v1/streaming.new 200 N ms",
            "POST /v1/streaming.start 200 N ms",
        ]

    @pytest.mark.parametrize("path", ["a%0Ab.js", "a%0D%0Ab.js", "%E2%80%A8.js", "%1b%5b2J.js"])
    def test_has_one_line_for_a_path_of_several(
        self, app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str
    ) -> None:
        """A line break in a path does not forge a log line."""
        app.config["HEYGEN_API_KEY"] = None

        client.options(f"{PREFIX}/heygen-avatar/{path}")

        [message] = caplog.messages
        assert message.isprintable()
        assert f"{PREFIX}/heygen-avatar/" in message

    def test_is_silent_when_all_is_well(
        self, client: FlaskClient, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """At INFO and above nothing is said of what went well."""
        with caplog.at_level(logging.INFO, "flask_heygen"):
            for route in ROUTES:
                client.post(f"{PREFIX}/{route}", json=body_of(route))

        assert caplog.records == []

    def test_is_below_the_package_s_name(
        self, client: FlaskClient, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """One logger turns all of it on and off."""
        vendor.post("/v1/streaming.task", status_code=500)

        with caplog.at_level(logging.DEBUG):
            client.post(f"{PREFIX}/task", json=TASK)

        names = {record.name for record in caplog.records}
        ours = {name for name in names if name.startswith("flask_heygen.")}
        assert ours >= {"flask_heygen.http.client", "flask_heygen.error_handlers"}
        assert names - ours <= {"requests_mock.adapter"}
