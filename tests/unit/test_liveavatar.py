"""LiveAvatar, to the letter: what is sent, and what its replies mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import requests_mock
from aiohttp import web

from flask_heygen import HeyGenClient, errors
from flask_heygen.backends.liveavatar_messages import SANDBOX_AVATAR
from flask_heygen.settings import Settings
from flask_heygen.simulator import Exchange, Fault, Simulator

KEY = "a-key-of-liveavatar"
TOKEN = "a-session-token-of-liveavatar"
SESSION = "5b3c1c1e-3f0e-4d0a-9f5a-0d5a1c9b7f10"
AVATAR = "0930fd59-c8ad-434d-ad53-b391a1768720"
URL = "https://api.liveavatar.com/v1/sessions"
MADE = {"code": 1000, "data": {"session_id": SESSION, "session_token": TOKEN}, "message": "ok"}
STARTED: dict[str, Any] = {
    "code": 1000,
    "data": {
        "session_id": SESSION,
        "livekit_url": "wss://room.example",
        "livekit_client_token": "a-token-for-the-room",
        "max_session_duration": 600,
    },
    "message": "ok",
}
SPEED = ["body", "avatar_persona", "voice_settings", "speed"]
TOKEN_CALL, START_CALL = "sessions.token", "sessions.start"
SANDBOX = {"is_sandbox": True, "dynamic_variables": {"name": "Ada"}}
DONE = {"code": 1000, "data": None, "message": "ok"}


def client_of(**config: Any) -> HeyGenClient:
    base = {
        "HEYGEN_API": "liveavatar",
        "HEYGEN_API_KEY": KEY,
        "HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR},
        "TESTING": True,
    }
    return HeyGenClient(Settings.from_mapping({**base, **config}))


@pytest.fixture
def vendor() -> Iterator[requests_mock.Mocker]:
    """Answer every call well."""
    with requests_mock.Mocker() as vendor:
        vendor.post(f"{URL}/token", json=MADE)
        vendor.post(f"{URL}/start", status_code=201, json=STARTED)
        vendor.post(f"{URL}/stop", json=DONE)
        vendor.post(f"{URL}/keep-alive", json=DONE)
        yield vendor


def calls(vendor: requests_mock.Mocker) -> list[str]:
    return [each.path.rpartition("/")[2] for each in vendor.request_history]


class TestStart:
    def test_is_one_answer_of_two_calls(self, vendor: requests_mock.Mocker) -> None:
        """The page gets what it gets from the streaming API."""
        session = client_of().start()

        assert session == {
            "session_id": SESSION,
            "transport": "livekit",
            "url": "wss://room.example",
            "access_token": "a-token-for-the-room",
            "session_seconds": 600,
            "idle_seconds": 300,
            "listening": "conversational",
        }
        assert calls(vendor) == ["token", "start"]

    @pytest.mark.parametrize(
        ("fields", "seconds"),
        [
            ({}, None),
            ({"max_session_duration": 300}, 300),
            ({"is_sandbox": True, "max_session_duration": 300}, 60),
            ({"is_sandbox": True, "max_session_duration": 30}, 30),
        ],
    )
    def test_knows_its_limit_though_the_vendor_does_not_say(
        self, vendor: requests_mock.Mocker, fields: dict[str, Any], seconds: int | None
    ) -> None:
        """The page renews a session before its limit, and not in the middle of a sentence."""
        data = {name: STARTED["data"][name] for name in STARTED["data"] if "duration" not in name}
        vendor.post(f"{URL}/start", status_code=201, json={**STARTED, "data": data})

        assert client_of().start(**fields)["session_seconds"] == seconds

    def test_shows_the_key_to_the_first_call_and_the_token_to_the_second(
        self, vendor: requests_mock.Mocker
    ) -> None:
        """Each call has its own credential and no other."""
        client_of().start()

        made, started = vendor.request_history
        assert made.headers["X-API-KEY"] == KEY
        assert "Authorization" not in made.headers
        assert started.headers["Authorization"] == f"Bearer {TOKEN}"
        assert "X-API-KEY" not in started.headers

    @pytest.mark.parametrize(
        ("defaults", "page", "sent"),
        [
            (
                {"avatar_id": AVATAR},
                {},
                {"mode": "FULL", "avatar_id": AVATAR, "avatar_persona": {}},
            ),
            (
                {"avatar_id": AVATAR, "context_id": "a-context", "max_session_duration": 300},
                {
                    "voice": {"voice_id": "a-voice", "provider": "fish", "rate": 1.1},
                    "language": "de",
                },
                {
                    "mode": "FULL",
                    "avatar_id": AVATAR,
                    "avatar_persona": {
                        "voice_id": "a-voice",
                        "voice_settings": {"provider": "fish", "speed": 1.1},
                        "context_id": "a-context",
                        "language": "de",
                    },
                    "max_session_duration": 300,
                },
            ),
            (
                {"is_sandbox": True, "video_encoding": "VP8"},
                {"quality": "low"},
                {
                    "mode": "FULL",
                    "avatar_id": SANDBOX_AVATAR,
                    "avatar_persona": {},
                    "video_settings": {"quality": "low", "encoding": "VP8"},
                    "is_sandbox": True,
                },
            ),
            (
                {"avatar_id": AVATAR, "voice_agent": {"id": "an-agent"}},
                {"language": "de", "dynamic_variables": {"name": "Ada"}},
                {
                    "mode": "FULL",
                    "avatar_id": AVATAR,
                    "voice_agent": {
                        "id": "an-agent",
                        "language": "de",
                        "dynamic_variables": {"name": "Ada"},
                    },
                },
            ),
            (
                {
                    "avatar_id": AVATAR,
                    "stt_settings": {"provider": "deepgram"},
                    "llm_configuration_id": "a-model",
                    "memory": {"enabled": True},
                    "interactivity_type": "PUSH_TO_TALK",
                },
                {"dynamic_variables": {"name": "Ada"}, "max_session_duration": 7200},
                {
                    "mode": "FULL",
                    "avatar_id": AVATAR,
                    "avatar_persona": {"stt_config": {"provider": "deepgram"}},
                    "llm_configuration_id": "a-model",
                    "memory": {"enabled": True},
                    "interactivity_type": "PUSH_TO_TALK",
                    "dynamic_variables": {"name": "Ada"},
                    "max_session_duration": 7200,
                },
            ),
        ],
        ids=["least", "most", "sandbox", "agent", "options"],
    )
    def test_takes_the_names_that_pages_use(
        self,
        vendor: requests_mock.Mocker,
        defaults: dict[str, Any],
        page: dict[str, Any],
        sent: dict[str, Any],
    ) -> None:
        """A page written for the streaming API chooses voice, quality and language as before."""
        client_of(HEYGEN_SESSION_DEFAULTS=defaults).start(**page)

        assert vendor.request_history[0].json() == sent

    def test_needs_an_avatar(self, vendor: requests_mock.Mocker) -> None:
        """The error names what to set, before anything is called."""
        with pytest.raises(errors.NotConfigured, match="avatar_id"):
            client_of(HEYGEN_SESSION_DEFAULTS={}).start()

        assert calls(vendor) == []

    def test_takes_a_persona_or_an_agent(self, vendor: requests_mock.Mocker) -> None:
        """LiveAvatar refuses both at once, and an agent has a voice of its own."""
        defaults = {"avatar_id": AVATAR, "voice_agent": {"id": "an-agent"}}

        with pytest.raises(errors.InvalidField, match="voice_agent has its own voice"):
            client_of(HEYGEN_SESSION_DEFAULTS=defaults).start(voice={"voice_id": "a-voice"})

        assert calls(vendor) == []

    @pytest.mark.parametrize("name", ["avatar_name", "mode", "disable_idle_timeout"])
    def test_refuses_what_it_does_not_have(self, vendor: requests_mock.Mocker, name: str) -> None:
        """A field of the other API is named."""
        with pytest.raises(errors.InvalidField, match=name):
            client_of().start(**{name: "x"})

    @pytest.mark.parametrize(
        "reply",
        [
            {"status_code": 500, "text": "oops"},
            {"status_code": 201, "json": {"code": 1000, "data": None}},
            {"status_code": 201, "json": {"code": 1000, "data": {"livekit_url": "wss://x"}}},
            {
                "status_code": 201,
                "json": {
                    "code": 1000,
                    "data": {"livekit_url": "javascript:1", "livekit_client_token": "t"},
                },
            },
            {"exc": requests.exceptions.ReadTimeout},
            {"exc": requests.exceptions.ConnectionError},
        ],
        ids=["500", "no data", "no token", "no room", "silence", "cut"],
    )
    def test_leaves_nothing_running_that_started_half(
        self, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """A start that fails is not repeated, and its session is stopped; then it is known."""
        vendor.post(f"{URL}/start", **reply)

        with pytest.raises(errors.UpstreamFailed):
            client_of().start()

        assert calls(vendor) == ["token", "start", "stop"]
        assert vendor.request_history[-1].json()["session_id"] == SESSION

    @pytest.mark.parametrize("data", [None, True, 7, "s", [], ["s"], {}])
    def test_needs_a_session(self, vendor: requests_mock.Mocker, data: Any) -> None:
        """Where LiveAvatar names none, there is none."""
        vendor.post(f"{URL}/token", json={"code": 1000, "data": data})

        with pytest.raises(errors.UpstreamFailed, match="no session"):
            client_of().start()

        assert calls(vendor) == ["token"]

    @pytest.mark.parametrize("token", [None, 7, "", "é", "a b", "a-token\n", "x" * 8193])
    def test_needs_a_token_that_a_header_can_carry(
        self, vendor: requests_mock.Mocker, token: Any
    ) -> None:
        """The error of one that cannot be sent would quote it."""
        data = {"session_id": SESSION, "session_token": token}
        vendor.post(f"{URL}/token", json={"code": 1000, "data": data})

        with pytest.raises(errors.UpstreamFailed, match="no session"):
            client_of().start()

        assert calls(vendor) == ["token"]

    def test_says_what_may_still_run(
        self, vendor: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where even the stop fails, the outcome is unknown and the log names the session."""
        vendor.post(f"{URL}/start", status_code=500)
        vendor.post(f"{URL}/stop", status_code=500)

        with caplog.at_level(logging.WARNING), pytest.raises(errors.OutcomeUnknown):
            client_of().start()

        assert SESSION in caplog.text


class TestTask:
    @pytest.mark.parametrize(
        ("task_type", "event"),
        [
            ("repeat", "avatar.speak_text"),
            ("chat", "avatar.speak_response"),
            ("talk", "avatar.speak_response"),
        ],
    )
    def test_is_for_the_page_to_deliver(
        self, vendor: requests_mock.Mocker, task_type: str, event: str
    ) -> None:
        """No call is made: the answer holds the message that the page publishes in the room."""
        task = client_of().task(SESSION, "Hello.", task_type)

        assert task == {
            "task_id": task["task_id"],
            "duration_ms": None,
            "deliver": {
                "transport": "livekit",
                "topic": "agent-control",
                "payload": {"event_id": task["task_id"], "event_type": event, "text": "Hello."},
                "participants": ["heygen", f"liveavatar-agent-{SESSION}"],
            },
        }
        assert calls(vendor) == []

    def test_cuts_short_first(self) -> None:
        """With interrupt there is a message to be published before the text's."""
        deliver = client_of().task(SESSION, "Hello.", interrupt=True)["deliver"]

        assert deliver["interrupt"]["event_type"] == "avatar.interrupt"

    def test_is_checked_as_always(self) -> None:
        """Limits hold, though no call is made."""
        with pytest.raises(errors.TextTooLong):
            client_of(HEYGEN_MAX_TEXT=5).task(SESSION, "Too long.")


class TestAnswer:
    @pytest.mark.parametrize(
        "config",
        [
            {"HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR, "context_id": "a-context"}},
            {"HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR, "voice_agent": {"id": "an-agent"}}},
            {"HEYGEN_SESSION_ALLOWED": ["context_id"]},
            {"HEYGEN_API": "streaming"},
        ],
        ids=["context", "agent", "page", "v1"],
    )
    def test_may_be_given(self, config: dict[str, Any]) -> None:
        """By a context, by an agent, by what a page may choose, and always by v1's avatars."""
        client_of(**config).check_can_respond("chat")

    @pytest.mark.parametrize("task_type", ["chat", "talk"])
    def test_is_given_by_nobody(self, task_type: str) -> None:
        """A text that is to be answered would be taken, and followed by silence."""
        with pytest.raises(errors.InvalidField, match="only in sessions with context_id or voice"):
            client_of().check_can_respond(task_type)

    def test_is_not_asked_for(self) -> None:
        """A text that is spoken word for word needs no context."""
        client_of().check_can_respond("repeat")


class TestRateLimit:
    @pytest.mark.parametrize("verb", ["keep_alive", "stop"])
    def test_puts_a_call_off(
        self, vendor: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch, verb: str
    ) -> None:
        """LiveAvatar counts by the second, and all sessions share one key."""
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        path = f"{URL}/{verb.replace('_', '-')}"
        limit = {"status_code": 429, "headers": {"Retry-After": "1"}, "json": {}}
        vendor.post(path, [limit, {"json": DONE}])

        getattr(client_of(), verb)(SESSION)

        assert len(calls(vendor)) == 2
        assert waits == [1]

    def test_is_passed_on_if_it_is_long(self, vendor: requests_mock.Mocker) -> None:
        """No worker waits for it; the page gets the time to wait."""
        limit = {"status_code": 429, "headers": {"Retry-After": "30"}, "json": {}}
        vendor.post(f"{URL}/keep-alive", [limit])

        with pytest.raises(errors.RateLimited) as caught:
            client_of().keep_alive(SESSION)

        assert caught.value.retry_after == 30
        assert len(calls(vendor)) == 1


API = "https://api.liveavatar.com/v1"


class TestAccount:
    @pytest.mark.parametrize(("left", "number"), [("12.5", 12.5), (7, 7.0), ("0", 0.0)])
    def test_has_credits(self, vendor: requests_mock.Mocker, left: Any, number: float) -> None:
        """A number, though LiveAvatar sends a string."""
        vendor.get(f"{API}/users/credits", json={"code": 1000, "data": {"credits_left": left}})

        assert client_of().credits() == number

    @pytest.mark.parametrize("left", [None, "many", "nan", "-1", [], True])
    def test_has_credits_that_are_a_number(self, vendor: requests_mock.Mocker, left: Any) -> None:
        """Nonsense is a failure, not 0 credits."""
        vendor.get(f"{API}/users/credits", json={"code": 1000, "data": {"credits_left": left}})

        with pytest.raises(errors.UpstreamFailed, match="no number of credits"):
            client_of().credits()

    def test_lists_avatars(self, vendor: requests_mock.Mocker) -> None:
        """Its own first; each says whether a session can be started with it."""
        own = {"id": "one", "name": "My\x1b[2J picture", "type": "IMAGE", "status": "DEPLOYING"}
        public = {"id": "two", "name": "Ann", "type": "VIDEO", "status": "ACTIVE"}
        expired = {**public, "id": "three", "is_expired": True}
        vendor.get(f"{API}/avatars", json={"data": {"results": [own], "next": None}})
        rows = {"results": [public, expired], "next": None}
        vendor.get(f"{API}/avatars/public", json={"data": rows})

        assert client_of().avatars() == [
            {"id": "one", "name": "My [2J picture", "kind": "own image", "ready": False},
            {"id": "two", "name": "Ann", "kind": "public video", "ready": True},
            {"id": "three", "name": "Ann", "kind": "public video", "ready": False},
        ]

    def test_reports_how_much_of_a_list_is_read(self, vendor: requests_mock.Mocker) -> None:
        """Page by page, for a progress bar."""
        for number in (1, 2):
            row = {"id": f"voice-{number}", "name": "Ann"}
            data = {"count": 2, "results": [row], "next": "more" if number == 1 else None}
            vendor.get(f"{API}/voices?page={number}", json={"data": data})
        reports = []

        client_of().voices(lambda read, total: reports.append((read, total)))

        assert reports == [(1, 2), (2, 2)] * 2

    @pytest.mark.parametrize("rows", [None, {}, ["a"], [{"name": "of no id"}]])
    def test_lists_nothing_but_a_list(self, vendor: requests_mock.Mocker, rows: Any) -> None:
        """No list is a failure, rather than a part of one."""
        vendor.get(f"{API}/avatars", json={"data": {"results": rows, "next": None}})
        vendor.get(f"{API}/avatars/public", json={"data": {"results": [], "next": None}})

        with pytest.raises(errors.UpstreamFailed, match="no list"):
            client_of().avatars()

    def test_lists_voices(self, vendor: requests_mock.Mocker) -> None:
        """The private ones first."""
        for kind in ("private", "public"):
            row = {"id": f"a-{kind}-voice", "name": "Ann"}
            data = {"results": [row], "next": None}
            vendor.get(f"{API}/voices?voice_type={kind}", json={"data": data})

        kinds = [(each["id"], each["kind"]) for each in client_of().voices()]

        assert kinds == [("a-private-voice", "private"), ("a-public-voice", "public")]

    def test_knows_its_sessions(self, vendor: requests_mock.Mocker) -> None:
        """Its seconds and credits, and the reason of its end."""
        row = {"id": SESSION, "duration": 61, "credits_consumed": 2.1, "end_reason": "IDLE_TIMEOUT"}
        vendor.get(f"{URL}/{SESSION}", json={"code": 1000, "data": row})

        assert client_of().session(SESSION) == {
            "session_id": SESSION,
            "seconds": 61,
            "credits": 2.1,
            "end_reason": "IDLE_TIMEOUT",
        }


class TestTranscript:
    def test_is_read_page_by_page(self, vendor: requests_mock.Mocker) -> None:
        """All of it, in order, each page from the timestamp that the one before names."""
        one = {"role": "avatar", "transcript": "Why Flask?", "absolute_timestamp": 1_790_000_000}
        two = {"role": "user", "transcript": "It is small.", "absolute_timestamp": 1_790_000_007}
        path = f"{URL}/{SESSION}/transcript?start_timestamp"
        first = {"session_active": True, "next_timestamp": 7, "transcript_data": [one]}
        vendor.get(f"{path}=0", json={"data": first})
        vendor.get(f"{path}=7", json={"data": {"transcript_data": [two]}})

        assert client_of().transcript(SESSION) == [
            {"role": "avatar", "text": "Why Flask?", "at": 1_790_000_000},
            {"role": "user", "text": "It is small.", "at": 1_790_000_007},
        ]

    def test_ends(self, vendor: requests_mock.Mocker) -> None:
        """A vendor that names the same page for ever is not followed for ever."""
        row = {"role": "user", "transcript": "Hello?", "absolute_timestamp": 1}
        again = {"next_timestamp": 0, "transcript_data": [row]}
        vendor.get(f"{URL}/{SESSION}/transcript", json={"data": again})

        assert len(client_of().transcript(SESSION)) == 1

    @pytest.mark.parametrize("data", [None, {}, {"transcript_data": "s"}])
    def test_is_one(self, vendor: requests_mock.Mocker, data: Any) -> None:
        """A host does not store an empty one in place of one that was not read."""
        vendor.get(f"{URL}/{SESSION}/transcript", json={"code": 1000, "data": data})

        with pytest.raises(errors.UpstreamFailed):
            client_of().transcript(SESSION)

    def test_is_deleted(self, vendor: requests_mock.Mocker) -> None:
        """For good, at the vendor."""
        vendor.delete(f"{URL}/{SESSION}/events", json=DONE)

        client_of().delete_transcript(SESSION)

        [call] = vendor.request_history
        assert (call.method, call.headers["X-API-KEY"]) == ("DELETE", KEY)

    @pytest.mark.parametrize("verb", ["session", "transcript", "delete_transcript"])
    def test_is_not_supported_by_v1(self, vendor: requests_mock.Mocker, verb: str) -> None:
        """HeyGen's v1 API has none of it."""
        with pytest.raises(errors.NotSupported):
            getattr(client_of(HEYGEN_API="streaming"), verb)(SESSION)


class TestOtherVerbs:
    def test_interrupt_is_for_the_page_too(self, vendor: requests_mock.Mocker) -> None:
        """It answers the message that cuts the avatar short."""
        deliver = client_of().interrupt(SESSION)["deliver"]

        assert deliver["topic"] == "agent-control"
        assert deliver["payload"]["event_type"] == "avatar.interrupt"
        assert calls(vendor) == []

    def test_stop_and_keep_alive_show_the_key(self, vendor: requests_mock.Mocker) -> None:
        """A session token is needed for neither."""
        client = client_of()
        client.keep_alive(SESSION)
        client.stop(SESSION)

        assert [each.headers["X-API-KEY"] for each in vendor.request_history] == [KEY, KEY]
        assert [each.json() for each in vendor.request_history] == [
            {"session_id": SESSION},
            {"session_id": SESSION, "reason": "USER_CLOSED"},
        ]

    @pytest.mark.parametrize(
        "reply",
        [
            {"status_code": 404, "json": {"code": 404, "message": "Session not found"}},
            {"status_code": 404, "json": {"code": 4004, "data": None, "message": "gone"}},
            {"status_code": 404, "json": {"message": "The session was not found."}},
            {"status_code": 400, "json": {"code": 4000, "message": "Session already closed"}},
        ],
    )
    def test_stop_of_what_has_ended_is_a_success(
        self, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """A page that stops twice gets no error."""
        vendor.post(f"{URL}/stop", **reply)

        client_of().stop(SESSION)

    @pytest.mark.parametrize(
        "reply",
        [
            {"json": {"detail": "Not Found"}},
            {"json": {"message": "no Route matched with those values"}},
            {"text": "<html>404 Not Found</html>"},
        ],
        ids=["no such route", "no gateway's route", "no JSON"],
    )
    def test_stop_of_what_was_not_found_by_anybody_is_none(
        self, vendor: requests_mock.Mocker, reply: dict[str, Any]
    ) -> None:
        """A wrong address knows nothing of the session, which may cost money still."""
        vendor.post(f"{URL}/stop", status_code=404, **reply)

        with pytest.raises(errors.Refused):
            client_of().stop(SESSION)

    def test_start_of_a_session_made_elsewhere_is_not_supported(
        self, vendor: requests_mock.Mocker
    ) -> None:
        """A session is started by its own token, which a page must not have."""
        with pytest.raises(errors.NotSupported):
            client_of().start_existing(SESSION)

        assert calls(vendor) == []

    def test_sessions_are_read_page_by_page(self, vendor: requests_mock.Mocker) -> None:
        """All pages, by their numbers: the address in a reply is not followed."""
        rows = [{"id": "one", "created_at": "2026-01-01T00:00:00Z"}, {"session_id": "two"}]
        for number, row in enumerate(rows, 1):
            following = "https://evil.example/steal" if number < len(rows) else None
            data = {"count": 2, "next": following, "previous": None, "results": [row]}
            vendor.get(f"{URL}?type=active&page_size=100&page={number}", json={"data": data})

        one, two = client_of().sessions()

        assert (one["session_id"], two["session_id"]) == ("one", "two")
        assert one["age"] > 0
        assert two == {"session_id": "two", "status": "live", "age": None}
        assert {each.hostname for each in vendor.request_history} == {"api.liveavatar.com"}


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "body", "kind", "words"),
        [
            (401, {"code": 4001, "message": "Invalid API key"}, errors.AuthFailed, "Invalid"),
            (401, {"detail": "Unauthorized"}, errors.AuthFailed, "Unauthorized"),
            (403, {"detail": "Not authenticated"}, errors.AuthFailed, "Not authenticated"),
            (
                403,
                {"code": 4003, "message": "Session concurrency limit reached"},
                errors.ConcurrentLimit,
                "limit reached",
            ),
            (
                422,
                {"detail": [{"loc": ["body", "avatar_id"], "msg": "not a uuid", "type": "uuid"}]},
                errors.Refused,
                "body.avatar_id: not a uuid",
            ),
            (
                422,
                {"detail": [{"loc": SPEED, "msg": "too fast", "type": "float_range"}]},
                errors.Refused,
                "body.avatar_persona.voice_settings.speed: too fast",
            ),
            (404, {"code": 4040, "message": "Voice not found"}, errors.Refused, "Voice not found"),
            # Below a wrong HEYGEN_BASE_URL: no call for a session can mean that there is none.
            (404, {"code": 404, "message": "Not found"}, errors.Refused, "Not found"),
            (402, {"code": 4020, "message": "Not enough credits"}, errors.Refused, "credits"),
            (429, {"detail": "slow down"}, errors.RateLimited, "slow down"),
            (
                400,
                {"code": 4000, "data": [{"message": "Not enough credits"}], "message": None},
                errors.Refused,
                "Not enough credits",
            ),
            (
                422,
                {"code": 4220, "data": [{"message": "not a uuid"}], "message": "Invalid request"},
                errors.Refused,
                "Invalid request; not a uuid",
            ),
            (409, {"code": 4090, "message": "Session limit reached"}, errors.ConcurrentLimit, ""),
            (
                400,
                {"code": 4000, "message": "LLM configuration with id 'a' not found in your space"},
                errors.Refused,
                "not found in your space",
            ),
            (200, {"code": 5000, "message": "no"}, errors.Refused, "no"),
            (410, {"error": {"code": "endpoint_sunset"}}, errors.ApiRetired, ""),
            (500, {"detail": "oops"}, errors.UpstreamFailed, "oops"),
        ],
    )
    def test_tell_an_operator_what_to_change(
        self,
        vendor: requests_mock.Mocker,
        status: int,
        body: dict[str, Any],
        kind: type[errors.HeyGenError],
        words: str,
    ) -> None:
        """Each has its class, and the vendor's own words with it."""
        vendor.post(f"{URL}/token", status_code=status, json=body)

        with pytest.raises(errors.HeyGenError) as caught:
            client_of().start()

        assert type(caught.value) is kind
        assert caught.value.upstream is not None
        assert words in caught.value.upstream["message"]

    @pytest.mark.parametrize(("call", "named"), [("token", "HEYGEN_API_KEY"), ("start", "voice")])
    def test_of_credentials_blame_the_key_for_its_own_call_alone(
        self, vendor: requests_mock.Mocker, call: str, named: str
    ) -> None:
        """A key that has minted the token of a session is good."""
        body = {"code": 4001, "message": "Unauthorized"}
        vendor.post(f"{URL}/{call}", status_code=401, json=body)

        with pytest.raises(errors.AuthFailed) as caught:
            client_of().start()

        assert named in caught.value.hint
        assert ("HEYGEN_API_KEY" in caught.value.hint) is (call == "token")

    def test_hold_no_secret(self, vendor: requests_mock.Mocker) -> None:
        """Key and token are cut out of what the vendor says."""
        vendor.post(f"{URL}/start", status_code=400, json={"message": f"bad {TOKEN} {KEY}"})

        with pytest.raises(errors.Refused) as caught:
            client_of().start()

        assert TOKEN not in str(caught.value.upstream)
        assert KEY not in str(caught.value.upstream)


class TestSpareSession:
    """A session that is created ahead, for a start with the session defaults alone."""

    @pytest.fixture
    def client(self, sim: Simulator) -> HeyGenClient:
        return client_of(
            HEYGEN_BASE_URL=sim.url, HEYGEN_SPARE_TOKENS=4, HEYGEN_SESSION_DEFAULTS=SANDBOX
        )

    @pytest.fixture
    def started(self, client: HeyGenClient, wait_idle: Callable[[], None]) -> Callable[..., str]:
        """Return a function that starts a session, and waits for what is done in the background."""

        def start(**fields: Any) -> str:
            try:
                return str(client.start(**fields)["session_id"])
            finally:
                wait_idle()

        return start

    def test_is_started_by_the_next_start(
        self, started: Callable[..., str], sim: Simulator
    ) -> None:
        """The second start waits for one call."""
        first, second = started(), started()

        assert [call.name for call in sim.calls] == [TOKEN_CALL, *[START_CALL, TOKEN_CALL] * 2]
        assert list(sim.sessions) == [first, second]
        assert sim.tokens[1].session_id == second

    def test_is_not_used_for_other_fields(
        self, started: Callable[..., str], sim: Simulator
    ) -> None:
        started()
        session_id = started(language="de")

        assert [call.name for call in sim.calls[3:]] == [TOKEN_CALL, START_CALL]
        assert sim.sessions[session_id].options["avatar_persona"] == {"language": "de"}

    def test_whose_token_is_refused_is_replaced(
        self, started: Callable[..., str], sim: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Its lifetime is not documented; the log names the setting."""
        started()
        sim.expire_tokens()
        session_id = started()

        statuses = [call.status for call in sim.calls if call.name == START_CALL]
        assert statuses == [201, 401, 201]
        assert list(sim.sessions)[1:] == [session_id]
        assert sim.count("sessions.stop") == 0
        assert "set HEYGEN_TOKEN_MAX_AGE below" in caplog.text

    @pytest.mark.parametrize(
        ("status", "body", "stops"),
        [
            (403, {"detail": "Not authenticated"}, 0),
            (400, {"code": 4000, "message": "Session token has expired"}, 1),
            (400, {"code": 4000, "message": "Session has expired"}, 1),
            (400, {"code": 4000, "message": "Session already closed"}, 1),
            (404, {"code": 4004, "message": "Session not found"}, 1),
        ],
        ids=["no token", "old token", "old session", "closed", "unknown"],
    )
    def test_that_has_expired_is_replaced(
        self,
        started: Callable[..., str],
        sim: Simulator,
        status: int,
        body: dict[str, Any],
        stops: int,
    ) -> None:
        """Nor is it documented what a start of it answers."""

        async def refuse(_: Exchange) -> web.Response:
            return web.json_response(body, status=status)

        started()
        sim.fault(START_CALL, refuse)
        session_id = started()

        statuses = [call.status for call in sim.calls if call.name == START_CALL]
        assert statuses == [201, status, 201]
        assert list(sim.sessions)[1:] == [session_id]
        assert sim.count("sessions.stop") == stops

    def test_that_cannot_be_stopped_is_not_replaced(
        self, started: Callable[..., str], sim: Simulator
    ) -> None:
        """The vendor says that it is closed, and perhaps it is not."""

        async def refuse(_: Exchange) -> web.Response:
            body = {"code": 4000, "message": "Session already closed"}
            return web.json_response(body, status=400)

        started()
        sim.fault(START_CALL, refuse)
        sim.fault("sessions.stop", Fault.SERVER_ERROR, times=2)
        with pytest.raises(errors.OutcomeUnknown):
            started()

        assert sim.count(START_CALL) == 2

    @pytest.mark.parametrize(
        ("fault", "kind"),
        [
            (Fault.RESET_AFTER, errors.UpstreamFailed),
            (Fault.ECHO, errors.Refused),
            (Fault.REDIRECT, errors.Refused),
            (Fault.SERVER_ERROR, errors.UpstreamFailed),
        ],
        ids=lambda each: each.name if isinstance(each, Fault) else "",
    )
    def test_that_may_have_been_started_is_not(
        self,
        started: Callable[..., str],
        sim: Simulator,
        fault: Fault,
        kind: type[errors.HeyGenError],
    ) -> None:
        """It is stopped, and no other one is started."""
        started()
        sim.fault(START_CALL, fault)
        with pytest.raises(kind):
            started()

        assert sim.count("sessions.stop") == 1
        assert [each.state for each in sim.sessions.values()].count("connected") == 1
        assert sim.count(START_CALL) == 2

    def test_has_the_fields_that_were_set(
        self, client: HeyGenClient, started: Callable[..., str], sim: Simulator
    ) -> None:
        """A caller may change what it was given."""
        started()
        fields = client.session_fields()
        fields["dynamic_variables"]["name"] = "Eve"
        session_id = started(**fields)

        assert sim.sessions[session_id].options["dynamic_variables"] == {"name": "Eve"}

    def test_that_was_lost_is_stopped(self, started: Callable[..., str], sim: Simulator) -> None:
        """Its start was executed, and its answer cut."""
        started()
        sim.fault(START_CALL, Fault.RESET_AFTER)
        with pytest.raises(errors.UpstreamFailed):
            started()

        assert [session.state for session in sim.sessions.values()] == ["connected", "closed"]
