"""The test libraries of a host: each answers our calls, and none of them reaches the vendor."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests_mock
import responses
import vcr
from flask import Flask
from flask.testing import FlaskClient

from flask_heygen import HeyGen
from tests.constants import KEY

from .certificates import HOST, Certificate

ROOM = {"session_id": "a-session", "url": "wss://room.test", "access_token": "a-room-s-token"}
DATA: dict[str, Any] = {
    "create_token": {"token": "a-token-that-only-this-test-knows"},
    "new": ROOM,
    "start": None,
    "stop": None,
    "task": {"task_id": "a-task", "duration_ms": 1},
    "list": {"sessions": [{"session_id": "a-session", "status": "connected", "created_at": 0}]},
}


def body(name: str) -> dict[str, Any]:
    """Return what the vendor answers to a call."""
    return {"code": 100, "message": "success", "data": DATA[name]}


class Handler(BaseHTTPRequestHandler):
    """A vendor without http.client, which these tests replace in the whole process."""

    protocol_version = "HTTP/1.1"
    server: Vendor

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        name = self.path.rpartition(".")[2]
        self.server.calls.append(name)
        content = json.dumps(body(name)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


class Vendor(ThreadingHTTPServer):
    daemon_threads = True
    url = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[str] = []


@pytest.fixture(params=["http", "https"])
def vendor(
    request: pytest.FixtureRequest, certificate: Certificate, trusted: None, ports: dict[str, int]
) -> Iterator[Vendor]:
    with Vendor() as vendor:
        if request.param == "https":
            vendor.socket = certificate.context.wrap_socket(vendor.socket, server_side=True)
        vendor.url = f"{request.param}://{HOST}"
        ports[HOST] = vendor.server_port
        thread = threading.Thread(target=vendor.serve_forever, args=(0.01,))
        thread.start()
        yield vendor
        vendor.shutdown()
        thread.join()


@pytest.fixture
def app(vendor: Vendor) -> Flask:
    """Return an app that has called the vendor, over a connection that stays open."""
    app = Flask(__name__)
    app.config.update(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=vendor.url, HEYGEN_SPARE_TOKENS=0)
    app.register_blueprint(HeyGen())
    assert start(app.test_client())["status"] == "success"
    vendor.calls.clear()
    return app


@pytest.fixture
def page(app: Flask) -> FlaskClient:
    return app.test_client()


def start(page: FlaskClient) -> Any:
    return page.post("/api/heygen/start", json={}).get_json()


def speak(page: FlaskClient, text: str = "Hello.") -> Any:
    return page.post("/api/heygen/task", json={"session_id": "a-session", "text": text}).get_json()


def sessions(app: Flask) -> str:
    """Return what the command line lists."""
    return app.test_cli_runner().invoke(args=["heygen", "sessions"]).output


class TestResponses:
    def test_answers_a_task(self, page: FlaskClient, vendor: Vendor) -> None:
        """The text reaches nobody else."""
        with responses.RequestsMock() as mock:
            for name in ("create_token", "task"):
                mock.post(f"{vendor.url}/v1/streaming.{name}", json=body(name))
            answer = speak(page, "A text.")
            sent = json.loads(mock.calls[1].request.body or "")

        assert answer["data"]["task_id"] == "a-task"
        assert sent["text"] == "A text."
        assert vendor.calls == []

    def test_answers_the_command_line(self, app: Flask, vendor: Vendor) -> None:
        """So it does everything that calls the vendor."""
        with responses.RequestsMock() as mock:
            mock.get(f"{vendor.url}/v1/streaming.list", json=body("list"))
            assert "a-session" in sessions(app)

        assert vendor.calls == []

    def test_refuses_what_it_does_not_know(self, page: FlaskClient, vendor: Vendor) -> None:
        """Its ConnectionError is that of a vendor who cannot be reached."""
        with responses.RequestsMock():
            assert start(page)["error"]["code"] == "heygen_error"

        assert vendor.calls == []


class TestRequestsMock:
    def test_answers_the_command_line(self, app: Flask, vendor: Vendor) -> None:
        """The routes are answered in half of the other tests."""
        with requests_mock.Mocker() as mock:
            mock.get(f"{vendor.url}/v1/streaming.list", json=body("list"))
            assert "a-session" in sessions(app)

        assert vendor.calls == []


class TestVcr:
    def test_replays_a_start(self, page: FlaskClient, vendor: Vendor, tmp_path: Path) -> None:
        """No connection is opened, and none that was open before is used."""
        cassette = str(tmp_path / "start.yaml")
        with vcr.use_cassette(cassette):
            recorded = start(page)
        assert vendor.calls == ["create_token", "new", "start"]
        vendor.server_close()

        with vcr.use_cassette(cassette, record_mode="none") as replayed:
            assert start(page) == recorded

        assert replayed.all_played
        assert len(vendor.calls) == 3

    def test_replays_the_command_line(self, app: Flask, vendor: Vendor, tmp_path: Path) -> None:
        """So it does everything that calls the vendor."""
        cassette = str(tmp_path / "sessions.yaml")
        with vcr.use_cassette(cassette):
            assert "a-session" in sessions(app)

        with vcr.use_cassette(cassette, record_mode="none"):
            assert "a-session" in sessions(app)

        assert vendor.calls == ["list"]

    def test_leaves_nothing_behind(self, page: FlaskClient, vendor: Vendor, tmp_path: Path) -> None:
        """The calls after a cassette reach the vendor again."""
        with vcr.use_cassette(str(tmp_path / "start.yaml")):
            start(page)
        vendor.calls.clear()

        assert speak(page)["status"] == "success"
        assert vendor.calls == ["create_token", "task"]


class TestHttpClient:
    def test_can_be_wrapped(
        self, page: FlaskClient, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
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

        speak(page)

        calls = [f"POST {HOST} /v1/streaming.{name}" for name in ("create_token", "task")]
        assert seen == [calls[0], 200, calls[1], 200]
