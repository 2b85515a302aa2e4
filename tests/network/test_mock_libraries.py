"""The test libraries of a host: each answers our calls, and none of them reaches the vendor."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests_mock
import responses
import vcr
from flask import Flask
from flask.testing import FlaskClient

from flask_heygen import HeyGen
from flask_heygen.simulator import Simulator
from tests.constants import KEY

from .certificates import HOST, Certificate
from .host import port_of

Calls = Callable[[], list[str]]

DATA: dict[str, Any] = {
    "create_token": {"token": "a-token-that-only-this-test-knows"},
    "task": {"task_id": "a-task", "duration_ms": 1},
    "list": {"sessions": [{"session_id": "a-session", "status": "connected", "created_at": 0}]},
}


def body(name: str) -> dict[str, Any]:
    """Return what a mock answers to a call."""
    return {"code": 100, "message": "success", "data": DATA[name]}


@pytest.fixture(params=["http", "https"])
def sim(
    request: pytest.FixtureRequest, certificate: Certificate, trusted: None, ports: dict[str, int]
) -> Iterator[Simulator]:
    context = certificate.context if request.param == "https" else None
    with Simulator(ssl_context=context) as sim:
        ports[HOST] = port_of(sim.url)
        yield sim


@pytest.fixture
def url(sim: Simulator) -> str:
    return f"{sim.url.partition(':')[0]}://{HOST}"


@pytest.fixture
def app(url: str) -> Flask:
    app = Flask(__name__)
    app.config.update(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=url, HEYGEN_SPARE_TOKENS=0)
    app.register_blueprint(HeyGen())
    return app


@pytest.fixture
def calls(sim: Simulator, session_id: str) -> Callable[[], list[str]]:
    """Return a function for the calls that the vendor got since the start."""
    return lambda: [call.name for call in sim.calls[3:]]


@pytest.fixture
def session_id(page: FlaskClient) -> str:
    """Start a session over a connection that stays open."""
    return str(start(page)["data"]["session_id"])


@pytest.fixture
def page(app: Flask) -> FlaskClient:
    return app.test_client()


def start(page: FlaskClient) -> Any:
    return page.post("/api/heygen/start", json={}).get_json()


def speak(page: FlaskClient, session_id: str, text: str = "Hello.") -> Any:
    return page.post("/api/heygen/task", json={"session_id": session_id, "text": text}).get_json()


def sessions(app: Flask) -> str:
    """Return what the command line lists."""
    return app.test_cli_runner().invoke(args=["heygen", "sessions"]).output


class TestResponses:
    def test_answers_a_task(
        self, page: FlaskClient, session_id: str, url: str, calls: Calls
    ) -> None:
        """The text reaches nobody else."""
        with responses.RequestsMock() as mock:
            for name in ("create_token", "task"):
                mock.post(f"{url}/v1/streaming.{name}", json=body(name))
            answer = speak(page, session_id, "A text.")
            sent = json.loads(mock.calls[1].request.body or "")

        assert answer["data"]["task_id"] == "a-task"
        assert sent["text"] == "A text."
        assert calls() == []

    def test_answers_the_command_line(self, app: Flask, url: str, calls: Calls) -> None:
        """So it does everything that calls the vendor."""
        with responses.RequestsMock() as mock:
            mock.get(f"{url}/v1/streaming.list", json=body("list"))
            assert "a-session" in sessions(app)

        assert calls() == []

    def test_refuses_what_it_does_not_know(self, page: FlaskClient, calls: Calls) -> None:
        """Its ConnectionError is that of a vendor who cannot be reached."""
        with responses.RequestsMock():
            assert start(page)["error"]["code"] == "heygen_error"

        assert calls() == []


class TestRequestsMock:
    def test_answers_the_command_line(self, app: Flask, url: str, calls: Calls) -> None:
        """The routes are answered in half of the other tests."""
        with requests_mock.Mocker() as mock:
            mock.get(f"{url}/v1/streaming.list", json=body("list"))
            assert "a-session" in sessions(app)

        assert calls() == []


class TestVcr:
    def test_replays_a_start(
        self, page: FlaskClient, sim: Simulator, calls: Calls, tmp_path: Path
    ) -> None:
        """No connection is opened, and none that was open before is used."""
        cassette = str(tmp_path / "start.yaml")
        with vcr.use_cassette(cassette):
            recorded = start(page)
        assert calls() == ["create_token", "new", "start"]
        sim.stop()

        with vcr.use_cassette(cassette, record_mode="none") as replayed:
            assert start(page) == recorded

        assert replayed.all_played

    def test_replays_the_command_line(
        self, app: Flask, sim: Simulator, calls: Calls, tmp_path: Path
    ) -> None:
        """So it does everything that calls the vendor."""
        cassette = str(tmp_path / "sessions.yaml")
        (session,) = sim.sessions
        with vcr.use_cassette(cassette):
            assert session in sessions(app)

        with vcr.use_cassette(cassette, record_mode="none"):
            assert session in sessions(app)

        assert calls() == ["list"]

    def test_leaves_nothing_behind(self, page: FlaskClient, calls: Calls, tmp_path: Path) -> None:
        """The calls after a cassette reach the vendor again."""
        with vcr.use_cassette(str(tmp_path / "start.yaml")):
            session_id = start(page)["data"]["session_id"]

        assert speak(page, session_id)["status"] == "success"
        assert calls()[3:] == ["create_token", "task"]


class TestHttpClient:
    def test_can_be_wrapped(
        self, page: FlaskClient, session_id: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As tracers do, to see each request and its response."""
        seen: list[object] = []
        put, get = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

        def putrequest(self: http.client.HTTPConnection, method: str, url: str, **_: Any) -> None:
            seen.append(f"{method} {self.host} {url}")
            put(self, method, url, **_)

        def getresponse(self: http.client.HTTPConnection) -> http.client.HTTPResponse:
            response = get(self)
            seen.append(response.status)
            return response

        monkeypatch.setattr(http.client.HTTPConnection, "putrequest", putrequest)
        monkeypatch.setattr(http.client.HTTPConnection, "getresponse", getresponse)

        speak(page, session_id)

        calls = [f"POST {HOST} /v1/streaming.{name}" for name in ("create_token", "task")]
        assert seen == [calls[0], 200, calls[1], 200]
