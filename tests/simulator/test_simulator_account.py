"""The account of both APIs: credits, slots, handles, and LiveAvatar's lists and limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from itsdangerous import URLSafeTimedSerializer

from flask_heygen.simulator import Refusal, Simulator
from flask_heygen.simulator.clock import Clock
from flask_heygen.simulator.config import Config
from flask_heygen.simulator.rate_limiter import RateLimiter
from tests import constants

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
KEY = {"X-API-KEY": constants.KEY}
Configure = Callable[..., Simulator]


class Account:
    """A customer of both APIs."""

    def __init__(self, sim: Simulator, http: requests.Session) -> None:
        self.sim, self.http = sim, http

    def call(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> requests.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()} or KEY
        return self.http.request(method, self.sim.url + path, json=body, headers=fields, timeout=10)

    def get(self, path: str) -> Any:
        return self.call("GET", path).json()["data"]

    def start(self, **options: object) -> requests.Response:
        body = {"avatar_id": AVATAR, "avatar_persona": {}, **options}
        data = self.call("POST", "/v1/sessions/token", body).json()["data"]
        bearer = f"Bearer {data['session_token']}"
        return self.call("POST", "/v1/sessions/start", {}, Authorization=bearer)

    def started(self, **options: object) -> str:
        return str(self.start(**options).json()["data"]["session_id"])

    def ending(self, session_id: str) -> tuple[str, str | None]:
        session = self.sim.sessions[session_id]
        return session.state, session.end_reason


@pytest.fixture
def open_account(configure: Configure, http: requests.Session) -> Callable[..., Account]:
    return lambda **options: Account(configure(**options), http)


@pytest.fixture
def account(open_account: Callable[..., Account]) -> Account:
    return open_account()


class TestCredits:
    def test_are_used_up_by_the_minute(self, open_account: Callable[..., Account]) -> None:
        """LiveAvatar takes 2 a minute; it says the rest in a string, v1 in sixtieths."""
        account = open_account(credits=20)
        account.started()
        account.sim.advance(120)

        assert account.get("/v1/users/credits") == {"credits_left": "16.0"}
        quota = account.get("/v2/user/remaining_quota")
        assert quota["remaining_quota"] == pytest.approx(16 * 60, abs=2)

    def test_end_the_sessions_that_they_do_not_pay(
        self, open_account: Callable[..., Account]
    ) -> None:
        """At zero all sessions end, but for the sandbox's, from the moment they ran out."""
        account = open_account(credits=10)
        sessions = [account.started() for _ in range(2)]
        sandbox = account.started(is_sandbox=True)
        account.sim.advance(55)
        account.call("POST", "/v1/sessions/keep-alive", {"session_id": sandbox})
        before = [account.ending(each) for each in sessions]
        account.sim.advance(200)

        assert before == [("connected", None)] * 2
        assert [account.ending(each) for each in sessions] == [("closed", "NO_CREDITS")] * 2
        assert account.ending(sandbox) == ("closed", "MAX_DURATION_REACHED")
        [first, _] = [account.sim.sessions[each] for each in sessions]
        assert first.closed_at == pytest.approx(first.created_at + 150, abs=2)
        assert account.sim.events(sessions[0])[-1]["end_reason"] == "NO_CREDITS"

    def test_must_pay_a_minute(self, open_account: Callable[..., Account]) -> None:
        """A start that a minute of is not paid is refused; the sandbox is free."""
        account = open_account(credits=1.9)

        assert account.start().status_code == 403
        assert account.start(is_sandbox=True).status_code == 201


class TestSlots:
    def test_are_released_late(self, open_account: Callable[..., Account]) -> None:
        """With release_seconds a stopped session still counts for so long."""
        account = open_account(concurrent_limit=1, release_seconds=5)
        account.sim.close_session(account.started())
        early = account.start()
        account.sim.advance(5)

        assert (early.status_code, early.json()["code"]) == (403, 4003)
        assert account.start().status_code == 201

    def test_are_ended_for_a_reason(self, account: Account) -> None:
        """close_session has the vendor end a session for any reason."""
        session_id = account.started()
        account.sim.close_session(session_id, "AVATAR_DELETED")

        assert account.sim.events(session_id)[-1]["end_reason"] == "AVATAR_DELETED"


class TestAvatar:
    def test_can_leave(self, account: Account) -> None:
        """After that a command is lost, and the session is still there."""
        session_id = account.started()
        account.sim.avatar_leaves(session_id)
        event = {"event_type": "avatar.speak_text", "text": "Hello?"}
        account.sim.publish(session_id, event)

        assert account.sim.texts == ()
        assert account.ending(session_id) == ("connected", None)

    def test_leaves_only_a_session_that_is_open(self, account: Account) -> None:
        """There is none in a closed one."""
        session_id = account.started()
        account.sim.close_session(session_id)

        with pytest.raises(Refusal):
            account.sim.avatar_leaves(session_id)


class TestHandles:
    def test_are_read(self, account: Account) -> None:
        """A page's handle names its session in each method."""
        session_id = account.started()
        signer = URLSafeTimedSerializer("the host's secret", salt="the host's")
        handle = signer.dumps([session_id, "the owner's digest"])
        account.sim.publish(handle, {"event_type": "avatar.speak_text", "text": "Hello."})
        account.sim.hear(handle, "Hello?")

        assert account.sim.texts == ("Hello.",)
        assert account.sim.events(handle) == account.sim.events(session_id) != ()
        account.sim.close_session(handle)
        assert account.ending(session_id)[0] == "closed"


class TestLists:
    @pytest.mark.parametrize("path", ["/v1/avatars", "/v1/voices", "/v1/languages", "/v1/contexts"])
    def test_come_in_pages_for_the_key(self, account: Account, path: str) -> None:
        """Each has a count and results, a page size that is checked, and needs the key."""
        page = account.get(path)

        assert page["count"] == len(page["results"]) > 0
        assert account.call("GET", f"{path}?page_size=101").status_code == 422
        assert account.call("GET", path, Nothing="").status_code == 401

    def test_of_public_avatars_need_no_key(self, account: Account) -> None:
        """The sandbox's avatar is among them."""
        reply = account.call("GET", "/v1/avatars/public", Nothing="")

        [avatar] = reply.json()["data"]["results"]
        assert (avatar["id"], avatar["status"]) == (AVATAR, "ACTIVE")

    def test_of_private_voices_are_empty(self, account: Account) -> None:
        """The account has no voice of its own."""
        assert account.get("/v1/voices?voice_type=private")["count"] == 0


class TestContexts:
    def test_live_from_their_making_to_their_end(self, account: Account) -> None:
        """They are made, read, changed, deleted, and say which variables they need."""
        body = {"name": "Interview", "prompt": "Ask {{ name }}.", "opening_text": "Hi {{name}}"}
        made = account.call("POST", "/v1/contexts", body)
        path = f"/v1/contexts/{made.json()['data']['id']}"
        read = account.get(path)
        account.call("PATCH", path, {"name": "Talk"})
        changed = account.get(path)

        assert made.status_code == 201
        assert read == made.json()["data"] == {**body, **read}
        assert read["required_dynamic_variables"] == ["name"]
        assert (changed["name"], changed["prompt"]) == ("Talk", body["prompt"])
        assert account.call("DELETE", path).status_code == 200
        assert account.call("GET", path).status_code == 404
        assert account.call("POST", "/v1/contexts", {"name": "No prompt"}).status_code == 422

    def test_are_forgotten(self, account: Account) -> None:
        """A reset leaves the one that is there from the start."""
        account.call("POST", "/v1/contexts", {"name": "Interview", "prompt": "Ask."})
        account.sim.reset()

        assert account.get("/v1/contexts")["count"] == 1


class TestRateLimit:
    def test_is_in_every_response(self, account: Account) -> None:
        """Its headers say what is left in this second."""
        reply = account.call("GET", "/v1/users/credits")

        assert reply.headers["X-RateLimit-Limit"] == "1000"
        assert 0 <= int(reply.headers["X-RateLimit-Remaining"]) < 1000

    def test_refuses_what_is_too_much(self, open_account: Callable[..., Account]) -> None:
        """It is a 429 with Retry-After; v1 has no such limit."""
        account = open_account(rate_limit=0)
        reply = account.call("GET", "/v1/users/credits")

        assert (reply.status_code, reply.headers["Retry-After"]) == (429, "1")
        assert reply.headers["X-RateLimit-Remaining"] == "0"
        assert account.call("GET", "/v1/streaming.list").status_code == 200

    def test_counts_by_endpoint_and_credential_for_a_second(self) -> None:
        """Each pair has a window of its own, which ends with the second."""
        clock = StoppedClock()
        limiter = RateLimiter(clock, Config(rate_limit=2))

        assert [limiter.take("voices.list", "key") for _ in range(3)] == [1, 0, -1]
        assert limiter.take("users.credits", "key") == 1
        assert limiter.take("voices.list", "another key") == 1
        clock.advance(1)
        assert limiter.take("voices.list", "key") == 1


class StoppedClock(Clock):
    """A clock that only `advance` moves."""

    def now(self) -> float:
        return self.ahead


class TestStreaming:
    @pytest.mark.parametrize("call", ["start_listening", "stop_listening"])
    def test_listens(self, account: Account, call: str) -> None:
        """v1's SDK calls it; it changes nothing that can be seen."""
        reply = account.call("POST", "/v1/streaming.create_token", {})
        bearer = f"Bearer {reply.json()['data']['token']}"
        new = account.call("POST", "/v1/streaming.new", {}, Authorization=bearer).json()["data"]
        body = {"session_id": new["session_id"]}
        reply = account.call("POST", f"/v1/streaming.{call}", body, Authorization=bearer)

        assert reply.json() == {"code": 100, "message": "success"}

    def test_answers_preflights(self, account: Account) -> None:
        """v1's SDK calls from a page."""
        origin = "https://page.example"
        asked = account.call("OPTIONS", "/v1/streaming.new", Origin=origin)

        assert asked.status_code == 204
        assert asked.headers["Access-Control-Allow-Origin"] == origin
