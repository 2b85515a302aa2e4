"""What a page is answered when the vendor fails, refuses or falls silent."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
import requests_mock
from flask import Flask

from flask_heygen import errors, heygen_bp
from flask_heygen.simulator import Fault, Simulator

#: Seconds of HEYGEN_TIMEOUT: the fewest that there can be, for what uses them up, and enough.
SHORT, ENOUGH = 1, 5
#: Seconds; a slow machine's share of an answer that has to come within them.
GRACE = 1.5
TEXT = "Tell me about a time when you failed."

#: The faults after which nobody can know whether the call was acted on.
LOST = {
    Fault.SERVER_ERROR,
    Fault.HTML,
    Fault.INVALID_JSON,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.TRUNCATED,
    Fault.HUGE,
}
SLOW = {Fault.SLOW_BODY, Fault.SLOW_HEADERS, Fault.NO_RESPONSE}
REFUSALS = {
    Fault.UNAUTHORIZED: "heygen_auth_failed",
    Fault.SUNSET: "api_retired",
    Fault.RATE_LIMITED: "rate_limited",
    Fault.ECHO: "heygen_refused",
    Fault.REDIRECT: "heygen_refused",
}
STATUSES = {
    "heygen_auth_failed": 502,
    "heygen_refused": 502,
    "heygen_error": 502,
    "api_retired": 502,
    "heygen_timeout": 504,
    "outcome_unknown": 504,
    "rate_limited": 429,
    "concurrent_limit": 429,
    "session_not_found": 404,
    "session_not_ready": 409,
    "session_closed": 410,
    "not_configured": 503,
}
RETRYABLE = {
    "heygen_error",
    "heygen_timeout",
    "rate_limited",
    "concurrent_limit",
    "session_not_ready",
}
RESTART = {"session_not_found", "session_closed"}
RETRY_AFTER = {"rate_limited": 7, "concurrent_limit": 30, "session_not_ready": 1}


def harmless(fault: Fault) -> str | None:
    """Tell the code where a call can be repeated without harm; None: success."""
    if fault in SLOW:
        return "heygen_timeout"
    return "heygen_error" if fault in LOST else REFUSALS.get(fault)


def harmful(fault: Fault) -> str | None:
    """Tell the code where a repeat would speak, or cost, twice."""
    return "outcome_unknown" if fault in LOST | SLOW else REFUSALS.get(fault)


@dataclass(frozen=True)
class Host:
    """An app in front of the simulator, and a session in it."""

    app: Flask
    sim: Simulator

    def post(self, route: str, **fields: object) -> Any:
        """Call a route, within its time; the answer must be ours, whatever it is."""
        begun = time.monotonic()
        answer = self.app.test_client().post(f"/api/heygen/{route}", json=fields)

        assert time.monotonic() - begun < self.app.config["HEYGEN_TIMEOUT"] + GRACE
        assert answer.mimetype == "application/json"
        return answer

    def fault(self, call: str, fault: Fault) -> None:
        """Have a call go wrong from now on."""
        self.app.config["HEYGEN_TIMEOUT"] = SHORT if fault in SLOW else ENOUGH
        self.sim.fault(call, fault, times=None)

    def start(self) -> str:
        answer = self.post("start")
        assert answer.status_code == 200
        return str(answer.get_json()["data"]["session_id"])

    def expect(self, code: str | None, route: str, **fields: object) -> dict[str, Any]:
        """Call a route, and check all that an answer of a code says; None: success."""
        answer = self.post(route, **fields)

        told: dict[str, Any] = answer.get_json()
        if code is None:
            assert (answer.status_code, told["status"]) == (200, "success")
            return told
        error: dict[str, Any] = told["error"]
        assert told["status"] == "error"
        assert (answer.status_code, error["code"]) == (STATUSES[code], code)
        assert error["retryable"] is (code in RETRYABLE)
        assert error["restart_session"] is (code in RESTART)
        assert error["message"].endswith(".")
        wait = RETRY_AFTER.get(code)
        assert error.get("retry_after") == wait
        assert answer.headers.get("Retry-After") == (str(wait) if wait else None)
        return error


@pytest.fixture
def host(sim: Simulator) -> Host:
    return of(sim)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value)
class TestFaults:
    """Each fault, on each call, for as long as it lasts."""

    def test_of_a_task(self, host: Host, fault: Fault) -> None:
        """The text was spoken once or never, and is sent again for a 401 alone."""
        session_id = host.start()
        host.fault("task", fault)

        code = "outcome_unknown" if fault is Fault.NO_DATA else harmful(fault)
        host.expect(code, "task", session_id=session_id, text=TEXT)

        assert host.sim.texts == ((TEXT,) if fault.acted else ())
        assert host.sim.count("task") == (2 if fault is Fault.UNAUTHORIZED else 1)
        host.sim.clear()
        host.expect(None, "task", session_id=session_id, text="The next one.")
        assert host.sim.texts.count("The next one.") == 1

    def test_of_a_mint_beneath_a_task(self, host: Host, fault: Fault) -> None:
        """Nothing was sent, so nothing was spoken, and the page may try again."""
        session_id = host.start()
        host.fault("create_token", fault)

        code = "heygen_error" if fault is Fault.NO_DATA else harmless(fault)
        host.expect(code, "task", session_id=session_id, text=TEXT)

        assert host.sim.count("task") == 0
        host.sim.clear()
        host.expect(None, "task", session_id=session_id, text=TEXT)
        assert host.sim.texts == (TEXT,)

    @pytest.mark.parametrize("route", ["interrupt", "keep-alive", "stop"])
    def test_of_a_harmless_call(self, host: Host, fault: Fault, route: str) -> None:
        """The route may be called again, and then does what it is for."""
        session_id, call = host.start(), route.replace("-", "_")
        host.fault(call, fault)

        # The half of a 400 that comes to the second stop of a session is a refusal nonetheless.
        refused = (route, fault) == ("stop", Fault.TRUNCATED)
        code = "heygen_refused" if refused else harmless(fault)
        host.expect(code, route, session_id=session_id)

        assert host.sim.count(call) <= 2
        host.sim.clear()
        host.expect(None, route, session_id=session_id)
        (session,) = host.sim.sessions.values()
        assert session.state == ("closed" if route == "stop" else "connected")

    def test_of_a_new_session(self, host: Host, fault: Fault) -> None:
        """One session was made or none, and none is tried again but for a 401."""
        host.fault("new", fault)

        host.expect("outcome_unknown" if fault is Fault.NO_DATA else harmful(fault), "start")

        assert host.sim.count("new") == (2 if fault is Fault.UNAUTHORIZED else 1)
        assert len(host.sim.sessions) == (1 if fault.acted else 0)
        host.sim.clear()
        host.expect(None, "task", session_id=host.start(), text=TEXT)

    def test_of_a_start_after_new(self, host: Host, fault: Fault) -> None:
        """The session that started half is stopped, so that the page may safely try again."""
        host.fault("start", fault)

        host.expect("heygen_error" if fault in LOST | SLOW else REFUSALS.get(fault), "start")

        (session,) = host.sim.sessions.values()
        assert session.state == ("new" if fault is Fault.NO_DATA else "closed")
        host.sim.clear()
        host.expect(None, "task", session_id=host.start(), text=TEXT)

    def test_of_the_interrupt_beneath_a_task(self, host: Host, fault: Fault) -> None:
        """The text has not been sent."""
        session_id = host.start()
        host.fault("interrupt", fault)

        code = harmless(fault)
        host.expect(code, "task", session_id=session_id, text=TEXT, interrupt=True)

        assert host.sim.texts == (() if code else (TEXT,))


class TestPassingFaults:
    """What is over by the second try, where there is one."""

    @pytest.mark.parametrize("fault", [fault for fault in Fault if fault in LOST])
    @pytest.mark.parametrize("call", ["create_token", "interrupt", "keep_alive", "stop"])
    def test_harmless_calls_are_repeated(self, host: Host, call: str, fault: Fault) -> None:
        """Once; the page hears nothing of it."""
        session_id = host.start()
        host.sim.fault(call, fault)
        before = host.sim.count(call)

        route = "keep-alive" if call in ("create_token", "keep_alive") else call
        host.expect(None, route, session_id=session_id)

        assert host.sim.count(call) == before + 2

    @pytest.mark.parametrize("route", ["task", "interrupt", "keep-alive", "stop"])
    def test_a_refused_token_is_replaced(self, host: Host, route: str) -> None:
        """Once, by one that was minted just now."""
        session_id, call = host.start(), route.replace("-", "_")
        host.sim.fault(call, Fault.UNAUTHORIZED)
        fields = {"text": TEXT} if route == "task" else {}

        host.expect(None, route, session_id=session_id, **fields)

        first, second = (each for each in host.sim.calls if each.name == call)
        assert first.token != second.token
        assert second.token == host.sim.tokens[-1].value
        assert host.sim.texts == ((TEXT,) if route == "task" else ())

    def test_a_new_session_is_tried_with_another_token(self, host: Host) -> None:
        """A 401 says that none was made."""
        host.sim.fault("new", Fault.UNAUTHORIZED)

        host.start()

        assert len(host.sim.sessions) == 1

    def test_a_stop_that_was_done_unheard_is_a_success(self, host: Host) -> None:
        """The vendor's "closed" to the second try says what was wanted."""
        session_id = host.start()
        host.sim.fault("stop", Fault.RESET_AFTER)

        host.expect(None, "stop", session_id=session_id)

        assert host.sim.count("stop", status=400) == 1
        assert host.sim.sessions[session_id].state == "closed"


class TestHalfStartedSessions:
    def test_one_that_cannot_be_stopped_is_named_in_the_log(
        self, host: Host, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It costs money, and the page must not start another without a thought."""
        host.fault("start", Fault.RESET_AFTER)
        host.fault("stop", Fault.SERVER_ERROR)

        host.expect("outcome_unknown", "start")

        ((session_id, session),) = host.sim.sessions.items()
        assert session.state == "connected"
        (warning,) = [each for each in caplog.messages if session_id in each]
        assert "could not be stopped" in warning

    def test_the_stop_has_time_of_its_own(self, host: Host) -> None:
        """What was left of the start's may be nothing at all."""
        host.fault("start", Fault.NO_RESPONSE)
        host.sim.latency["stop"] = 0.5

        host.expect("heygen_error", "start")

        (session,) = host.sim.sessions.values()
        assert session.state == "closed"


class TestSessions:
    """What the vendor says of a session, as the page hears it."""

    ROUTES = pytest.mark.parametrize(
        ("route", "fields"), [("task", {"text": TEXT}), ("keep-alive", {}), ("interrupt", {})]
    )

    @ROUTES
    def test_one_that_never_was_is_not_found(
        self, host: Host, route: str, fields: dict[str, str]
    ) -> None:
        """404, and the page should start one."""
        host.expect("session_not_found", route, session_id="no-such-session", **fields)

    @ROUTES
    def test_one_that_has_ended_is_closed(
        self, host: Host, route: str, fields: dict[str, str]
    ) -> None:
        """410, and the page should start another."""
        session_id = host.start()
        host.sim.close_session(session_id)

        host.expect("session_closed", route, session_id=session_id, **fields)

    @pytest.mark.parametrize("session_id", ["no-such-session", None])
    def test_one_that_is_gone_counts_as_stopped(self, host: Host, session_id: str | None) -> None:
        """Whoever stops twice, or too late, has what was wanted."""
        if session_id is None:
            session_id = host.start()
            host.sim.close_session(session_id)

        host.expect(None, "stop", session_id=session_id)

    def test_one_that_nobody_has_joined_is_not_ready(self) -> None:
        """409, and the same may be sent again in a second."""
        with Simulator(joined=False) as sim:
            host = of(sim)
            session_id = host.start()

            host.expect("session_not_ready", "task", session_id=session_id, text=TEXT)
            assert sim.texts == ()
            sim.join(session_id)
            host.expect(None, "task", session_id=session_id, text=TEXT)

    def test_more_than_the_account_may_have_are_too_many(self) -> None:
        """429, until one of them has ended."""
        with Simulator(concurrent_limit=1) as sim:
            host = of(sim)
            session_id = host.start()

            host.expect("concurrent_limit", "start")
            host.expect(None, "stop", session_id=session_id)
            host.start()

    def test_a_wrong_key_is_the_servers_fault(self) -> None:
        """502 and not 401, which would speak of the page's own login."""
        with Simulator(api_key="another-key-than-the-host-s") as sim:
            of(sim).expect("heygen_auth_failed", "start")

    def test_a_vendor_that_is_not_there_has_spoken_nothing(self, host: Host) -> None:
        """502, and the same may be sent again."""
        session_id = host.start()
        host.sim.stop()

        host.expect("heygen_error", "task", session_id=session_id, text=TEXT)

        host.sim.start()
        host.expect(None, "task", session_id=session_id, text=TEXT)
        assert host.sim.texts == (TEXT,)

    def test_without_a_key_nothing_is_sent(self, host: Host) -> None:
        """503, by an app that is up."""
        host.app.config["HEYGEN_API_KEY"] = None

        host.expect("not_configured", "start")

        assert host.sim.calls == ()


class TestRetryAfter:
    @pytest.mark.parametrize("call", ["create_token", "task"])
    def test_it_is_the_vendors(self, host: Host, call: str) -> None:
        """In the header and in the body, whichever call was refused."""
        session_id = host.start()
        host.sim.fault(call, Fault.RATE_LIMITED, retry_after=42)

        answer = host.post("task", session_id=session_id, text=TEXT)

        assert answer.status_code == 429
        assert answer.headers["Retry-After"] == "42"
        assert answer.get_json()["error"]["retry_after"] == 42


class TestWords:
    """A vendor's words never make a text spoken twice."""

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    @pytest.mark.parametrize(
        "reply",
        [
            {"code": 500, "message": "Error calling text to speech provider: Unauthorized"},
            {"code": 400112, "message": "Unauthorized"},
            {"code": 500, "message": f"Cannot say: {TEXT}"},
            {"error": "access token"},
        ],
    )
    def test_a_breakdown_is_no_refusal(
        self, host: Host, status: int, reply: dict[str, object]
    ) -> None:
        """Only a refusal says that the text has not been spoken."""
        told, _ = exact(host, TEXT, status, reply)

        assert told["code"] == "outcome_unknown"
        assert told["retryable"] is False

    @pytest.mark.parametrize(
        "text", ["Too many requests?", "We are unauthorized.", "The session was closed.", "quota"]
    )
    def test_an_echoed_text_tells_nothing(self, host: Host, text: str) -> None:
        """It is the page's words, not the vendor's."""
        told, sent = exact(host, text, 400, {"code": 1, "message": f"Cannot say “{text}”."})

        assert (told["code"], sent) == ("heygen_refused", 1)


class TestTable:
    def test_each_error_was_produced_above(self) -> None:
        """All that come from the vendor, or from its absence; no more, and no less."""
        requests_alone = subclasses(errors.RequestError) | subclasses(errors.CallerError)
        requests_alone |= {errors.SessionExpired}
        known = {kind.code for kind in subclasses(errors.HeyGenError) - requests_alone}

        assert known - {errors.HeyGenError.code} == set(STATUSES)


def of(sim: Simulator) -> Host:
    """Put a host in front of a simulator."""
    app = Flask(__name__)
    app.config.update(
        HEYGEN_API_KEY="the-key-of-the-host",
        HEYGEN_BASE_URL=sim.url,
        HEYGEN_TIMEOUT=ENOUGH,
        HEYGEN_SPARE_TOKENS=0,  # so that it is known which call meets a fault
    )
    app.register_blueprint(heygen_bp)
    return Host(app, sim)


def exact(host: Host, text: str, status: int, reply: object) -> tuple[dict[str, Any], int]:
    """Have a task answered to the letter; return our error, and how often the task was sent."""
    with requests_mock.Mocker() as vendor:
        vendor.post(
            "/v1/streaming.create_token", json={"data": {"token": "a-session-token-of-the-vendor"}}
        )
        task = vendor.post("/v1/streaming.task", status_code=status, json=reply)
        answer = host.post("task", session_id="a-session", text=text)

    return answer.get_json()["error"], task.call_count


def subclasses(kind: type) -> set[Any]:
    """Return every class below one that has a code of its own."""
    below: set[Any] = set(kind.__subclasses__())
    return {each for each in below if "code" in vars(each)}.union(*map(subclasses, below))
