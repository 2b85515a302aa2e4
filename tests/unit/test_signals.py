"""Signals: what an app learns of its sessions."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from flask_heygen import (
    HeyGen,
    session_started,
    session_stopped,
    signals,
    task_sent,
    upstream_failed,
)
from flask_heygen.simulator import Fault, Simulator
from tests.constants import KEY

TEXT = "Tell me about a bug that you are proud of."


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    app = Flask(__name__)
    app.config.update(
        TESTING=True, SECRET_KEY="s", HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url
    )
    blueprint = HeyGen()
    blueprint.owner_loader(lambda: "ada")
    app.register_blueprint(blueprint)
    return app


class Heard(list[tuple[str, Any, dict[str, Any]]]):
    """Every signal that was sent: its name, its sender and its values."""

    def __init__(self) -> None:
        self._receivers = []
        for signal in (session_started, session_stopped, task_sent, upstream_failed):
            name = signal.name

            def receive(sender: Any, _name: str = name, **event: Any) -> None:
                self.append((_name, sender, event))

            self._receivers.append(receive)
            signal.connect(receive)


@pytest.fixture
def heard() -> Heard:
    return Heard()


class TestAnInterview:
    def test_is_heard_from_start_to_stop(
        self, app: Flask, simulator: Simulator, heard: Heard
    ) -> None:
        """Owner, the vendor's session id, characters and duration, and never the text."""
        page = app.test_client()
        session = page.post("/api/heygen/start", json={}).json
        assert session is not None
        held = session["data"]["session_id"]

        page.post("/api/heygen/task", json={"session_id": held, "text": TEXT})
        page.post("/api/heygen/stop", json={"session_id": held})

        [session_id] = simulator.sessions
        [speech] = simulator.spoken
        whose = {"owner": "ada", "session_id": session_id}
        assert heard == [
            ("session-started", app, whose),
            (
                "task-sent",
                app,
                {
                    **whose,
                    "task_id": speech.task_id,
                    "characters": len(TEXT),
                    "duration_ms": speech.duration_ms,
                },
            ),
            ("session-stopped", app, whose),
        ]

    def test_is_heard_to_fail(self, app: Flask, simulator: Simulator, heard: Heard) -> None:
        """A failure of the vendor is sent with the error and the endpoint."""
        simulator.fault("new", Fault.SUNSET)

        app.test_client().post("/api/heygen/start", json={})

        [(name, sender, event)] = heard
        assert (name, sender) == ("upstream-failed", app)
        assert event["endpoint"] == "heygen.start"
        assert event["error"].code == "api_retired"

    def test_is_not_heard_where_the_page_is_at_fault(self, app: Flask, heard: Heard) -> None:
        """A bad request is no failure of the vendor's."""
        app.test_client().post("/api/heygen/task", json={})

        assert heard == []


class TestAReceiver:
    def test_may_listen_to_one_app(self, app: Flask, heard: Heard) -> None:
        """The sender is the app itself, and not a proxy of it."""
        senders = []

        def receive(sender: Flask, **_: Any) -> None:
            senders.append(sender)

        session_started.connect(receive, sender=app)
        app.test_client().post("/api/heygen/start", json={})

        assert senders == [app]

    def test_that_is_interrupted_leaves_no_session(self, app: Flask, simulator: Simulator) -> None:
        """A time limit of the server's may end the request while a receiver runs."""

        def interrupt(_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        with session_started.connected_to(interrupt), pytest.raises(KeyboardInterrupt):
            app.test_client().post("/api/heygen/start")

        (session,) = simulator.sessions.values()
        assert session.state == "closed"

    def test_that_fails_changes_no_answer(
        self, app: Flask, simulator: Simulator, heard: Heard, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The text was spoken: an error would have the page send it again."""

        def fail(_: Any, **__: Any) -> None:
            raise RuntimeError("the host's database is down")

        task_sent.connect(fail)
        page = app.test_client()
        session = page.post("/api/heygen/start", json={}).json
        assert session is not None

        with caplog.at_level(logging.ERROR):
            spoken = page.post(
                "/api/heygen/task",
                json={"session_id": session["data"]["session_id"], "text": TEXT},
            )

        assert spoken.status_code == 200
        assert "task-sent" in [name for name, _, _ in heard]
        [record] = caplog.records
        assert record.name == signals.logger.name
        assert record.exc_info is not None
        assert TEXT not in caplog.text
