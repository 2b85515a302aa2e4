"""The contract of every vendor API: the same verbs, answers and errors, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from flask_heygen import HeyGen, task_sent
from flask_heygen.simulator import Fault, Simulator

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
#: The simulator's names of the calls that make, start, stop and keep a session.
CALLS = {
    "streaming": {
        "make": "create_token",
        "start": "start",
        "stop": "stop",
        "keep-alive": "keep_alive",
    },
    "liveavatar": {
        "make": "sessions.token",
        "start": "sessions.start",
        "stop": "sessions.stop",
        "keep-alive": "sessions.keep_alive",
    },
}


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator(concurrent_limit=2) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture(params=CALLS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(api: str, simulator: Simulator) -> FlaskClient:
    app = Flask(__name__)
    app.config.update(
        TESTING=True,
        SECRET_KEY="a secret",
        HEYGEN_API=api,
        HEYGEN_API_KEY="a-key-of-the-account",
        HEYGEN_BASE_URL=simulator.url,
        HEYGEN_SESSION_DEFAULTS={"avatar_id": AVATAR},
        HEYGEN_TIMEOUT=3,
    )
    blueprint = HeyGen()
    blueprint.owner_loader(lambda: "ada")
    app.register_blueprint(blueprint)
    return app.test_client()


def post(page: FlaskClient, route: str, **body: Any) -> TestResponse:
    return page.post(f"/api/heygen/{route}", json=body)


def data(response: TestResponse) -> dict[str, Any]:
    assert response.json is not None
    assert response.status_code == 200, response.json
    return dict(response.json["data"])


def code(response: TestResponse) -> Any:
    assert response.json is not None
    return response.json.get("error", {}).get("code")


def started(page: FlaskClient) -> str:
    return str(data(post(page, "start"))["session_id"])


def delivered(simulator: Simulator, answer: dict[str, Any]) -> dict[str, Any]:
    """Do as the page's module does: publish what only a page can."""
    if deliver := answer.get("deliver"):
        [session_id] = [i for i, each in simulator.sessions.items() if each.state != "closed"]
        for message in (deliver.get("interrupt"), deliver["payload"]):
            if message:
                simulator.publish(session_id, message)
    return answer


class TestASession:
    def test_starts_with_the_way_into_its_room(self, page: FlaskClient) -> None:
        """The same fields from both vendors."""
        session = data(post(page, "start"))

        assert session.keys() == {
            "session_id",
            "transport",
            "url",
            "access_token",
            "session_seconds",
            "idle_seconds",
            "listening",
        }
        assert session["transport"] == "livekit"
        assert session["url"].startswith("ws")
        assert session["idle_seconds"] > 0

    def test_speaks(self, page: FlaskClient, simulator: Simulator) -> None:
        """Each text once and in order, whether HTTP or the page delivers it."""
        session_id = started(page)

        for text in ("One.", "Two."):
            delivered(simulator, data(post(page, "task", session_id=session_id, text=text)))

        assert simulator.texts == ("One.", "Two.")

    def test_is_cut_short(self, page: FlaskClient, simulator: Simulator) -> None:
        """By interrupt, and by a task that interrupts."""
        session_id = started(page)
        long = "A long story. " * 50
        delivered(simulator, data(post(page, "task", session_id=session_id, text=long)))
        delivered(simulator, data(post(page, "interrupt", session_id=session_id)))
        delivered(simulator, data(post(page, "task", session_id=session_id, text=long)))

        task = post(page, "task", session_id=session_id, text="Now this.", interrupt=True)
        delivered(simulator, data(task))

        assert [each.interrupted for each in simulator.spoken] == [True, True, False]

    def test_is_kept_alive(self, api: str, page: FlaskClient, simulator: Simulator) -> None:
        """The vendor hears of it."""
        data(post(page, "keep-alive", session_id=started(page)))

        assert simulator.count(CALLS[api]["keep-alive"], status=200) == 1

    def test_is_stopped_once_or_twice(self, page: FlaskClient, simulator: Simulator) -> None:
        """A session that has ended already is a success."""
        session_id = started(page)

        for _ in range(2):
            data(post(page, "stop", session_id=session_id))

        assert [each.state for each in simulator.sessions.values()] == ["closed"]

    def test_is_listed_while_it_lives(self, page: FlaskClient, simulator: Simulator) -> None:
        """An operator sees it, and its age."""
        started(page)
        simulator.advance(60)

        result = page.application.test_cli_runner().invoke(args=["heygen", "sessions"])

        [session_id] = simulator.sessions
        assert session_id in result.output
        assert "1m0" in result.output

    def test_tells_its_signals(self, page: FlaskClient, simulator: Simulator) -> None:
        """The signal of a task holds its number of characters, never its text."""
        events = []

        def receive(_: Any, **event: Any) -> None:
            events.append(event)

        with task_sent.connected_to(receive):
            data(post(page, "task", session_id=started(page), text="Hello."))

        [event] = events
        assert event.keys() == {"owner", "session_id", "task_id", "characters", "duration_ms"}
        assert (event["owner"], event["characters"]) == ("ada", 6)


class TestFailures:
    @pytest.mark.parametrize(
        ("call", "fault", "status", "expected"),
        [
            ("make", Fault.UNAUTHORIZED, 502, "heygen_auth_failed"),
            ("make", Fault.SUNSET, 502, "api_retired"),
            ("make", Fault.RATE_LIMITED, 429, "rate_limited"),
            ("make", Fault.SERVER_ERROR, 502, "heygen_error"),
            ("make", Fault.HTML, 502, "heygen_error"),
            ("make", Fault.INVALID_JSON, 502, "heygen_error"),
            ("make", Fault.NO_DATA, 502, "heygen_error"),
            ("make", Fault.RESET_BEFORE, 502, "heygen_error"),
            ("make", Fault.ECHO, 502, "heygen_refused"),
            ("make", Fault.REDIRECT, 502, "heygen_refused"),
            ("start", Fault.SERVER_ERROR, 502, "heygen_error"),
            ("start", Fault.RESET_AFTER, 502, "heygen_error"),
            ("start", Fault.TRUNCATED, 502, "heygen_error"),
            ("start", Fault.SUNSET, 502, "api_retired"),
        ],
    )
    def test_of_a_start_leave_nothing_running(
        self,
        api: str,
        page: FlaskClient,
        simulator: Simulator,
        *,
        call: str,
        fault: Fault,
        status: int,
        expected: str,
    ) -> None:
        """The same code from both, no session left open, and the next start is fine."""
        simulator.fault(CALLS[api][call], fault, times=2 if call == "make" else 1)

        refused = post(page, "start")

        assert (refused.status_code, code(refused)) == (status, expected)
        states = {each.state for each in simulator.sessions.values()}
        assert states <= {"closed"} or (api, states) == ("liveavatar", {"new"})
        simulator.clear()
        started(page)

    def test_of_a_full_house(self, page: FlaskClient) -> None:
        """Too many at once is a 429 with the time to wait."""
        for _ in range(2):
            started(page)

        refused = post(page, "start")

        assert (refused.status_code, code(refused)) == (429, "concurrent_limit")
        assert refused.headers["Retry-After"]

    def test_of_a_session_that_has_ended(self, page: FlaskClient, simulator: Simulator) -> None:
        """The answer asks the page to start another."""
        session_id = started(page)
        simulator.close_session(next(iter(simulator.sessions)))

        refused = post(page, "keep-alive", session_id=session_id)

        assert code(refused) in {"session_closed", "session_not_found"}
        assert refused.json is not None
        assert refused.json["error"]["restart_session"] is True

    def test_of_a_limit_of_ours(self, page: FlaskClient, simulator: Simulator) -> None:
        """A text that is too long is refused for both APIs."""
        refused = post(page, "task", session_id=started(page), text="x" * 2001)

        assert (refused.status_code, code(refused)) == (413, "text_too_long")
        assert simulator.texts == ()


class TestAnswers:
    def test_need_something_that_answers(self, api: str, page: FlaskClient) -> None:
        """With LiveAvatar a text that nothing can answer is refused, and it is said why."""
        task = post(page, "task", session_id=started(page), text="Why?", task_type="chat")

        if api == "liveavatar":
            assert (task.status_code, code(task)) == (422, "invalid_field")
            assert "context_id or voice_agent" in task.text
        else:
            assert task.status_code == 200

    def test_may_be_arranged_by_the_session_loader(self, page: FlaskClient) -> None:
        """The server knows, and the settings do not."""
        app = Flask(__name__)
        app.config.from_mapping(page.application.config)
        blueprint = HeyGen()
        blueprint.owner_loader(lambda: "ada")
        blueprint.session_loader(dict)
        app.register_blueprint(blueprint)
        client = app.test_client()

        task = post(client, "task", session_id=started(client), text="Why?", task_type="chat")

        assert task.status_code == 200


class TestCheck:
    def test_lists_the_sessions_once(
        self, page: FlaskClient, simulator: Simulator, api: str
    ) -> None:
        """One call says both whether the key is good and which sessions live."""
        result = page.application.test_cli_runner().invoke(args=["heygen", "check"])

        assert result.exit_code == 0
        assert simulator.count({"streaming": "list", "liveavatar": "sessions.list"}[api]) == 1

    def test_names_the_api_that_is_alive(self, page: FlaskClient, simulator: Simulator) -> None:
        """Where v1 is retired, an operator with a key of LiveAvatar's reads what to set."""
        page.application.config["HEYGEN_API"] = "streaming"
        simulator.fault("create_token", Fault.SUNSET, times=None)

        result = page.application.test_cli_runner().invoke(args=["heygen", "check"])

        assert result.exit_code == 1
        assert "[api_retired]" in result.output
        assert "This key works with HEYGEN_API = 'liveavatar': set that." in result.output
