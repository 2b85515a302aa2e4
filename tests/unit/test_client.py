"""Tests of HeyGenClient: the calls of each method, their tokens, and their failures."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import requests_mock

from flask_heygen import HeyGenClient, HeyGenError
from flask_heygen.backends.base import STOP_SECONDS
from flask_heygen.errors import (
    AuthFailed,
    ConcurrentLimit,
    InvalidField,
    NotConfigured,
    OutcomeUnknown,
    RateLimited,
    Refused,
    SessionClosed,
    SessionError,
    SessionNotFound,
    SessionNotReady,
    TextTooLong,
    UpstreamError,
    UpstreamFailed,
    UpstreamTimeout,
)
from flask_heygen.settings import Settings

KEY = "the-key-of-the-tests"
HTML = "<html><h1>502 Bad Gateway</h1></html>"
UNAUTHORIZED = {"status_code": 401, "json": {"code": 400112, "message": "Unauthorized"}}
TOKEN = "another-token-of-the-vendor"
MINTED = {"json": {"error": None, "data": {"token": TOKEN}}}

#: Replies that leave open whether a call was done, and exceptions in place of a reply.
BREAKDOWNS: dict[str, dict[str, Any]] = {
    "500": {"status_code": 500, "json": {"code": 500, "message": "Internal Server Error"}},
    "502 html": {"status_code": 502, "text": HTML},
    "503 empty": {"status_code": 503},
    "504 success": {"status_code": 504, "json": {"code": 100, "data": {"token": TOKEN}}},
    "200 html": {"text": HTML},
    "200 nonsense": {"text": '{"code":100,"message":'},
    "200 empty": {"text": ""},
    "200 list": {"json": []},
    "200 huge": {"text": '{"code":100,"data":"' + "x" * (1 << 20) + '"}'},
    "200 deep": {"text": "[" * 100_000 + "]" * 100_000},
    "200 utf-16": {"content": '{"code":100}'.encode("utf-16")[1:]},
    "read timeout": {"exc": requests.ReadTimeout},
    "reset": {"exc": requests.ConnectionError},
    "half": {"exc": requests.exceptions.ChunkedEncodingError},
}
#: Those that create_token shows by itself, whatever the body: it is asked for once more.
BROKEN = [name for name in BREAKDOWNS if name != "200 list"]

#: One of each kind, where the kind is all that matters.
SOME = ["500", "200 html", "200 empty", "read timeout", "reset"]

#: Refusals: nothing was done.
REFUSALS: list[tuple[int, dict[str, Any], type[HeyGenError]]] = [
    (400, {"code": 10006, "message": "session not found"}, SessionNotFound),
    (400, {"code": 400006, "message": "Session is not in correct state"}, SessionNotReady),
    (400, {"code": 10005, "message": "session state wrong: closed"}, SessionClosed),
    (400, {"code": 10007, "message": "Concurrent limit reached"}, ConcurrentLimit),
    (400, {"code": 400006, "message": "Invalid params"}, Refused),
    (429, {"code": 400123, "message": "Exceed rate limit"}, RateLimited),
]

SESSION_GONE = {"code": 10004, "message": "session state wrong: closed"}
breakdowns = pytest.mark.parametrize("reply", BREAKDOWNS.values(), ids=BREAKDOWNS)
refusals = pytest.mark.parametrize(("status", "body", "kind"), REFUSALS)


@pytest.fixture
def make(vendor: requests_mock.Mocker) -> Callable[..., HeyGenClient]:
    """Return what makes a client whose vendor is the mock, with settings of a test's own."""

    def make(**settings: Any) -> HeyGenClient:
        config = {"api_key": KEY, "base_url": "http://heygen.test", "spare_tokens": 0, **settings}
        return HeyGenClient(Settings(**config))

    return make


@pytest.fixture
def heygen(make: Callable[..., HeyGenClient]) -> HeyGenClient:
    """Return a client with the settings of a newcomer."""
    return make()


def script(vendor: requests_mock.Mocker, name: str, *replies: dict[str, Any]) -> None:
    """Make the vendor answer a call with each reply in turn, then with the last one."""
    vendor.post(f"/v1/streaming.{name}", list(replies))


def calls(vendor: requests_mock.Mocker) -> list[str]:
    return [call.path.rpartition(".")[2] for call in vendor.request_history]


def bodies(vendor: requests_mock.Mocker, name: str) -> list[Any]:
    return [call.json() for call in vendor.request_history if call.path.endswith(f".{name}")]


def credentials(vendor: requests_mock.Mocker) -> list[str]:
    return [
        call.headers.get("X-Api-Key") or call.headers["Authorization"]
        for call in vendor.request_history
    ]


def timeouts(vendor: requests_mock.Mocker) -> list[float]:
    """Return the seconds that each call had, all in all."""
    return [call.timeout for call in vendor.request_history]


class TestStart:
    def test_is_three_calls(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A token is minted, a session made with it, and started with it."""
        heygen.start()

        assert calls(vendor) == ["create_token", "new", "start"]
        assert bodies(vendor, "start") == [{"session_id": "a-session"}]

    def test_returns_what_a_page_needs(self, heygen: HeyGenClient) -> None:
        """The room to join and the times after which it ends, and none of the vendor's rest."""
        session = heygen.start()

        assert session == {
            "session_id": "a-session",
            "transport": "livekit",
            "url": "wss://room.test",
            "access_token": "room-token",
            "session_seconds": 600,
            "idle_seconds": 120,
            "listening": None,
        }

    @pytest.mark.parametrize("limit", ["600", None, {}, True, float("nan"), float("inf"), -1])
    def test_leaves_out_a_limit_that_is_no_number(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, limit: Any
    ) -> None:
        """The page gets JSON, whatever the vendor gave as the session's limit."""
        room = {"session_id": "s", "url": "wss://u", "access_token": "t"}
        text = json.dumps({"code": 100, "data": {**room, "session_duration_limit": limit}})
        script(vendor, "new", {"text": text})

        assert heygen.start()["session_seconds"] is None

    def test_tells_the_idle_time_that_was_asked_for(self, heygen: HeyGenClient) -> None:
        """A page knows how often it must keep the session alive."""
        assert heygen.start(activity_idle_timeout=600)["idle_seconds"] == 600

    def test_asks_for_a_room(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """The version that speaks LiveKit is always asked for."""
        heygen.start()

        assert bodies(vendor, "new") == [{"version": "v2"}]

    @pytest.mark.parametrize(
        ("defaults", "chosen", "sent"),
        [
            ({"quality": "low"}, {}, {"quality": "low"}),
            ({"quality": "low"}, {"quality": "high"}, {"quality": "high"}),
            ({"quality": "low"}, {"language": "de"}, {"quality": "low", "language": "de"}),
            ({"avatar_name": "a"}, {"avatar_id": "b"}, {"avatar_id": "b"}),
            ({"avatar_id": "a"}, {"avatar_name": "b"}, {"avatar_name": "b"}),
            ({"avatar_id": "a", "avatar_name": "a"}, {"avatar_id": "b"}, {"avatar_id": "b"}),
            ({"avatar_name": "a"}, {"quality": "low"}, {"avatar_name": "a", "quality": "low"}),
            ({"voice": {"rate": 1}}, {"voice": {"voice_id": "v"}}, {"voice": {"voice_id": "v"}}),
            ({"a_new_field": 1}, {"another": [2]}, {"a_new_field": 1, "another": [2]}),
        ],
    )
    def test_merges_fields_into_the_defaults(
        self,
        make: Callable[..., HeyGenClient],
        vendor: requests_mock.Mocker,
        defaults: dict[str, Any],
        chosen: dict[str, Any],
        sent: dict[str, Any],
    ) -> None:
        """A field replaces its default whole, and either name of an avatar replaces both."""
        make(session_defaults=defaults).start(**chosen)

        assert bodies(vendor, "new") == [{**sent, "version": "v2"}]

    def test_leaves_the_defaults_alone(
        self, make: Callable[..., HeyGenClient], vendor: requests_mock.Mocker
    ) -> None:
        """The fields of one session are not the defaults of the next."""
        heygen = make(session_defaults={"avatar_name": "a", "quality": "low"})
        heygen.start(avatar_id="b", quality="high")

        heygen.start()

        assert bodies(vendor, "new")[1] == {"avatar_name": "a", "quality": "low", "version": "v2"}

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("quality", "ultra"),
            ("avatar_id", ""),
            ("voice", "v"),
            ("version", "v1"),
            ("disable_idle_timeout", True),
            ("disable_idle_timeout", False),
        ],
    )
    def test_refuses_a_bad_field(
        self,
        make: Callable[..., HeyGenClient],
        vendor: requests_mock.Mocker,
        name: str,
        value: Any,
    ) -> None:
        """A wrong field is named, in a call and in the defaults, and nothing is sent."""
        with pytest.raises(InvalidField, match=f"^{name} "):
            make().start(**{name: value})
        with pytest.raises(NotConfigured, match=f"^In HEYGEN_SESSION_DEFAULTS, {name} "):
            make(session_defaults={name: value}).start()

        assert calls(vendor) == []

    def test_warns_once_of_an_unknown_field(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """The vendor may have added it since, and more often it is misspelled."""
        for _ in range(2):
            heygen.start(avatarid="a")

        assert bodies(vendor, "new")[0]["avatarid"] == "a"
        assert caplog.messages == [
            "In the fields of a start, 'avatarid' is not a known field; did you mean avatar_id?"
        ]

    @pytest.mark.parametrize("data", [None, {}, [], "s", 7])
    def test_without_a_session_is_an_unknown_one(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, data: Any
    ) -> None:
        """A success that names no session may have started one: it is not asked for again."""
        script(vendor, "new", {"json": {"code": 100, "data": data}})

        with pytest.raises(OutcomeUnknown, match="named no session"):
            heygen.start()

        assert calls(vendor) == ["create_token", "new"]

    @pytest.mark.parametrize("session_id", ["", "a/b", "a b", "../x", "x" * 129, "é", 7, None, []])
    def test_uses_no_session_id_that_looks_like_none(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, session_id: Any
    ) -> None:
        """The vendor's id is checked like a page's."""
        room = {"url": "wss://room.test", "access_token": "t"}
        script(vendor, "new", {"json": {"code": 100, "data": {**room, "session_id": session_id}}})

        with pytest.raises(OutcomeUnknown):
            heygen.start()

        assert calls(vendor) == ["create_token", "new"]

    @breakdowns
    def test_sends_new_once(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """A session that may have been made is not made again: it would be paid for twice."""
        script(vendor, "new", reply)

        with pytest.raises(OutcomeUnknown):
            heygen.start()

        assert calls(vendor) == ["create_token", "new"]

    @refusals
    def test_that_is_refused_is_over(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        body: dict[str, Any],
        kind: type[HeyGenError],
    ) -> None:
        """A refused session needs no stop."""
        script(vendor, "new", {"status_code": status, "json": body})

        with pytest.raises(kind):
            heygen.start()

        assert calls(vendor) == ["create_token", "new"]

    @pytest.mark.parametrize(
        ("status", "text", "kind"),
        [
            (409, "Session concurrency limit reached", ConcurrentLimit),
            (401, "Unauthorized", AuthFailed),
            (400, "session not found", SessionNotFound),
            (400, "no", Refused),
        ],
    )
    def test_that_is_refused_in_plain_text_is_understood(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        text: str,
        kind: type[HeyGenError],
    ) -> None:
        """The words count, in whatever they are wrapped."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        script(vendor, "new", {"status_code": status, "text": text, "headers": headers})

        with pytest.raises(kind) as caught:
            heygen.start()

        assert caught.value.upstream == {"status": status, "code": None, "message": text}

    def test_tries_a_new_connection_once(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """A call that surely was not sent is sent again."""
        script(vendor, "new", {"exc": requests.ConnectTimeout})

        with pytest.raises(UpstreamTimeout):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "new"]


class TestExistingSession:
    def test_is_started_with_a_fresh_token(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """A page that has created its session itself gets no more than its id."""
        heygen.start_existing("a-session")

        assert calls(vendor) == ["create_token", "start"]
        assert bodies(vendor, "start") == [{"session_id": "a-session"}]

    @pytest.mark.parametrize(
        "body",
        [
            {"code": 10003, "message": "session state wrong: connected"},
            {"code": 10002, "message": "session state wrong: connecting"},
            {"code": 400006, "message": "Session is not in correct state"},
        ],
    )
    def test_may_have_been_started(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, body: dict[str, Any]
    ) -> None:
        """A page that calls twice gets the same answer twice."""
        script(vendor, "start", {"status_code": 400, "json": body})

        heygen.start_existing("a-session")

    def test_is_started_again_where_an_answer_was_lost(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """To start it twice creates no second session, and costs nothing."""
        script(vendor, "start", {"exc": requests.ReadTimeout}, {"json": {"code": 100}})

        heygen.start_existing("a-session")

        assert calls(vendor) == ["create_token", "start", "start"]

    def test_must_still_be_there(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A session that has ended needs another one, and is not stopped."""
        script(vendor, "start", {"status_code": 400, "json": SESSION_GONE})

        with pytest.raises(SessionClosed):
            heygen.start_existing("a-session")

        assert calls(vendor) == ["create_token", "start"]


class TestHalfStartedSession:
    @breakdowns
    def test_is_stopped(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """Whether it was started or not, it is stopped: the whole start may then be tried again."""
        script(vendor, "start", reply)

        with pytest.raises(UpstreamFailed) as caught:
            heygen.start()

        assert caught.value.retryable
        assert calls(vendor) == ["create_token", "new", "start", "stop"]
        assert bodies(vendor, "stop") == [{"session_id": "a-session"}]

    @refusals
    def test_is_stopped_when_it_is_refused(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        body: dict[str, Any],
        kind: type[HeyGenError],
    ) -> None:
        """The vendor's refusal is the answer, and the session is stopped all the same."""
        script(vendor, "start", {"status_code": status, "json": body})

        with pytest.raises(kind):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "stop"]

    @pytest.mark.parametrize(
        "room",
        [
            {},
            {"url": "wss://room.test"},
            {"access_token": "t"},
            {"url": None, "access_token": "t"},
            {"url": "wss://room.test", "access_token": 7},
            {"url": "wss://room.test", "access_token": "a token\n"},
            {"url": "javascript:alert(1)", "access_token": "t"},
            {"url": "room.test", "access_token": "t"},
            {"url": "wss://", "access_token": "t"},
            {"url": "wss://[room", "access_token": "t"},
            {"url": "wss://room.test/ \n", "access_token": "t"},
            {"url": f"wss://room.test/{'x' * 900_000}", "access_token": "t"},
        ],
    )
    def test_without_a_room_is_stopped(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, room: dict[str, Any]
    ) -> None:
        """A session that nobody can join, or that is none, is not started."""
        script(vendor, "new", {"json": {"code": 100, "data": {"session_id": "s", **room}}})

        with pytest.raises(UpstreamFailed, match="no room to join"):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "stop"]

    @pytest.mark.parametrize(
        ("base_url", "url", "joined"),
        [
            ("https://api.heygen.com", "ws://room.test", False),
            ("https://api.heygen.com", "http://room.test", False),
            ("https://api.heygen.com", "https://room.test", True),
            ("http://127.0.0.1:8080", "ws://127.0.0.1:7880", True),
        ],
    )
    def test_is_in_a_room_without_encryption_on_this_machine_alone(
        self,
        make: Callable[..., HeyGenClient],
        vendor: requests_mock.Mocker,
        base_url: str,
        url: str,
        *,
        joined: bool,
    ) -> None:
        """Camera and voice of a user go through no open line; the simulator has no certificate."""
        room = {"session_id": "s", "url": url, "access_token": "t"}
        script(vendor, "new", {"json": {"code": 100, "data": room}})

        if joined:
            assert make(base_url=base_url).start()["url"] == url
        else:
            with pytest.raises(UpstreamFailed, match="no room to join"):
                make(base_url=base_url).start()

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ZeroDivisionError])
    def test_is_stopped_whatever_happens(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, error: type[BaseException]
    ) -> None:
        """A worker that is shut down in the middle leaves nothing open either."""
        script(vendor, "start", {"exc": error})

        with pytest.raises(error):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "stop"]

    def test_is_stopped_after_the_deadline(
        self, make: Callable[..., HeyGenClient], vendor: requests_mock.Mocker
    ) -> None:
        """The stop has its own deadline, as the start may have used up its time."""
        heygen = make(timeout=1)

        def late(_request: Any, context: Any) -> dict[str, Any]:
            time.sleep(1)  # the vendor takes its time
            return {"code": 100, "data": {"session_id": "s", "url": "wss://u", "access_token": "t"}}

        vendor.post("/v1/streaming.new", json=late)

        with pytest.raises(UpstreamTimeout):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "stop"]
        assert STOP_SECONDS - 1 < timeouts(vendor)[-1] <= STOP_SECONDS

    @pytest.mark.parametrize("lost", SOME)
    def test_that_cannot_be_stopped_is_named(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        lost: str,
    ) -> None:
        """The log names the session that costs money, and the outcome is unknown."""
        script(vendor, "start", {"status_code": 500})
        script(vendor, "stop", BREAKDOWNS[lost])

        with caplog.at_level(logging.WARNING), pytest.raises(OutcomeUnknown):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "stop", "stop"]
        assert "Session a-session could neither be started nor stopped" in caplog.text

    @pytest.mark.parametrize(
        ("headers", "wait"), [({"Retry-After": "1"}, 1), ({}, 5)], ids=["in a second", "unknown"]
    )
    def test_is_stopped_as_soon_as_the_vendor_allows(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        monkeypatch: pytest.MonkeyPatch,
        headers: dict[str, str],
        wait: int,
    ) -> None:
        """A stop that is rate-limited is sent again after its Retry-After."""
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        script(vendor, "start", {"status_code": 500})
        limit = {"status_code": 429, "json": {}, "headers": headers}
        script(vendor, "stop", limit, {"json": {"status": "success"}})

        with pytest.raises(UpstreamFailed):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "stop", "stop"]
        assert waits == [wait]
        assert wait < STOP_SECONDS

    def test_waits_for_no_stop_that_comes_too_late(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The page has waited long enough."""
        script(vendor, "start", {"status_code": 500})
        limit = {"status_code": 429, "json": {}, "headers": {"Retry-After": "7"}}
        script(vendor, "stop", limit)

        with pytest.raises(OutcomeUnknown):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "stop"]

    @pytest.mark.parametrize("reason", [{"status_code": 429}, {"json": SESSION_GONE}])
    def test_that_cannot_be_stopped_asks_for_no_other(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, reason: dict[str, Any]
    ) -> None:
        """The error asks for no retry, which could leave one more session open."""
        script(vendor, "start", reason)
        script(vendor, "stop", {"status_code": 500})

        with pytest.raises(OutcomeUnknown) as caught:
            heygen.start()

        assert not caught.value.retryable
        assert not caught.value.restart_session
        assert caught.value.upstream is not None

    def test_that_cannot_be_stopped_hides_no_refusal(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The reason is that of the start, not of the stop, and so is what an operator can do."""
        script(vendor, "start", {"status_code": 400, "json": {"code": 1, "message": "no"}})
        script(vendor, "stop", {"status_code": 500})

        with pytest.raises(OutcomeUnknown) as caught:
            heygen.start()

        assert caught.value.upstream == {"status": 400, "code": 1, "message": "no"}
        assert caught.value.hint == Refused.hint

    def test_is_stopped_with_its_own_token(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """A start makes no second token, not even to clean up."""
        script(vendor, "start", {"status_code": 500})

        with pytest.raises(UpstreamFailed):
            heygen.start()

        assert credentials(vendor) == [KEY, *["Bearer session-token-of-the-vendor-1"] * 3]

    def test_says_what_the_vendor_said(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The vendor's own words survive the stop."""
        script(vendor, "start", {"status_code": 500, "json": {"code": 500, "message": "oh"}})

        with pytest.raises(UpstreamFailed) as caught:
            heygen.start()

        assert caught.value.upstream == {"status": 500, "code": 500, "message": "oh"}


class TestTask:
    def test_is_two_calls(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A token is minted, and the text sent with it, word for word and without a wait."""
        heygen.task("a-session", " How are you, Zoë? 😀\n")

        assert calls(vendor) == ["create_token", "task"]
        assert bodies(vendor, "task") == [
            {
                "session_id": "a-session",
                "text": " How are you, Zoë? 😀\n",
                "task_type": "repeat",
                "task_mode": "async",
            }
        ]

    def test_returns_what_is_known_of_it(self, heygen: HeyGenClient) -> None:
        """A page can match the task with what it hears in the room."""
        task = heygen.task("a-session", "Hello.")

        assert task == {"task_id": "a-task", "duration_ms": 2450.5}

    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            [],
            "spoken",
            7,
            {"duration_ms": 7},
            {"task_id": 7},
            {"task_id": None},
            {"task_id": "a\x1b[2J"},
            {"task_id": "x" * 129},
        ],
    )
    def test_without_an_id_may_have_been_spoken(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, data: Any
    ) -> None:
        """A success that names no task leaves it open: the text is not sent again."""
        script(vendor, "task", {"json": {"code": 100, "data": data}})

        with pytest.raises(OutcomeUnknown, match="named no task"):
            heygen.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token", "task"]

    @pytest.mark.parametrize(
        "duration", [None, "soon", True, float("nan"), float("inf"), {}, -2450.5]
    )
    def test_leaves_out_a_duration_that_is_no_number(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, duration: Any
    ) -> None:
        """The page gets JSON, whatever the vendor gave as the duration."""
        text = json.dumps({"code": 100, "data": {"task_id": "t", "duration_ms": duration}})
        script(vendor, "task", {"text": text})

        assert heygen.task("a-session", "Hello.") == {"task_id": "t", "duration_ms": None}

    @pytest.mark.parametrize("task_type", ["repeat", "chat", "talk"])
    def test_has_a_type(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, task_type: str
    ) -> None:
        """The three types of the vendor are handed on."""
        heygen.task("a-session", "Hello.", task_type)

        assert bodies(vendor, "task")[0]["task_type"] == task_type

    def test_may_cut_the_avatar_short(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The interrupt is a call of its own, before the task and with the same token."""
        heygen.task("a-session", "Hello.", interrupt=True)

        assert calls(vendor) == ["create_token", "interrupt", "task"]
        assert credentials(vendor) == [KEY, *["Bearer session-token-of-the-vendor-1"] * 2]
        assert bodies(vendor, "interrupt") == [{"session_id": "a-session"}]
        assert "interrupt" not in bodies(vendor, "task")[0]

    @pytest.mark.parametrize("name", SOME)
    def test_is_not_spoken_where_the_interrupt_failed(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, name: str
    ) -> None:
        """Nothing was spoken, so that the page may try again."""
        script(vendor, "interrupt", BREAKDOWNS[name])

        with pytest.raises((UpstreamFailed, UpstreamTimeout)) as caught:
            heygen.task("a-session", "Hello.", interrupt=True)

        assert caught.value.retryable
        assert calls(vendor) == ["create_token", "interrupt", "interrupt"]

    @breakdowns
    def test_is_sent_once(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """A text that may have been spoken is not sent again."""
        script(vendor, "task", reply)

        with pytest.raises(OutcomeUnknown) as caught:
            heygen.task("a-session", "Hello.")

        assert not caught.value.retryable
        assert calls(vendor) == ["create_token", "task"]

    @refusals
    def test_that_is_refused_is_sent_once(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        body: dict[str, Any],
        kind: type[HeyGenError],
    ) -> None:
        """A text that the vendor refused is not sent again; the caller may do so."""
        script(vendor, "task", {"status_code": status, "json": body})

        with pytest.raises(kind):
            heygen.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token", "task"]

    def test_is_sent_again_where_it_never_left(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """A connection that was never made has carried nothing."""
        spoken = {"json": {"code": 100, "data": {"task_id": "t"}}}
        script(vendor, "task", {"exc": requests.ConnectTimeout}, spoken)

        task = heygen.task("a-session", "Hello.")

        assert task["task_id"] == "t"
        assert calls(vendor) == ["create_token", "task", "task"]

    def test_is_not_redirected(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A redirect is a refusal: nobody else gets the token or the text."""
        elsewhere = vendor.post("http://elsewhere.test/", json={"code": 100, "data": None})
        script(
            vendor,
            "task",
            {"status_code": 307, "headers": {"Location": "http://elsewhere.test/"}},
        )

        with pytest.raises(Refused):
            heygen.task("a-session", "Hello.")

        assert not elsewhere.called

    @pytest.mark.parametrize("text", [None, 7, b"Hello.", ["Hello."]])
    def test_needs_a_text(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, text: Any
    ) -> None:
        """A text that is none is refused before anything is sent."""
        with pytest.raises(InvalidField, match=r"^text must be a string\.$"):
            heygen.task("a-session", text)

        assert calls(vendor) == []

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " \t\n\u3000",
            "\u200b\u200d\ufeff",
            "\xad\xad",
            "\u202e \u2066",
            "\u0301\ufe0f",
            "\u3164\u2800",
        ],
        ids=[
            "empty",
            "spaces",
            "zero-width",
            "soft hyphens",
            "direction marks",
            "combining",
            "blank letters",
        ],
    )
    def test_needs_something_to_be_heard(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, text: str
    ) -> None:
        """A text of invisible characters would be paid for and not be heard."""
        with pytest.raises(InvalidField, match=r"^text is blank"):
            heygen.task("a-session", text)

        assert calls(vendor) == []

    @pytest.mark.parametrize("text", ["😀", "\u200b7", "é", "👩\u200d🚀", "字", "\U0001fae8"])
    def test_may_be_short(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, text: str
    ) -> None:
        """An emoji, a digit or a letter is a text, with or without invisible characters."""
        heygen.task("a-session", text)

        assert bodies(vendor, "task")[0]["text"] == text

    @pytest.mark.parametrize("text", ["\ud800", "Hello \udc80!", "\ude00\ud83d"])
    def test_needs_whole_characters(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, text: str
    ) -> None:
        """Half of an emoji is no text."""
        with pytest.raises(InvalidField, match=r"^text must be valid Unicode"):
            heygen.task("a-session", text)

        assert calls(vendor) == []

    @pytest.mark.parametrize("task_type", [None, "", "Repeat", "sing", 7, ["repeat"], {}])
    def test_needs_a_known_type(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, task_type: Any
    ) -> None:
        """Another type is refused before anything is sent."""
        with pytest.raises(InvalidField, match=r"^task_type must be one of: repeat, chat, talk"):
            heygen.task("a-session", "Hello.", task_type)

        assert calls(vendor) == []

    @pytest.mark.parametrize("interrupt", [None, 0, 1, "true", "", []])
    def test_is_interrupted_or_not(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, interrupt: Any
    ) -> None:
        """Only true and false say whether the avatar is cut short."""
        with pytest.raises(InvalidField, match=r"^interrupt must be true or false"):
            heygen.task("a-session", "Hello.", interrupt=interrupt)

        assert calls(vendor) == []

    def test_has_a_longest_text(
        self, make: Callable[..., HeyGenClient], vendor: requests_mock.Mocker
    ) -> None:
        """A text of HEYGEN_MAX_TEXT characters is spoken whole, however many bytes they are."""
        heygen = make(max_text=10)

        heygen.task("a-session", "😀" * 10)

        assert bodies(vendor, "task")[0]["text"] == "😀" * 10

    def test_is_never_cut_to_size(
        self, make: Callable[..., HeyGenClient], vendor: requests_mock.Mocker
    ) -> None:
        """One character more is refused with both numbers, and without the text."""
        with pytest.raises(TextTooLong, match=r"text has 11 characters, and 10 are") as caught:
            make(max_text=10).task("a-session", "a" * 11)

        assert "aaa" not in str(caught.value)
        assert calls(vendor) == []


COMMANDS = [
    ("stop", HeyGenClient.stop),
    ("interrupt", HeyGenClient.interrupt),
    ("keep_alive", HeyGenClient.keep_alive),
]
commands = pytest.mark.parametrize(("name", "command"), COMMANDS)
Command = Callable[[HeyGenClient, str], None]


class TestCommand:
    @commands
    def test_is_two_calls(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, name: str, command: Command
    ) -> None:
        """A token is minted for it, and it is sent."""
        command(heygen, "a-session")

        assert calls(vendor) == ["create_token", name]
        assert bodies(vendor, name) == [{"session_id": "a-session"}]

    @commands
    @pytest.mark.parametrize("lost", BROKEN)
    def test_is_repeated_once(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        name: str,
        command: Command,
        lost: str,
    ) -> None:
        """An idempotent call is sent twice, with the same token."""
        script(vendor, name, BREAKDOWNS[lost], {"json": {"code": 100, "data": None}})

        command(heygen, "a-session")

        assert calls(vendor) == ["create_token", name, name]
        assert credentials(vendor)[1] == credentials(vendor)[2]

    @commands
    @pytest.mark.parametrize("lost", SOME)
    def test_is_given_up_after_the_second_failure(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        name: str,
        command: Command,
        lost: str,
    ) -> None:
        """Then it failed, and the page may try again: nothing is unknown about it."""
        script(vendor, name, BREAKDOWNS[lost])

        with pytest.raises((UpstreamFailed, UpstreamTimeout)) as caught:
            command(heygen, "a-session")

        assert caught.value.retryable
        assert calls(vendor) == ["create_token", name, name]

    @commands
    def test_whose_time_is_up_has_timed_out(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, name: str, command: Command
    ) -> None:
        """A slow vendor is another error than a broken one."""
        script(vendor, name, {"exc": requests.ReadTimeout})

        with pytest.raises(UpstreamTimeout):
            command(heygen, "a-session")


class TestStop:
    @pytest.mark.parametrize(
        "body",
        [
            {"code": 10006, "message": "session not found"},
            {"code": 400004, "message": "Session does not exist. SessionID: a-session"},
            {"code": 10005, "message": "session state wrong: closed"},
            {"code": 10004, "message": "session state wrong: closing"},
        ],
    )
    def test_of_a_session_that_is_gone_is_a_success(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, body: dict[str, Any]
    ) -> None:
        """The stop of a session that has ended is a success."""
        script(vendor, "stop", {"status_code": 400, "json": body})

        heygen.stop("a-session")

        assert calls(vendor) == ["create_token", "stop"]

    @pytest.mark.parametrize(
        "reply",
        [
            {"status_code": 500, "json": {"code": 500, "message": "Session is closed"}},
            {"status_code": 400, "json": {"code": 10004, "message": "limit reached"}},
            {"status_code": 400, "json": {"code": 10006, "message": "session not found"}},
        ],
    )
    def test_that_has_got_no_token_is_no_success(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """It was not sent, and what refuses a token knows of no session."""
        script(vendor, "create_token", reply)

        with pytest.raises(UpstreamError):
            heygen.stop("a-session")

        assert "stop" not in calls(vendor)

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            ({"code": 10006, "message": "session not found"}, SessionNotFound),
            ({"code": 10005, "message": "session state wrong: closed"}, SessionClosed),
        ],
    )
    def test_of_a_session_that_is_gone_is_an_error_on_request(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        body: dict[str, Any],
        kind: type[HeyGenError],
    ) -> None:
        """An operator who mistypes an id wants to know."""
        script(vendor, "stop", {"status_code": 400, "json": body})

        with pytest.raises(kind):
            heygen.stop("a-session", missing_ok=False)

    @pytest.mark.parametrize("name", ["interrupt", "keep_alive"])
    def test_is_alone_in_that(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, name: str
    ) -> None:
        """For keep-alive, a session that has ended is an error."""
        gone = {"status_code": 400, "json": {"code": 10006, "message": "session not found"}}
        script(vendor, name, gone)

        with pytest.raises(SessionNotFound):
            getattr(heygen, name)("a-session")

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [(400, 400006, SessionNotReady), (400, 7, Refused)],
    )
    def test_may_be_refused(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        code: int,
        kind: type[HeyGenError],
    ) -> None:
        """A session that still costs money is no success."""
        script(vendor, "stop", {"status_code": status, "json": {"code": code}})

        with pytest.raises(kind):
            heygen.stop("a-session")

    @pytest.mark.parametrize("call", ["create_token", "stop"])
    def test_is_put_off_by_a_rate_limit(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        monkeypatch: pytest.MonkeyPatch,
        call: str,
    ) -> None:
        """A page that is left sends it once: it waits for as long as a limit without a time."""
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        limit = {"status_code": 429, "json": {"code": 400123}}
        script(vendor, call, limit, {"json": {"data": {"token": "another-token-of-the-vendor"}}})

        heygen.stop("a-session")

        assert calls(vendor)[-2:] == ["create_token", "stop"]
        assert waits == [5]

    def test_does_not_wait_for_long(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """No worker is held up; the page gets the time to wait."""
        script(vendor, "stop", {"status_code": 429, "json": {}, "headers": {"Retry-After": "6"}})

        with pytest.raises(RateLimited):
            heygen.stop("a-session")

        assert calls(vendor) == ["create_token", "stop"]


class TestSessionId:
    @pytest.mark.parametrize(
        "session_id",
        [
            "",
            " ",
            "a b",
            "a\n",
            "a/b",
            "../a",
            "a?b",
            "a#b",
            "a%20b",
            "a.b",
            "http://elsewhere.test",
            "é",
            "\ud800",
            "\0",
            "x" * 129,
            None,
            7,
            True,
            b"a-session",
            ["a-session"],
            {},
        ],
    )
    @pytest.mark.parametrize(
        "verb",
        [
            *(command for _, command in COMMANDS),
            lambda heygen, it: heygen.task(it, "Hello."),
            HeyGenClient.start_existing,
        ],
        ids=["stop", "interrupt", "keep_alive", "task", "start_existing"],
    )
    def test_is_checked_first(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        verb: Callable[[HeyGenClient, Any], Any],
        session_id: Any,
    ) -> None:
        """A value that cannot be an id is refused before anything is sent, and is not repeated."""
        with pytest.raises(InvalidField) as caught:
            verb(heygen, session_id)

        assert caught.value.message == "session_id must be the one that start answered."
        assert calls(vendor) == []

    @pytest.mark.parametrize(
        "session_id", ["a", "x" * 128, "1f0c8d2e-1c1b-11ef-8b1b-0242ac120002", "-_-"]
    )
    def test_is_sent_as_it_is(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, session_id: str
    ) -> None:
        """An id that may be one reaches the vendor unchanged."""
        heygen.stop(session_id)

        assert bodies(vendor, "stop") == [{"session_id": session_id}]


class TestToken:
    def test_is_asked_for_with_the_key(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The key goes to create_token and nowhere else, the tokens to the others."""
        heygen.start()
        heygen.task("a-session", "Hello.")
        heygen.interrupt("a-session")
        heygen.keep_alive("a-session")
        heygen.stop("a-session")

        for call in vendor.request_history:
            minting = call.path.endswith("create_token")
            assert ("X-Api-Key" in call.headers, "Authorization" in call.headers) == (
                minting,
                not minting,
            )
            assert KEY not in f"{call.url} {call.text}"

    def test_is_a_new_one_for_each_verb(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """No two requests of pages share a token; the calls of one do."""
        heygen.start()
        heygen.task("a-session", "Hello.")
        heygen.task("a-session", "Hello.")
        heygen.stop("a-session")

        assert [each for each in credentials(vendor) if each != KEY] == [
            "Bearer session-token-of-the-vendor-1",
            "Bearer session-token-of-the-vendor-1",
            "Bearer session-token-of-the-vendor-2",
            "Bearer session-token-of-the-vendor-3",
            "Bearer session-token-of-the-vendor-4",
        ]

    def test_is_asked_for_with_json(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """Without a body of JSON, create_token was seen to answer an error."""
        heygen.keep_alive("a-session")

        minting = vendor.request_history[0]
        assert (minting.json(), minting.headers["Content-Type"]) == ({}, "application/json")

    @pytest.mark.parametrize("lost", BROKEN)
    def test_is_asked_for_once_more(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, lost: str
    ) -> None:
        """A token that nobody uses does no harm, so that a lost one is asked for again."""
        script(vendor, "create_token", BREAKDOWNS[lost], MINTED)

        heygen.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token", "create_token", "task"]
        assert credentials(vendor)[2] == f"Bearer {TOKEN}"

    @pytest.mark.parametrize("lost", SOME)
    def test_is_given_up_after_the_second_failure(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, lost: str
    ) -> None:
        """Without a token nothing was spoken, and the page may try again."""
        script(vendor, "create_token", BREAKDOWNS[lost])

        with pytest.raises((UpstreamFailed, UpstreamTimeout)) as caught:
            heygen.task("a-session", "Hello.")

        assert caught.value.retryable
        assert calls(vendor) == ["create_token", "create_token"]

    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            [],
            "a-token",
            {"token": None},
            {"token": ""},
            {"token": 7},
            {"token": "a token"},
            {"token": "a\r\nX-Evil: 1"},
            {"token": "tökén"},
            {"token": "x" * 8193},
        ],
    )
    def test_must_look_like_one(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker, data: Any
    ) -> None:
        """Nothing that is no token gets into a header."""
        script(vendor, "create_token", {"json": {"error": None, "data": data}})

        with pytest.raises(UpstreamFailed, match="no session token"):
            heygen.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token"]

    @refusals
    def test_that_is_refused_is_not_asked_for_again(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        status: int,
        body: dict[str, Any],
        kind: type[HeyGenError],
    ) -> None:
        """A refusal is an answer, though about no session: none was named."""
        script(vendor, "create_token", {"status_code": status, "json": body})

        with pytest.raises(Refused if issubclass(kind, SessionError) else kind):
            heygen.task("a-session", "Hello.")

        assert calls(vendor) == ["create_token"]

    def test_is_refused_with_the_key(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """A refused key is not tried twice."""
        script(vendor, "create_token", UNAUTHORIZED)

        with pytest.raises(AuthFailed) as caught:
            heygen.task("a-session", "Hello.")

        assert "HEYGEN_API_KEY" in caught.value.hint

        assert calls(vendor) == ["create_token"]


VERBS: list[tuple[str, Callable[[HeyGenClient], Any]]] = [
    ("new", lambda heygen: heygen.start()),
    ("task", lambda heygen: heygen.task("a-session", "Hello.")),
    ("interrupt", lambda heygen: heygen.interrupt("a-session")),
    ("keep_alive", lambda heygen: heygen.keep_alive("a-session")),
    ("stop", lambda heygen: heygen.stop("a-session")),
]
verbs = pytest.mark.parametrize(("name", "act"), VERBS, ids=[name for name, _ in VERBS])


class TestRefusedToken:
    @verbs
    def test_is_replaced_once(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        name: str,
        act: Callable[[HeyGenClient], Any],
    ) -> None:
        """A 401 is cured by a token minted at once, and the operator hears of it."""
        data = {"session_id": "s", "url": "wss://u", "access_token": "t", "task_id": "t"}
        script(vendor, name, UNAUTHORIZED, {"json": {"code": 100, "data": data}})

        with caplog.at_level(logging.WARNING):
            act(heygen)

        assert calls(vendor)[:4] == ["create_token", name, "create_token", name]
        assert credentials(vendor)[1:4] == [
            "Bearer session-token-of-the-vendor-1",
            KEY,
            "Bearer session-token-of-the-vendor-2",
        ]
        assert "set HEYGEN_TOKEN_MAX_AGE below" in caplog.text

    @verbs
    def test_is_not_replaced_twice(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        name: str,
        act: Callable[[HeyGenClient], Any],
    ) -> None:
        """A token refused the moment it was minted means that something else is wrong."""
        script(vendor, name, UNAUTHORIZED)

        with pytest.raises(AuthFailed) as caught:
            act(heygen)

        assert "check avatar_id, avatar_name and voice" in caught.value.hint

        assert calls(vendor) == ["create_token", name, "create_token", name]

    def test_is_replaced_for_the_interrupt_too(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The interrupt and the task it makes room for go with the new token, both."""
        script(vendor, "interrupt", UNAUTHORIZED, {"json": {"code": 100, "data": None}})

        heygen.task("a-session", "Hello.", interrupt=True)

        assert calls(vendor) == ["create_token", "interrupt", "create_token", "interrupt", "task"]
        assert credentials(vendor)[3:] == ["Bearer session-token-of-the-vendor-2"] * 2

    def test_of_a_session_is_replaced_once_for_its_start(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """It may have expired since it made the session, which is then stopped if need be."""
        script(vendor, "start", UNAUTHORIZED)

        with pytest.raises(AuthFailed):
            heygen.start()

        assert calls(vendor) == ["create_token", "new", "start", "create_token", "start", "stop"]

    def test_is_followed_to_the_new_session(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """The token that made the session starts it, not the first one."""
        data = {"session_id": "s", "url": "wss://u", "access_token": "t"}
        script(vendor, "new", UNAUTHORIZED, {"json": {"code": 100, "data": data}})

        heygen.start()

        assert credentials(vendor)[-1] == "Bearer session-token-of-the-vendor-2"


class TestWait:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("17", 17),
            (" 17 ", 17),
            ("0", 1),
            ("999999", 3600),
            ("9" * 400, 3600),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
            ("soon", 5),
            ("", 5),
            ("-1", 5),
            ("1.5", 2),
            ("1.2.3", 5),
            ("Fri, 99 Dec 2026 23:59:59 GMT", 5),
            (None, 5),
        ],
    )
    def test_is_read_from_the_header(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        header: str | None,
        seconds: int,
    ) -> None:
        """Seconds and dates are understood, up to an hour; the default is 5 seconds."""
        headers = {} if header is None else {"Retry-After": header}
        script(vendor, "task", {"status_code": 429, "headers": headers})

        with pytest.raises(RateLimited) as caught:
            heygen.task("a-session", "Hello.")

        assert caught.value.retry_after == seconds

    def test_is_read_from_a_date(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A date becomes the seconds until then."""
        soon = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=90), usegmt=True)
        script(vendor, "task", {"status_code": 429, "headers": {"Retry-After": soon}})

        with pytest.raises(RateLimited) as caught:
            heygen.task("a-session", "Hello.")

        assert 80 <= (caught.value.retry_after or 0) <= 90


class TestDeadline:
    @verbs
    def test_is_one_for_all_calls(
        self,
        make: Callable[..., HeyGenClient],
        vendor: requests_mock.Mocker,
        name: str,
        act: Callable[[HeyGenClient], Any],
    ) -> None:
        """The time of a call and its retry is missing from that of the next call."""
        script(vendor, "create_token", {"status_code": 500}, MINTED)

        act(make(timeout=20))

        first, *later = timeouts(vendor)
        assert 19 < first <= 20
        assert all(left <= first - 0.05 for left in later)
        assert len(later) >= 2

    @verbs
    def test_ends_it_all(
        self,
        make: Callable[..., HeyGenClient],
        vendor: requests_mock.Mocker,
        name: str,
        act: Callable[[HeyGenClient], Any],
    ) -> None:
        """When the time is up nothing more is sent, a repeat neither."""

        def late(_request: Any, context: Any) -> dict[str, Any]:
            time.sleep(1)
            return {}

        script(vendor, "create_token", {"status_code": 500, "json": late})

        with pytest.raises(UpstreamTimeout):
            act(make(timeout=1))

        assert calls(vendor) == ["create_token"]


class TestCall:
    def test_sends_json_in_ascii(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """A body says what it is and how long, and asks for what can be read."""
        heygen.task("a-session", "Zoë 😀")

        call = vendor.request_history[-1]
        assert json.loads(call.body)["text"] == "Zoë 😀"
        assert call.body.isascii()
        assert call.headers["Content-Type"] == call.headers["Accept"] == "application/json"
        assert call.headers["Content-Length"] == str(len(call.body))
        assert call.headers["Accept-Encoding"] == "identity"

    def test_says_whose_it_is(self, heygen: HeyGenClient, vendor: requests_mock.Mocker) -> None:
        """The vendor's support can find our calls among others."""
        heygen.task("a-session", "Hello.")

        assert {each.headers["User-Agent"] for each in vendor.request_history} == {"flask-heygen"}

    def test_is_logged(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """One DEBUG line for each: method, path, status and milliseconds."""
        script(vendor, "interrupt", {"status_code": 400, "json": {"code": 1}})

        with caplog.at_level(logging.DEBUG, "flask_heygen"), pytest.raises(Refused):
            heygen.interrupt("a-session")

        lines = [record.getMessage() for record in caplog.records]
        assert [re.sub(r"\d+ ms$", "N ms", line) for line in lines] == [
            "POST /v1/streaming.create_token 200 N ms",
            "POST /v1/streaming.interrupt 400 N ms",
        ]
        assert {record.levelno for record in caplog.records} == {logging.DEBUG}

    def test_is_logged_with_the_time_it_took(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """In milliseconds, by which a slow vendor is found out."""

        def answer_late(*_: Any) -> dict[str, Any]:
            time.sleep(0.05)
            return {"code": 100, "message": "success"}

        script(vendor, "keep_alive", {"json": answer_late})
        started = time.monotonic()
        with caplog.at_level(logging.DEBUG, "flask_heygen"):
            heygen.keep_alive("a-session")
        took = (time.monotonic() - started) * 1000

        (logged,) = re.findall(r"(\d+) ms$", caplog.messages[-1])
        assert 50 <= int(logged) <= took + 1

    @pytest.mark.parametrize(
        "error", [requests.ConnectionError, requests.ConnectTimeout, requests.ReadTimeout]
    )
    def test_without_an_answer_is_a_warning(
        self,
        heygen: HeyGenClient,
        vendor: requests_mock.Mocker,
        caplog: pytest.LogCaptureFixture,
        error: type[Exception],
    ) -> None:
        """It names the kind of failure, not the words of the exception: they may be an echo."""
        script(vendor, "task", {"exc": error("hunter2")})

        with caplog.at_level(logging.WARNING, "flask_heygen"), pytest.raises(HeyGenError):
            heygen.task("a-session", "Hello.")

        assert re.search(
            rf"POST /v1/streaming\.task got no response in \d+ ms: {error.__name__}$",
            caplog.messages[0],
        )
        assert "hunter2" not in caplog.text


class TestClient:
    def test_calls_nobody_until_it_is_used(
        self, heygen: HeyGenClient, vendor: requests_mock.Mocker
    ) -> None:
        """To make a client costs no call."""
        assert calls(vendor) == []
        assert heygen.settings.api_key == KEY

    def test_shows_no_key(self, heygen: HeyGenClient) -> None:
        """A repr in a log gives no key away."""
        assert KEY not in f"{heygen!r} {heygen.settings!r}"


class TestASessionThatEndedByItself:
    def test_is_not_said_to_run_on(
        self, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where a start fails and its session is gone already, nobody is sent to stop it."""
        vendor.post("/v1/streaming.start", status_code=500)
        gone = {"code": 10005, "message": "session state wrong: closed"}
        vendor.post("/v1/streaming.stop", status_code=400, json=gone)
        settings = Settings.from_mapping({"HEYGEN_API_KEY": KEY, "TESTING": True})

        with pytest.raises(UpstreamFailed):
            HeyGenClient(settings).start()

        assert "nor stopped" not in caplog.text


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("url", "warned"),
        [
            ("http://api.heygen.com", True),
            ("https://api.heygen.com", False),
            ("http://127.0.0.1:8080", False),
            ("", False),
        ],
    )
    def test_should_be_encrypted(
        self, make: Callable[..., HeyGenClient], url: str, *, warned: bool
    ) -> None:
        """Over http everybody on the way reads key, tokens and texts."""
        assert ("unencrypted" in "".join(make(base_url=url).warnings())) is warned
