"""The vendor's calls, as the simulator answers them over real HTTP."""

import base64
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from flask_heygen.simulator import Refusal, Simulator
from tests.constants import KEY

UNAUTHORIZED = b'{"code":400112,"message":"Unauthorized"}\n'
INVALID = b'{"code":400006,"message":"Invalid params"}\n'
NOT_READY = b'{"code":400006,"message":"Session is not in correct state"}\n'
CLOSED = b'{"code":10005,"message":"session state wrong: closed"}\n'
NOT_FOUND = b'{"code":10006,"message":"session not found"}\n'
SUCCESS = {"code": 100, "message": "success", "data": None}

WITH_SESSION = ["start", "task", "interrupt", "keep_alive", "stop"]
WITH_TOKEN = ["new", *WITH_SESSION]


class Customer:
    """A client of the vendor's, and the simulator it calls."""

    def __init__(self, sim: Simulator, http: requests.Session) -> None:
        self.sim = sim
        self.http = http

    def post(
        self, call: str, body: object = None, token: str = "", **headers: str
    ) -> requests.Response:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        url = f"{self.sim.url}/v1/streaming.{call}"
        return self.http.post(url, json=body, headers=headers, timeout=10)

    def get(self, path: str, key: str = "") -> requests.Response:
        headers = {"X-Api-Key": key} if key else {}
        return self.http.get(self.sim.url + path, headers=headers, timeout=10)

    def token(self) -> str:
        reply = self.post("create_token", {}, **{"X-Api-Key": KEY})
        return str(reply.json()["data"]["token"])

    def new(self, **options: object) -> str:
        reply = self.post("new", options, self.token())
        return str(reply.json()["data"]["session_id"])

    def started(self, **options: object) -> str:
        session_id = self.new(**options)
        assert self.on(session_id, "start").json() == SUCCESS
        return session_id

    def on(self, session_id: str, call: str, **body: object) -> requests.Response:
        return self.post(call, {"session_id": session_id, **body}, self.token())

    def say(self, session_id: str, text: str, **body: object) -> requests.Response:
        return self.on(session_id, "task", text=text, **{"task_mode": "async", **body})


Serve = Callable[..., Customer]


@pytest.fixture
def serve(configure: Callable[..., Simulator], http: requests.Session) -> Serve:
    return lambda **options: Customer(configure(**options), http)


@pytest.fixture
def customer(serve: Serve) -> Customer:
    return serve()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


class TestCreateToken:
    def test_envelope(self, customer: Customer) -> None:
        """Its envelope is another than the rest's."""
        reply = customer.post("create_token", {}, **{"X-Api-Key": KEY})

        [token] = customer.sim.tokens
        assert reply.status_code == 200
        assert reply.json() == {"error": None, "data": {"token": token.value}}
        assert reply.headers["Content-Type"] == "application/json"

    def test_shape(self, customer: Customer) -> None:
        """A token is Base64 of JSON that has its creation time, and no expiry."""
        content = json.loads(base64.b64decode(customer.token()))

        assert re.fullmatch("[0-9a-f]{32}", content.pop("token"))
        assert content.pop("created_at") == pytest.approx(time.time(), abs=5)
        assert content == {"token_type": "sa_from_regular"}

    @pytest.mark.parametrize("headers", [{}, {"X-Api-Key": ""}, {"Authorization": "Bearer key"}])
    def test_key_missing(self, customer: Customer, headers: dict[str, str]) -> None:
        """Without a key in X-Api-Key it answers the literal 401."""
        reply = customer.post("create_token", {}, **headers)

        assert (reply.status_code, reply.content) == (401, UNAUTHORIZED)
        assert customer.sim.tokens == ()

    @pytest.mark.parametrize(("key", "status"), [(KEY, 200), ("another-key-than-that-one", 401)])
    def test_key_given(self, serve: Serve, key: str, status: int) -> None:
        """With an api_key, no other is good."""
        reply = serve(api_key=KEY).post("create_token", {}, **{"X-Api-Key": key})

        assert reply.status_code == status

    @pytest.mark.parametrize("media_type", ["", "text/plain"])
    def test_media_type(self, customer: Customer, media_type: str) -> None:
        """Without a JSON content type it answers as Django's REST framework does."""
        headers = {"X-Api-Key": KEY, "Content-Type": media_type}
        url = customer.sim.url + "/v1/streaming.create_token"
        reply = customer.http.post(url, data=b"{}", headers=headers, timeout=10)

        assert reply.status_code == 415
        assert reply.json() == {"detail": f"Unsupported media type '{media_type}' in request."}

    @pytest.mark.parametrize(("content", "status"), [(b"", 200), (b"{", 400), (b"[]", 400)])
    def test_body(self, customer: Customer, content: bytes, status: int) -> None:
        """A body may be left out, but not be anything else than an object."""
        headers = {"X-Api-Key": KEY, "Content-Type": "application/json; charset=utf-8"}
        url = customer.sim.url + "/v1/streaming.create_token"
        reply = customer.http.post(url, data=content, headers=headers, timeout=10)

        assert reply.status_code == status
        assert len(customer.sim.tokens) == (status == 200)


class TestTokens:
    @pytest.mark.parametrize("call", WITH_TOKEN)
    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nonsense", "Basic {token}"])
    def test_bad(self, customer: Customer, call: str, authorization: str) -> None:
        """Every call but create_token wants a Bearer token that was minted."""
        header = authorization.format(token=customer.token())
        reply = customer.post(call, {}, Authorization=header)

        assert (reply.status_code, reply.content) == (401, UNAUTHORIZED)

    def test_expiry(self, serve: Serve) -> None:
        """A token lives for token_seconds, which need not be whole."""
        customer = serve(token_seconds=2.5)
        token = customer.token()
        customer.sim.advance(2.4)
        early = customer.post("keep_alive", {"session_id": "x"}, token)
        customer.sim.advance(0.2)
        late = customer.post("keep_alive", {"session_id": "x"}, token)

        assert early.content == NOT_FOUND
        assert (late.status_code, late.content) == (401, UNAUTHORIZED)

    def test_expire_tokens(self, customer: Customer) -> None:
        """expire_tokens refuses those minted so far, and no later one."""
        old = customer.token()
        customer.sim.expire_tokens()

        assert customer.post("new", {}, old).status_code == 401
        assert customer.post("new", {}, customer.token()).status_code == 200

    def test_one_session(self, customer: Customer) -> None:
        """A token makes one session; a second streaming.new with it is refused."""
        token = customer.token()
        first = customer.post("new", {}, token)
        second = customer.post("new", {}, token)

        assert (second.status_code, second.content) == (401, UNAUTHORIZED)
        assert customer.sim.tokens[0].session_id == first.json()["data"]["session_id"]

    def test_refused_session(self, customer: Customer) -> None:
        """A streaming.new that was refused does not use the token up."""
        token = customer.token()

        assert customer.post("new", {"quality": "best"}, token).status_code == 400
        assert customer.post("new", {}, token).status_code == 200

    def test_any_token(self, customer: Customer) -> None:
        """A fresh token is good for a session that another token made."""
        session_id = customer.started()

        assert customer.say(session_id, "hello").status_code == 200
        assert customer.sim.spoken[0].token == customer.sim.tokens[-1].value


class TestNew:
    def test_envelope(self, serve: Serve) -> None:
        """The reply has the fields of the vendor's, and leads back to the simulator."""
        customer = serve(session_seconds=300)
        reply = customer.post("new", {"quality": "low"}, customer.token()).json()

        content = reply.pop("data")
        assert reply == {"code": 100, "message": "success"}
        assert content["url"] == customer.sim.url.replace("http", "ws")
        assert content["access_token"].count(".") == 2
        assert content["session_duration_limit"] == 300
        assert customer.sim.sessions[content["session_id"]].options == {"quality": "low"}
        assert set(content) == {
            *("session_id", "sdp", "ice_servers", "ice_servers2", "url", "access_token"),
            *("livekit_agent_token", "is_paid", "session_duration_limit", "realtime_endpoint"),
        }

    def test_all_options(self, customer: Customer) -> None:
        """Every documented option is taken, null counts as absent, and others are ignored."""
        reply = customer.post(
            "new",
            {
                "quality": "high",
                "avatar_id": "a",
                "avatar_name": None,
                "voice": {
                    "voice_id": "v",
                    "rate": 1.5,
                    "emotion": "friendly",
                    "elevenlabs_settings": {"stability": 0.5, "use_speaker_boost": True},
                },
                "language": "en",
                "version": "v2",
                "video_encoding": "H264",
                "stt_settings": {"provider": "gladia", "confidence": 0.4},
                "activity_idle_timeout": 30,
                "something": "else",
            },
            customer.token(),
        )

        assert reply.status_code == 200

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            "text",
            {"quality": "best"},
            {"quality": 1},
            {"avatar_id": 7},
            {"version": "v1"},
            {"voice": "v"},
            {"voice": {"rate": 2}},
            {"voice": {"rate": True}},
            {"voice": {"emotion": "bored"}},
            {"voice": {"elevenlabs_settings": {"stability": 2}}},
            {"activity_idle_timeout": 29},
            {"activity_idle_timeout": "120"},
            {"disable_idle_timeout": "yes"},
        ],
    )
    def test_invalid(self, customer: Customer, body: object) -> None:
        """A body that is no object, or has a wrong value, makes no session."""
        reply = customer.post("new", body, customer.token())

        assert (reply.status_code, reply.content) == (400, INVALID)
        assert customer.sim.sessions == {}

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_no_json(self, customer: Customer, content: bytes) -> None:
        """A body that is no JSON is Invalid params."""
        headers = {"Authorization": f"Bearer {customer.token()}"}
        url = customer.sim.url + "/v1/streaming.new"
        reply = customer.http.post(url, data=content, headers=headers, timeout=10)

        assert (reply.status_code, reply.content) == (400, INVALID)

    def test_concurrent_limit(self, serve: Serve) -> None:
        """One session too many is 10007, until another is stopped."""
        customer = serve(concurrent_limit=2)
        first, _ = customer.new(), customer.started()
        reply = customer.post("new", {}, customer.token())
        customer.on(first, "stop")

        assert reply.status_code == 400
        assert reply.json()["code"] == 10007
        assert reply.json()["message"].startswith("Concurrent limit reached, please make sure")
        assert customer.post("new", {}, customer.token()).status_code == 200


class TestStates:
    def test_life(self, customer: Customer) -> None:
        """A session is new, then connected once started, then closed."""
        states = []
        session_id = customer.new()
        for call in ("start", "stop"):
            states.append(customer.sim.sessions[session_id].state)
            customer.on(session_id, call)
        states.append(customer.sim.sessions[session_id].state)

        assert states == ["new", "connected", "closed"]

    def test_join(self, serve: Serve) -> None:
        """Without joined, a started session is connecting, and mute, until someone joins."""
        customer = serve(joined=False)
        session_id = customer.started()
        early = customer.say(session_id, "early")
        state = customer.sim.sessions[session_id].state
        customer.sim.join(session_id)

        assert (early.status_code, early.content) == (400, NOT_READY)
        assert state == "connecting"
        assert customer.say(session_id, "late").status_code == 200
        assert customer.sim.texts == ("late",)

    @pytest.mark.parametrize("call", ["task", "interrupt"])
    def test_not_started(self, customer: Customer, call: str) -> None:
        """A session that has not been started neither speaks nor is interrupted."""
        reply = customer.on(customer.new(), call, text="early")

        assert (reply.status_code, reply.content) == (400, NOT_READY)

    @pytest.mark.parametrize(
        ("joined", "code", "state"), [(True, 10003, "connected"), (False, 10002, "connecting")]
    )
    def test_started_twice(self, serve: Serve, *, joined: bool, code: int, state: str) -> None:
        """A second start names the state that it found."""
        customer = serve(joined=joined)
        reply = customer.on(customer.started(), "start")

        assert reply.status_code == 400
        assert reply.json() == {"code": code, "message": f"session state wrong: {state}"}

    @pytest.mark.parametrize("call", WITH_SESSION)
    def test_closed(self, customer: Customer, call: str) -> None:
        """Every call on a session that the vendor closed is 10005."""
        session_id = customer.started()
        customer.sim.close_session(session_id)
        reply = customer.on(session_id, call, text="late")

        assert (reply.status_code, reply.content) == (400, CLOSED)

    @pytest.mark.parametrize("call", sorted({*WITH_SESSION} - {"task"}))
    def test_not_found(self, customer: Customer, call: str) -> None:
        """A session that never was is 10006."""
        reply = customer.on("nobody", call)

        assert (reply.status_code, reply.content) == (400, NOT_FOUND)

    def test_task_not_found(self, customer: Customer) -> None:
        """A task for a session that never was is 400004, and repeats the id."""
        reply = customer.say("nobody", "hello")

        assert reply.status_code == 400
        message = "Session does not exist. SessionID: nobody"
        assert reply.json() == {"code": 400004, "message": message}

    @pytest.mark.parametrize("call", sorted({*WITH_SESSION} - {"task"}))
    @pytest.mark.parametrize("body", [None, [], {}, {"session_id": 7}])
    def test_no_session_id(self, customer: Customer, call: str, body: object) -> None:
        """A call that names no session is Invalid params."""
        reply = customer.post(call, body, customer.token())

        assert (reply.status_code, reply.content) == (400, INVALID)

    @pytest.mark.parametrize("act", ["join", "close_session"])
    def test_python(self, customer: Customer, act: str) -> None:
        """Python code gets the same refusal for a session that does not exist."""
        with pytest.raises(Refusal, match="session not found"):
            getattr(customer.sim, act)("nobody")

    def test_join_early(self, customer: Customer) -> None:
        """A session that has not been started cannot be joined."""
        with pytest.raises(Refusal, match="session state wrong: new"):
            customer.sim.join(customer.new())


class TestLimits:
    def test_idle(self, serve: Serve) -> None:
        """A session left alone for idle_seconds is closed, and gives its slot back."""
        customer = serve(idle_seconds=10, concurrent_limit=1)
        session_id = customer.started()
        customer.sim.advance(10)

        assert customer.sim.sessions[session_id].state == "closed"
        assert customer.on(session_id, "keep_alive").content == CLOSED
        assert customer.post("new", {}, customer.token()).status_code == 200

    def test_idle_option(self, customer: Customer) -> None:
        """activity_idle_timeout replaces idle_seconds."""
        short, long = customer.new(activity_idle_timeout=30), customer.new()
        customer.sim.advance(31)

        assert customer.sim.sessions[short].state == "closed"
        assert customer.sim.sessions[long].state == "new"

    @pytest.mark.parametrize("call", ["keep_alive", "task", "interrupt"])
    def test_activity(self, serve: Serve, call: str) -> None:
        """A keep-alive, a task and an interrupt restart the idle countdown."""
        customer = serve(idle_seconds=10)
        session_id = customer.started()
        customer.sim.advance(8)
        customer.on(session_id, call, text="hello", task_mode="async")
        customer.sim.advance(8)

        assert customer.sim.sessions[session_id].state == "connected"

    def test_hard_cap(self, serve: Serve) -> None:
        """Nothing prolongs a session beyond session_seconds."""
        customer = serve(session_seconds=15)
        session_id = customer.started()
        customer.sim.advance(14)
        customer.on(session_id, "keep_alive")
        customer.sim.advance(2)

        assert customer.sim.sessions[session_id].state == "closed"

    def test_no_idle_timeout(self, customer: Customer) -> None:
        """The deprecated disable_idle_timeout leaves the hard cap alone."""
        session_id = customer.started(disable_idle_timeout=True)
        customer.sim.advance(500)
        before = customer.sim.sessions[session_id].state
        customer.sim.advance(101)

        assert (before, customer.sim.sessions[session_id].state) == ("connected", "closed")

    def test_silent_from_the_limit(self, serve: Serve) -> None:
        """Speech ends when the session did, even if that is looked at later."""
        customer = serve(idle_seconds=10, ms_per_character=1000)
        customer.say(customer.started(), "a" * 20)
        customer.sim.advance(60)
        assert customer.sim.sessions

        [speech] = customer.sim.spoken
        assert speech.interrupted
        assert speech.ends_at == pytest.approx(speech.at + 10, abs=0.5)


class TestTask:
    def test_envelope(self, customer: Customer) -> None:
        """The reply names the task and how long it will take, 60 ms a character."""
        session_id = customer.started()
        reply = customer.say(session_id, "hello", task_type="repeat")

        [speech] = customer.sim.spoken
        said = {"task_id": speech.task_id, "duration_ms": 300.0}
        assert reply.json() == {**SUCCESS, "data": said}
        assert (speech.session_id, speech.text) == (session_id, "hello")
        assert (speech.task_type, speech.interrupted) == ("repeat", False)

    def test_task_type(self, customer: Customer) -> None:
        """Without a task_type it talks."""
        session_id = customer.started()
        for task_type in (None, "repeat", "chat", "talk"):
            customer.say(session_id, "hello", task_type=task_type)

        types = [speech.task_type for speech in customer.sim.spoken]
        assert types == ["talk", "repeat", "chat", "talk"]

    @pytest.mark.parametrize(
        "body",
        [
            {"text": ""},
            {"text": " "},
            {"text": None},
            {"text": 7},
            {"task_type": "sing"},
            {"task_mode": "later"},
            {"session_id": 7},
        ],
    )
    def test_invalid(self, customer: Customer, body: dict[str, object]) -> None:
        """No text, or a wrong value, is Invalid params, and not spoken."""
        body = {"session_id": customer.started(), "text": "hello", **body}
        reply = customer.post("task", body, customer.token())

        assert (reply.status_code, reply.content) == (400, INVALID)
        assert customer.sim.spoken == ()

    def test_no_object(self, customer: Customer) -> None:
        """A body that is no object is Invalid params."""
        assert customer.post("task", ["hello"], customer.token()).content == INVALID

    def test_no_session_id(self, customer: Customer) -> None:
        """A task without a session_id is answered as if the token were bad."""
        reply = customer.post("task", {"text": "hello"}, customer.token())

        assert (reply.status_code, reply.content) == (401, UNAUTHORIZED)

    def test_queue(self, customer: Customer) -> None:
        """A task waits for the one before it, and not for one that is over."""
        session_id = customer.started()
        customer.say(session_id, "a" * 100)
        customer.say(session_id, "b" * 100)
        customer.sim.advance(60)
        customer.say(session_id, "c" * 100)

        first, second, third = customer.sim.spoken
        assert second.ends_at == pytest.approx(first.ends_at + 6)
        assert third.ends_at == pytest.approx(third.at + 6)

    def test_interrupt_field(self, customer: Customer) -> None:
        """An "interrupt": true inside a task is ignored."""
        session_id = customer.started()
        customer.say(session_id, "a" * 100)
        customer.say(session_id, "b", interrupt=True)

        assert not any(speech.interrupted for speech in customer.sim.spoken)

    def test_async(self, serve: Serve) -> None:
        """In async mode the reply comes at once."""
        customer = serve(ms_per_character=60_000)

        assert customer.say(customer.started(), "hello").status_code == 200

    def test_sync(self, serve: Serve) -> None:
        """In sync mode, the default, the reply comes when the text has been spoken."""
        customer = serve(ms_per_character=50)
        reply = customer.on(customer.started(), "task", text="abcd")

        call = customer.sim.calls[-1]
        assert reply.status_code == 200
        assert call.ended is not None
        assert call.ended - call.started >= 0.2

    @pytest.mark.parametrize("call", ["interrupt", "stop"])
    def test_sync_cut(self, serve: Serve, call: str) -> None:
        """A call that cuts a text short ends the wait of the reply."""
        customer = serve(ms_per_character=60_000)
        session_id = customer.started()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(customer.on, session_id, "task", text="hello")
            wait_for(lambda: customer.sim.spoken)
            customer.on(session_id, call)
            reply = task.result(timeout=10)

        assert reply.status_code == 200
        assert customer.sim.spoken[0].interrupted

    def test_sync_reset(self, serve: Serve) -> None:
        """A reply that waits for a text goes when everything is forgotten."""
        customer = serve(ms_per_character=60_000)
        session_id = customer.started()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(customer.on, session_id, "task", text="hello")
            wait_for(lambda: customer.sim.spoken)
            customer.sim.reset()

            assert task.result(timeout=10).status_code == 200


class TestInterrupt:
    def test_queue(self, customer: Customer) -> None:
        """It cuts what is being spoken and what is queued, and nothing that is over."""
        session_id = customer.started()
        customer.say(session_id, "over")
        customer.sim.advance(60)
        for text in ("a" * 100, "b" * 100):
            customer.say(session_id, text)
        reply = customer.on(session_id, "interrupt")
        customer.say(session_id, "after")

        assert reply.json() == SUCCESS
        cut = [speech.interrupted for speech in customer.sim.spoken]
        assert cut == [False, True, True, False]

    def test_other_sessions(self, customer: Customer) -> None:
        """It leaves other sessions alone."""
        one, other = customer.started(), customer.started()
        customer.say(other, "hello")
        customer.on(one, "interrupt")

        assert not customer.sim.spoken[0].interrupted

    def test_silent(self, customer: Customer) -> None:
        """It does nothing where nothing is spoken, or no longer."""
        session_id = customer.started()
        replies = [customer.on(session_id, "interrupt").json()]
        customer.say(session_id, "over")
        customer.sim.advance(60)
        replies.append(customer.on(session_id, "interrupt").json())

        assert replies == [SUCCESS, SUCCESS]
        assert not customer.sim.spoken[0].interrupted


class TestOthers:
    def test_keep_alive(self, customer: Customer) -> None:
        """Its envelope has no data."""
        reply = customer.on(customer.started(), "keep_alive")

        assert reply.json() == {"code": 100, "message": "success"}

    def test_stop(self, customer: Customer) -> None:
        """It answers with a status alone, and cuts speech short."""
        session_id = customer.started()
        customer.say(session_id, "hello")
        reply = customer.on(session_id, "stop")

        assert reply.json() == {"status": "success"}
        assert customer.sim.spoken[0].interrupted

    def test_list(self, serve: Serve) -> None:
        """The list has what is open, oldest first, in the vendor's literal form."""
        customer = serve(joined=False)
        first, second, third = customer.new(), customer.started(), customer.started()
        customer.sim.join(third)
        customer.on(second, "stop")
        reply = customer.get("/v1/streaming.list", key=KEY).json()

        rows = reply["data"].pop("sessions")
        assert reply == {"code": 100, "data": {}, "message": "success"}
        assert [row.pop("created_at") for row in rows] == [pytest.approx(time.time(), abs=5)] * 2
        assert rows == [
            {"session_id": first, "status": "new", "api_key_type": "regular"},
            {"session_id": third, "status": "connected", "api_key_type": "regular"},
        ]

    def test_avatars(self, customer: Customer) -> None:
        """There are avatars to choose from."""
        reply = customer.get("/v1/streaming/avatar.list", key=KEY).json()

        assert (reply["code"], reply["message"]) == (100, "Success")
        assert reply["data"][0]["status"] == "ACTIVE"

    @pytest.mark.parametrize("path", ["/v1/streaming.list", "/v1/streaming/avatar.list"])
    def test_lists_want_a_key(self, customer: Customer, path: str) -> None:
        """Neither list is for those without a key."""
        reply = customer.get(path)

        assert (reply.status_code, reply.content) == (401, UNAUTHORIZED)

    @pytest.mark.parametrize(
        ("path", "status", "message"),
        [
            ("/v1/streaming.task", 405, "Method Not Allowed"),
            ("/v1/nothing", 404, "Not Found"),
            ("/simulator/nothing", 404, "Not Found"),
        ],
    )
    def test_unknown_path(self, customer: Customer, path: str, status: int, message: str) -> None:
        """A path or method that the vendor lacks is a JSON error, and a call all the same."""
        reply = customer.get(path)

        assert reply.status_code == status
        assert reply.json() == {"code": status, "message": message}
        assert [call.name for call in customer.sim.calls] == ["unknown"]
