"""LiveAvatar's calls and events, in sessions whose room no client joins."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from flask_heygen.simulator import Fault, Refusal, Simulator
from tests import constants
from tests.simulator.guest import wait_until

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
KEY = {"X-API-KEY": constants.KEY}
FULL: dict[str, Any] = {"mode": "FULL", "avatar_id": AVATAR, "avatar_persona": {"language": "en"}}
CONVERSATION = {"avatar_persona": {"context_id": "5b3f9c1e-7c0a-4b5d-9a51-0c2f4f0e7a10"}}
UNAUTHORIZED = {"code": 4001, "data": None, "message": "Unauthorized"}
NOT_FOUND = {"code": 4004, "data": None, "message": "Session not found"}
CLOSED = {"code": 4000, "data": None, "message": "Session is already closed"}
SUCCESS = {"code": 1000, "data": None, "message": "success"}
NAMED = ("stop", "keep-alive")


class Customer:
    """A client of LiveAvatar's, and the simulator it calls."""

    def __init__(self, sim: Simulator, http: requests.Session) -> None:
        self.sim = sim
        self.http = http

    def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> requests.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.sim.url}/v1/sessions{path}"
        return self.http.request(method, url, json=body, headers=fields, timeout=10)

    def token(self, **options: object) -> dict[str, Any]:
        reply = self.call("POST", "/token", {**FULL, **options}, **KEY)
        return dict(reply.json()["data"])

    def start(self, made: dict[str, Any]) -> requests.Response:
        return self.call("POST", "/start", **bearer(made))

    def started(self, **options: object) -> str:
        made = self.token(**options)
        assert self.start(made).status_code == 201
        return str(made["session_id"])

    def state(self, session_id: str) -> str:
        return self.sim.sessions[session_id].state

    def publish(self, session_id: str, kind: str, text: str = "", event_id: str = "1") -> None:
        event = {"event_id": event_id, "event_type": kind}
        self.sim.publish(session_id, {**event, "text": text} if text else event)

    def read_transcript(self, session_id: str, query: str = "") -> dict[str, Any]:
        reply = self.call("GET", f"/{session_id}/transcript{query}", **KEY)
        return dict(reply.json()["data"])

    def transcript(self, session_id: str, query: str = "") -> list[tuple[str, str]]:
        """Give role and text of each entry."""
        entries = self.read_transcript(session_id, query)["transcript_data"]
        return [(entry["role"], entry["transcript"]) for entry in entries]

    def event_types(self, session_id: str) -> list[tuple[object, object]]:
        """Give kind and source of each event."""
        events = self.sim.events(session_id)
        return [(event["event_type"], event.get("source_event_id")) for event in events]


def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['session_token']}"}


Serve = Callable[..., Customer]


@pytest.fixture
def serve(configure: Callable[..., Simulator], http: requests.Session) -> Serve:
    return lambda **options: Customer(configure(**options), http)


@pytest.fixture
def customer(serve: Serve) -> Customer:
    return serve()


class TestToken:
    def test_envelope(self, customer: Customer) -> None:
        """It names a session to come, which neither exists nor holds a slot yet."""
        reply = customer.call("POST", "/token", FULL, **KEY)

        [token] = customer.sim.tokens
        data = {"session_id": token.session_id, "session_token": token.value}
        assert reply.status_code == 200
        assert reply.json() == {"code": 1000, "data": data, "message": "success"}
        assert customer.sim.sessions == {}

    def test_has_the_mode(self, customer: Customer) -> None:
        """The SDK reads the mode in the token, which is a JSON Web Token."""
        claims = customer.token()["session_token"].split(".")[1]

        read = json.loads(base64.urlsafe_b64decode(claims + "=="))
        assert read["start_session_data"]["mode"] == "FULL"

    @pytest.mark.parametrize("headers", [{}, {"X_API_KEY": ""}, {"Authorization": "Bearer key"}])
    def test_needs_the_key(self, customer: Customer, headers: dict[str, str]) -> None:
        """Without the key in X-API-KEY it is 401 with the code 4001."""
        reply = customer.call("POST", "/token", FULL, **headers)

        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)

    def test_refuses_another_key(self, serve: Serve) -> None:
        """With an api_key, no other is good."""
        reply = serve(api_key="right").call("POST", "/token", FULL, **KEY)

        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)

    @pytest.mark.parametrize(
        ("changes", "loc", "kind"),
        [
            ({"avatar_id": None}, ["avatar_id"], "missing"),
            ({"avatar_persona": None}, [], "value_error"),
            ({"voice_agent": {"id": "agent"}}, [], "value_error"),
            ({"avatar_id": "Ann"}, ["avatar_id"], "uuid_parsing"),
            ({"avatar_id": 7}, ["avatar_id"], "uuid_parsing"),
            ({"mode": "LITE"}, ["mode"], "literal_error"),
            ({"is_sandbox": "yes"}, ["is_sandbox"], "bool_type"),
            ({"avatar_persona": []}, ["avatar_persona"], "dict_type"),
            ({"avatar_persona": {"voice_id": 7}}, ["avatar_persona", "voice_id"], "string_type"),
            ({"avatar_persona": {"language": 7}}, ["avatar_persona", "language"], "string_type"),
            (
                {"avatar_persona": {"voice_settings": {"speed": 1.5}}},
                ["avatar_persona", "voice_settings", "speed"],
                "float_range",
            ),
            (
                {"video_settings": {"quality": "best"}},
                ["video_settings", "quality"],
                "literal_error",
            ),
            ({"max_session_duration": 1201}, ["max_session_duration"], "int_range"),
            ({"max_session_duration": 60.5}, ["max_session_duration"], "int_range"),
            ({"interactivity_type": "TALK"}, ["interactivity_type"], "literal_error"),
        ],
    )
    def test_says_what_is_wrong(
        self, customer: Customer, changes: dict[str, Any], loc: list[str], kind: str
    ) -> None:
        """A wrong body is a 422 with the place, the message and the type of each problem."""
        reply = customer.call("POST", "/token", {**FULL, **changes}, **KEY)

        [problem] = reply.json()["detail"]
        assert reply.status_code == 422
        assert problem.keys() == {"loc", "msg", "type"}
        assert (problem["loc"], problem["type"]) == (["body", *loc], kind)
        assert customer.sim.tokens == ()

    @pytest.mark.parametrize("content", [b"", b"{", b"[]"])
    def test_wants_an_object(self, customer: Customer, content: bytes) -> None:
        """A body that is no object is a 422, too."""
        url = f"{customer.sim.url}/v1/sessions/token"
        reply = customer.http.post(url, data=content, headers=KEY, timeout=10)

        assert reply.status_code == 422


class TestStart:
    def test_opens_a_room(self, customer: Customer) -> None:
        """It is 201, and leads to a room of the simulator's for as long as the session may last."""
        made = customer.token(max_session_duration=300)
        reply = customer.start(made)

        data = reply.json()["data"]
        assert (reply.status_code, reply.json()["code"]) == (201, 1000)
        assert data["session_id"] == made["session_id"]
        assert data["livekit_url"] == customer.sim.url.replace("http", "ws")
        assert data["livekit_client_token"].count(".") == 2
        assert data["max_session_duration"] == 300
        assert customer.sim.sessions[made["session_id"]].api == "liveavatar"

    @pytest.mark.parametrize(
        ("headers", "status"), [({}, 403), (KEY, 403), ({"Authorization": "Bearer nonsense"}, 401)]
    )
    def test_needs_the_token(
        self, customer: Customer, headers: dict[str, str], status: int
    ) -> None:
        """The key does not start a session; its token does."""
        reply = customer.call("POST", "/start", {}, **headers)

        assert reply.status_code == status

    @pytest.mark.parametrize(
        ("body", "status", "message"),
        [
            ({"avatar_persona": {"voice_id": "unknown"}}, 404, "Voice not found"),
            (
                {"llm_configuration_id": "unknown"},
                400,
                "LLM configuration with id 'unknown' not found in your space",
            ),
        ],
    )
    def test_checks_the_meaning(
        self, customer: Customer, body: dict[str, Any], status: int, message: str
    ) -> None:
        """The start, and not the token call, refuses what the account does not have."""
        reply = customer.start(customer.token(**body))

        assert (reply.status_code, reply.json()["message"]) == (status, message)
        assert customer.sim.sessions == {}

    def test_refuses_an_expired_token(self, customer: Customer) -> None:
        """A token that has expired is 401."""
        made = customer.token()
        customer.sim.expire_tokens()

        assert customer.start(made).status_code == 401

    def test_is_done_once(self, customer: Customer) -> None:
        """A token is for one session, and that starts once."""
        made = customer.token()
        customer.start(made)
        again = customer.start(made)

        assert (again.status_code, again.json()["code"]) == (400, 4000)
        assert len(customer.sim.sessions) == 1

    def test_waits_for_a_slot(self, serve: Serve) -> None:
        """One session too many is 403 with the code 4003, and may be started later."""
        customer = serve(concurrent_limit=1)
        first, made = customer.started(), customer.token()
        reply = customer.start(made)
        customer.call("POST", "/stop", {"session_id": first}, **KEY)

        message = "Session concurrency limit reached"
        assert reply.status_code == 403
        assert reply.json() == {"code": 4003, "data": None, "message": message}
        assert customer.start(made).status_code == 201


class TestStopAndKeepAlive:
    @pytest.mark.parametrize("call", NAMED)
    @pytest.mark.parametrize("by", ["key", "token", "token alone"])
    def test_names_the_session(self, customer: Customer, call: str, by: str) -> None:
        """The key needs the session's id, and its token names it; the SDK sends no body."""
        made = customer.token()
        customer.start(made)
        body = None if by == "token alone" else {"session_id": made["session_id"]}
        reply = customer.call("POST", f"/{call}", body, **(KEY if by == "key" else bearer(made)))

        assert (reply.status_code, reply.json()) == (200, SUCCESS)

    @pytest.mark.parametrize("call", NAMED)
    def test_needs_an_id_beside_the_key(self, customer: Customer, call: str) -> None:
        """Without one it is a 422."""
        assert customer.call("POST", f"/{call}", {}, **KEY).status_code == 422

    @pytest.mark.parametrize("call", NAMED)
    def test_refuses_the_token_of_another(self, customer: Customer, call: str) -> None:
        """A token is good for its own session alone."""
        session_id, other = customer.started(), customer.token()
        reply = customer.call("POST", f"/{call}", {"session_id": session_id}, **bearer(other))

        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)

    @pytest.mark.parametrize("call", NAMED)
    def test_knows_only_what_was_started(self, customer: Customer, call: str) -> None:
        """A session that was never started is not found, and one that has ended is closed."""
        made, ended = customer.token(), customer.started()
        customer.sim.close_session(ended)
        ids = (str(made["session_id"]), ended)
        replies = [customer.call("POST", f"/{call}", {"session_id": i}, **KEY) for i in ids]

        assert [reply.json() for reply in replies] == [NOT_FOUND, CLOSED]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ({"reason": "USER_DISCONNECTED"}, "USER_DISCONNECTED"),
            ({}, "UNKNOWN"),
            (None, "USER_CLOSED"),
        ],
    )
    def test_has_a_reason(self, customer: Customer, body: object, reason: str) -> None:
        """A stop's reason is recorded, and sent to the room under both of its names."""
        made = customer.token()
        customer.start(made)
        customer.call("POST", "/stop", body, **bearer(made))

        *_, event = customer.sim.events(made["session_id"])
        assert event["event_type"] == "session.stopped"
        assert event["end_reason"] == event["stop_reason"] == reason
        assert customer.sim.sessions[made["session_id"]].end_reason == reason

    def test_is_no_delete(self, customer: Customer) -> None:
        """DELETE is not allowed, and leaves the session running (live)."""
        session_id = customer.started()
        reply = customer.call("DELETE", f"/{session_id}", **KEY)

        assert reply.status_code == 405
        assert customer.state(session_id) == "connected"


class TestLimits:
    @pytest.mark.parametrize(
        ("options", "seconds", "reason"),
        [
            ({}, 300, "IDLE_TIMEOUT"),
            ({"max_session_duration": 120}, 120, "MAX_DURATION_REACHED"),
            ({"is_sandbox": True}, 60, "MAX_DURATION_REACHED"),
        ],
    )
    def test_close_the_session(
        self, customer: Customer, options: dict[str, Any], seconds: float, reason: str
    ) -> None:
        """Idle for five minutes, past its own duration, or a minute in the sandbox: it is over."""
        session_id = customer.started(**options)
        customer.sim.advance(seconds - 5)
        before = customer.state(session_id)
        customer.sim.advance(5)

        assert (before, customer.state(session_id)) == ("connected", "closed")
        assert customer.sim.events(session_id)[-1]["end_reason"] == reason

    def test_keep_alive_puts_the_idle_limit_off(self, customer: Customer) -> None:
        """It restarts the five minutes."""
        session_id = customer.started()
        for _ in range(2):
            customer.sim.advance(250)
            customer.call("POST", "/keep-alive", {"session_id": session_id}, **KEY)

        assert customer.state(session_id) == "connected"


class TestList:
    def test_describes_the_live_sessions(self, customer: Customer) -> None:
        """A row has the fields of the documentation; what was not started or has ended is none."""
        session_id, ended = customer.started(is_sandbox=True), customer.started()
        customer.token()
        customer.sim.close_session(ended)
        customer.sim.advance(30)
        reply = customer.call("GET", "?type=active", **KEY)

        [row] = reply.json()["data"]["results"]
        assert row.pop("created_at").endswith("Z")
        assert row.pop("updated_at").endswith("Z")
        assert row.pop("duration") in {30, 31}
        assert row == {
            "id": session_id,
            "source": "API",
            "mode": "FULL",
            "is_sandbox": True,
            "credits_consumed": 0,
        }

    def test_comes_in_pages(self, customer: Customer) -> None:
        """A page has its size, the count of all, and the addresses of those beside it."""
        ids = [customer.started() for _ in range(3)]
        path: str | None = "?type=active&page_size=2"
        found, counts, pages = [], set(), []
        while path is not None:
            data = customer.call("GET", path, **KEY).json()["data"]
            found += [row["id"] for row in data["results"]]
            counts.add(data["count"])
            pages.append((data["previous"] is None, data["next"] is None))
            path = data["next"] and data["next"].removeprefix(f"{customer.sim.url}/v1/sessions")

        assert (found, counts) == (ids, {3})
        assert pages == [(True, False), (False, True)]

    def test_of_the_past_says_how_each_ended(self, customer: Customer) -> None:
        """A past session has an end, its reason, and what it cost; one by one, too."""
        session_id = customer.started()
        customer.sim.advance(60)
        customer.sim.close_session(session_id, "NO_CREDITS")
        customer.started()
        reply = customer.call("GET", "?type=historic", **KEY)

        [row] = reply.json()["data"]["results"]
        assert customer.call("GET", f"/{session_id}", **KEY).json()["data"] == row
        assert (row["id"], row["end_reason"], row["credits_consumed"]) == (
            session_id,
            "NO_CREDITS",
            pytest.approx(2, abs=0.1),
        )
        assert row["end_at"] >= row["created_at"]

    @pytest.mark.parametrize(
        "query", ["", "?type=all", "?type=active&page_size=101", "?type=active&page=0"]
    )
    def test_refuses_a_wrong_query(self, customer: Customer, query: str) -> None:
        """The type is needed, and numbers have their limits."""
        reply = customer.call("GET", query, **KEY)

        [problem] = reply.json()["detail"]
        assert reply.status_code == 422
        assert problem["loc"][0] == "query"

    @pytest.mark.parametrize("path", ["?type=active", "/x/transcript"])
    def test_needs_the_key(self, customer: Customer, path: str) -> None:
        """Like the transcript, it is for the account alone."""
        reply = customer.call("GET", path, **bearer(customer.token()))

        assert (reply.status_code, reply.json()) == (401, UNAUTHORIZED)


class TestTranscript:
    def test_has_role_and_text(self, customer: Customer) -> None:
        """Texts of the avatar, those it was to answer, and what its user said."""
        session_id = customer.started(**CONVERSATION)
        customer.publish(session_id, "avatar.speak_text", "Welcome.")
        customer.publish(session_id, "avatar.speak_response", "Hello?")
        customer.sim.hear(session_id, "I like Python.")
        wait_until(lambda: len(customer.transcript(session_id)) == 5, "the avatar had answered")

        assert customer.transcript(session_id) == [
            ("avatar", "Welcome."),
            ("user", "Hello?"),
            ("avatar", "You said: Hello?"),
            ("user", "I like Python."),
            ("avatar", "You said: I like Python."),
        ]

    def test_is_cut_by_its_timestamps(self, customer: Customer) -> None:
        """They are Unix seconds, of which both ends count."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Welcome.")
        [entry] = customer.read_transcript(session_id)["transcript_data"]
        at = entry["absolute_timestamp"]

        assert customer.transcript(session_id, f"?start_timestamp={at}&end_timestamp={at}")
        assert customer.transcript(session_id, f"?start_timestamp={at + 1}") == []
        assert customer.transcript(session_id, f"?end_timestamp={at - 1}") == []
        reply = customer.call("GET", f"/{session_id}/transcript?end_timestamp=now", **KEY)
        assert reply.status_code == 422

    def test_is_deleted_with_the_events(self, customer: Customer) -> None:
        """After that it is empty for good."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Welcome.")
        reply = customer.call("DELETE", f"/{session_id}/events", **KEY)

        assert reply.json() == SUCCESS
        assert customer.transcript(session_id) == []

    def test_needs_a_session(self, customer: Customer) -> None:
        """One that was never started has none."""
        reply = customer.call("GET", "/nobody/transcript", **KEY)

        assert (reply.status_code, reply.json()) == (404, NOT_FOUND)


class TestPublishing:
    def test_speaks_a_text(self, customer: Customer) -> None:
        """It is spoken word for word, as a task by the event's id, with the session's token."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Tell me.", event_id="e-1")

        [speech] = customer.sim.spoken
        assert (speech.text, speech.task_id, speech.task_type) == ("Tell me.", "e-1", "repeat")
        assert speech.token == customer.sim.tokens[0].value
        assert speech.session_id == session_id

    def test_speaks_an_answer(self, customer: Customer) -> None:
        """There is no model: the avatar says that it heard the text."""
        for options in (CONVERSATION, {"avatar_persona": None, "voice_agent": {"id": "agent"}}):
            session_id = customer.started(**options)
            customer.publish(session_id, "avatar.speak_response", "Who are you?")

        assert customer.sim.texts == ("You said: Who are you?",) * 2
        assert customer.sim.spoken[0].task_type == "chat"

    def test_is_silent_in_restricted_mode(self, customer: Customer) -> None:
        """Without a context or an agent neither a command nor the user is answered."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_response", "Who are you?")
        customer.sim.hear(session_id, "Hello?")
        customer.publish(session_id, "avatar.speak_text", "Word for word.")

        assert customer.sim.texts == ("Word for word.",)

    def test_is_lost_before_the_agent_has_joined(self, serve: Serve) -> None:
        """Until agent_seconds after the start there is no agent to execute it."""
        customer = serve(agent_seconds=10)
        session_id = customer.started()
        customer.sim.advance(9)
        customer.publish(session_id, "avatar.speak_text", "Too early")
        customer.sim.advance(1)
        customer.publish(session_id, "avatar.speak_text", "Now")

        assert customer.sim.texts == ("Now",)

    def test_interrupts(self, customer: Customer) -> None:
        """The text being spoken ends, and queued ones never begin; the SDK's has no event_id."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "One moment, please.", event_id="1")
        customer.publish(session_id, "avatar.speak_text", "Two", event_id="2")
        customer.sim.advance(0.1)
        customer.sim.publish(session_id, {"event_type": "avatar.interrupt"})
        customer.sim.advance(10)

        assert [speech.interrupted for speech in customer.sim.spoken] == [True, True]
        assert customer.event_types(session_id) == [
            ("avatar.transcription", "1"),
            ("avatar.speak_started", "1"),
            ("avatar.transcription", "2"),
            ("avatar.speak_ended", "1"),
        ]

    def test_twice_is_spoken_twice(self, customer: Customer) -> None:
        """An event_id that was seen before is no reason not to speak (guess)."""
        session_id = customer.started()
        for _ in range(2):
            customer.publish(session_id, "avatar.speak_text", "Hello")
        customer.sim.advance(10)

        assert customer.sim.texts == ("Hello", "Hello")
        assert len({speech.task_id for speech in customer.sim.spoken}) == 2
        assert set(customer.event_types(session_id)) == {
            ("avatar.transcription", "1"),
            ("avatar.speak_started", "1"),
            ("avatar.speak_ended", "1"),
        }

    @pytest.mark.parametrize(
        "event",
        [
            {"event_type": "avatar.speak_text"},
            {"event_type": "avatar.speak_text", "text": " "},
            {"event_type": "avatar.speak_text", "text": 7},
            {"event_type": "avatar.dance", "text": "Hello"},
            {"event_type": "avatar.start_listening"},
            {"event_type": "avatar.stop_listening"},
        ],
    )
    def test_says_nothing_else(self, customer: Customer, event: dict[str, Any]) -> None:
        """Without a text, and with an event that is not known, nothing is spoken or sent."""
        session_id = customer.started()
        customer.sim.publish(session_id, event)

        assert (customer.sim.texts, customer.sim.events(session_id)) == ((), ())

    def test_may_be_the_deliver_of_a_task(self, customer: Customer) -> None:
        """Its interrupt is published first, as the page's module does."""
        session_id = customer.started()
        first, second = (
            {"event_id": name, "event_type": "avatar.speak_text", "text": name}
            for name in ("one", "two")
        )
        customer.sim.publish(session_id, {"topic": "agent-control", "payload": first})
        interrupt = {"event_type": "avatar.interrupt"}
        customer.sim.publish(session_id, {"interrupt": interrupt, "payload": second})

        assert customer.sim.texts == ("one", "two")
        assert [each.interrupted for each in customer.sim.spoken] == [True, False]

    @pytest.mark.parametrize("event", [{}, {"deliver": {}}, {"payload": {"text": "Hello"}}])
    def test_is_nothing_else(self, customer: Customer, event: dict[str, Any]) -> None:
        """What no page would publish is an error, not a silence."""
        session_id = customer.started()

        with pytest.raises(ValueError, match="Publish the deliver of a task"):
            customer.sim.publish(session_id, event)

    def test_is_logged_if_it_is_ignored(
        self, customer: Customer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A misspelled type is found in the log."""
        customer.publish(customer.started(), "avatar.speaktext", "Hello")

        assert "ignored the event 'avatar.speaktext'" in caplog.text

    def test_needs_somebody_in_the_room(self, serve: Serve) -> None:
        """Only a page in the room can publish there."""
        customer = serve(joined=False)
        session_id = customer.started()
        with pytest.raises(Refusal, match="not in correct state"):
            customer.publish(session_id, "avatar.speak_text", "Hello?")
        customer.sim.join(session_id)
        customer.publish(session_id, "avatar.speak_text", "Hello!")

        assert customer.sim.texts == ("Hello!",)

    def test_is_for_liveavatar(self, customer: Customer) -> None:
        """A room of the streaming API executes no commands, and has no such events."""
        session_id = streaming(customer, "new")["data"]["session_id"]
        streaming(customer, "start", session_id=session_id)

        with pytest.raises(Refusal, match="session not found"):
            customer.publish(session_id, "avatar.speak_text", "Hello?")
        assert customer.sim.events(session_id) == ()


class TestEvents:
    def test_come_in_time(self, customer: Customer) -> None:
        """The words come at once; beginning and end when they are, one text after the other."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Tell me.", event_id="1")
        customer.publish(session_id, "avatar.speak_text", "And now?", event_id="2")
        at_once = customer.event_types(session_id)
        customer.sim.advance(10)

        assert at_once == [
            ("avatar.transcription", "1"),
            ("avatar.speak_started", "1"),
            ("avatar.transcription", "2"),
        ]
        assert customer.event_types(session_id)[3:] == [
            ("avatar.speak_ended", "1"),
            ("avatar.speak_started", "2"),
            ("avatar.speak_ended", "2"),
        ]

    def test_have_an_id_and_name_the_session(self, customer: Customer) -> None:
        """Each has an event_id of its own, the session_id, and its content."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Tell me.")
        customer.sim.advance(10)

        events = customer.sim.events(session_id)
        assert len({event["event_id"] for event in events}) == 3
        assert {event["session_id"] for event in events} == {session_id}
        assert events[0]["text"] == "Tell me."

    def test_hold_what_the_user_said(self, customer: Customer) -> None:
        """The room receives what `hear` says that the user said."""
        session_id = customer.started()
        customer.sim.hear(session_id, "I like Python.")

        assert customer.event_types(session_id) == [
            ("user.speak_started", None),
            ("user.transcription.chunk", None),
            ("user.transcription", None),
            ("user.speak_ended", None),
        ]
        assert customer.sim.events(session_id)[2]["text"] == "I like Python."
        assert "source_event_id" not in customer.sim.events(session_id)[2]

    def test_are_forgotten(self, customer: Customer) -> None:
        """After a reset there is no session, and no event."""
        made = customer.token()
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Hello")
        customer.sim.reset()

        assert customer.sim.events(session_id) == ()
        assert customer.start(made).status_code == 401


class TestBothApis:
    def test_share_the_limit(self, serve: Serve) -> None:
        """A session of one API holds a slot that the other misses."""
        customer = serve(concurrent_limit=1)
        customer.started()

        assert streaming(customer, "new")["code"] == 10007

    def test_do_not_share_tokens(self, customer: Customer) -> None:
        """Neither takes a token of the other's."""
        token = streaming(customer, "create_token")["data"]["token"]
        other = customer.token()["session_token"]

        assert customer.start({"session_token": token}).json() == UNAUTHORIZED
        assert streaming(customer, "new", token=other)["code"] == 400112

    def test_do_not_share_sessions(self, customer: Customer) -> None:
        """Each answers for the other's sessions as if it were for none of its own."""
        session_id = streaming(customer, "new")["data"]["session_id"]
        other = customer.started()
        stopped = customer.call("POST", "/stop", {"session_id": session_id}, **KEY)
        listed = customer.call("GET", "?type=active", **KEY).json()["data"]["results"]

        assert (stopped.status_code, stopped.json()) == (404, NOT_FOUND)
        assert [row["id"] for row in listed] == [other]
        for call in ("start", "task", "interrupt", "keep_alive", "stop"):
            assert streaming(customer, call, session_id=other, text="Hello")["code"] == 400112


WITHOUT = """
import sys
sys.modules["aiortc"] = None
import requests
from flask_heygen.simulator import Simulator, joinable
with Simulator() as sim:
    base, key = sim.url + "/v1/sessions", {"X-API-KEY": "key"}
    body = {"avatar_id": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a", "avatar_persona": {}}
    made = requests.post(base + "/token", json=body, headers=key).json()["data"]
    bearer = {"Authorization": "Bearer " + made["session_token"]}
    data = requests.post(base + "/start", headers=bearer).json()["data"]
    sim.publish(made["session_id"], {"event_type": "avatar.speak_text", "text": "Hello."})
    print(joinable(), data["livekit_client_token"].count("."), sim.texts)
"""


class TestWithoutTheExtra:
    def test_is_all_there_but_the_room(self) -> None:
        """Calls, commands and events need no WebRTC."""
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=True
        )

        assert done.stdout == "False 2 ('Hello.',)\n"


class TestOverHttp:
    def test_has_the_events(self, customer: Customer) -> None:
        """A test in another process reads them among the simulator's records."""
        session_id = customer.started()
        customer.publish(session_id, "avatar.speak_text", "Hello.")
        records = customer.http.get(f"{customer.sim.url}/simulator", timeout=10).json()

        assert records["events"][session_id][0]["text"] == "Hello."

    def test_says_that_it_is_a_simulation_of_both(self, customer: Customer) -> None:
        """The page names LiveAvatar beside the streaming API."""
        page = customer.http.get(customer.sim.url, timeout=10).text

        assert "v1 streaming API and for LiveAvatar" in page


class TestCalls:
    def test_have_names(self, customer: Customer) -> None:
        """Each is counted by its name, which faults and latency take, too."""
        made = customer.token()
        customer.start(made)
        for path in ("/keep-alive", "/stop"):
            customer.call("POST", path, **bearer(made))
        for path in ("?type=active", f"/{made['session_id']}/transcript"):
            customer.call("GET", path, **KEY)

        names = ("token", "start", "keep_alive", "stop", "list", "transcript")
        assert [call.name for call in customer.sim.calls] == [f"sessions.{name}" for name in names]

    @pytest.mark.parametrize(
        ("fault", "status", "reply"),
        [(Fault.UNAUTHORIZED, 401, UNAUTHORIZED), (Fault.NO_DATA, 200, SUCCESS)],
    )
    def test_fail_in_their_own_envelope(
        self, customer: Customer, fault: Fault, status: int, reply: object
    ) -> None:
        """Where LiveAvatar's body is another than the streaming API's, a fault has it."""
        customer.sim.fault("sessions.token", fault)
        answer = customer.call("POST", "/token", FULL, **KEY)

        assert (answer.status_code, answer.json()) == (status, reply)

    def test_come_from_any_origin(self, customer: Customer) -> None:
        """The SDK calls from a page, with credentials; a browser asks first, which is no call."""
        origin = "http://page.example"
        asked = customer.call("OPTIONS", "/start", Origin=origin)
        refused = customer.call("POST", "/start", Origin=origin)

        assert (asked.status_code, refused.status_code) == (204, 403)
        for reply in (asked, refused):
            assert reply.headers["Access-Control-Allow-Origin"] == origin
            assert reply.headers["Access-Control-Allow-Credentials"] == "true"
            assert "Authorization" in reply.headers["Access-Control-Allow-Headers"]
        assert len(customer.sim.calls) == 1


def streaming(customer: Customer, call: str, token: str = "", **body: object) -> Any:
    """Make a call of the streaming API, with a token of its own."""
    base = f"{customer.sim.url}/v1/streaming."
    post = customer.http.post
    if call == "create_token":
        return post(f"{base}create_token", json={}, headers=KEY, timeout=10).json()

    token = token or streaming(customer, "create_token")["data"]["token"]
    headers = {"Authorization": f"Bearer {token}"}
    return post(base + call, json=body, headers=headers, timeout=10).json()
