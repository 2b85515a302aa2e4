"""Many LiveAvatar sessions at once under faults: no double start, no unreported open session."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask

from flask_heygen import heygen_bp
from flask_heygen.simulator import Fault, Simulator
from tests.constants import KEY
from tests.leak_detector import LeakDetector
from tests.servers.machines import wait_until

#: Of each session, every one with a keep-alive and an interrupt.
TASKS = 4
SHARE = 0.05
#: Without NO_DATA, as no data is what a stop is answered.
FAULTS = (
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.TRUNCATED,
    Fault.SERVER_ERROR,
    Fault.HTML,
    Fault.INVALID_JSON,
    Fault.UNAUTHORIZED,
    Fault.RATE_LIMITED,
)
#: By route, the calls that it makes.
CALLS = {
    "start": ("sessions.token", "sessions.start"),
    "keep-alive": ("sessions.keep_alive",),
    "stop": ("sessions.stop",),
}


@dataclass
class Visit:
    """A session as its page saw it: the error of each route, None for a success."""

    session_id: str | None = None
    errors: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    #: The texts that were accepted, and published.
    texts: list[str] = field(default_factory=list)


class Crowd:
    """Pages that start a session, speak and stop it, while one call of the vendor in 20 fails."""

    def __init__(self, sim: Simulator, leak_detector: LeakDetector) -> None:
        self.sim, self._leaks = sim, leak_detector
        self._random, self._lock = random.Random(20261126), threading.Lock()
        self.faults = 0
        self._app = Flask("crowd")
        self._app.config.update(
            HEYGEN_API="liveavatar",
            HEYGEN_API_KEY=KEY,
            HEYGEN_BASE_URL=sim.url,
            HEYGEN_SESSION_DEFAULTS={"is_sandbox": True},
            HEYGEN_TIMEOUT=5,
        )
        self._app.debug = True
        self._app.register_blueprint(heygen_bp)

    def visit(self, number: int) -> Visit:
        """Run one page: start, tasks, stop."""
        visit = Visit()
        started = self._post(visit, "start", {})
        if started is None:
            return visit
        visit.session_id = started["session_id"]
        session = {"session_id": visit.session_id}
        for count in range(TASKS):
            text = f"What did you learn from project {number}, question {count}?"
            task = self._post(visit, "task", {**session, "text": text})
            assert task is not None  # nobody is called
            self.sim.publish(started["session_id"], task["deliver"]["payload"])
            visit.texts.append(text)
            self._post(visit, "keep-alive", session)
            self._post(visit, "interrupt", session)
        self._post(visit, "stop", session)
        return visit

    def _post(self, visit: Visit, route: str, body: dict[str, Any]) -> dict[str, Any] | None:
        for call in CALLS.get(route, ()):
            with self._lock:
                fault = self._random.choice(FAULTS) if self._random.random() < SHARE else None
                self.faults += fault is not None
            if fault is not None:
                self.sim.fault(call, fault)
        answer = self._app.test_client().post(f"/api/heygen/{route}", json=body).get_json()
        visit.errors[route] = error = answer.get("error")
        self._leaks.record("an answer to the crowd", str(error))
        return None if error else dict(answer["data"])


@dataclass(frozen=True)
class Run:
    """The outcome of the sessions."""

    sim: Simulator
    visits: list[Visit]
    faults: int
    log: str

    @property
    def left_open(self) -> set[str]:
        """The sessions that nobody has ended."""
        return {each for each, session in self.sim.sessions.items() if session.state != "closed"}


@pytest.fixture(scope="class", params=[500, pytest.param(10_000, marks=pytest.mark.ci)])
def run(request: pytest.FixtureRequest, leak_detector: LeakDetector) -> Iterator[Run]:
    """Send so many tasks, once for all tests."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("flask_heygen")
    logger.addHandler(handler)
    with Simulator(concurrent_limit=10_000) as sim, ThreadPoolExecutor(32) as pool:
        crowd = Crowd(sim, leak_detector)
        visits = list(pool.map(crowd.visit, range(request.param // TASKS)))
        logger.removeHandler(handler)
        wait_until(lambda: all(each.name != "heygen-tokens" for each in threading.enumerate()))
        yield Run(sim, visits, crowd.faults, "\n".join(messages))


class TestCrowd:
    """500 tasks in 125 sessions, or 10,000 in 2,500, from 32 threads."""

    def test_starts_no_session_twice(self, run: Run) -> None:
        """A start is sent once for its token, and each page has one session at most."""
        starts = Counter(call.token for call in run.sim.calls if call.name == "sessions.start")
        ids = [visit.session_id for visit in run.visits if visit.session_id]

        assert set(starts.values()) == {1}
        assert len(run.sim.sessions) <= len(run.visits)
        assert len(set(ids)) == len(ids)
        assert set(ids) <= set(run.sim.sessions)

    def test_loses_no_session_silently(self, run: Run) -> None:
        """A session stays open only if its stop failed or the log names it."""
        unstopped = {visit.session_id for visit in run.visits if visit.errors.get("stop")}

        assert all(each in run.log for each in run.left_open - unstopped)

    def test_ends_each_session_whose_stop_was_answered_success(self, run: Run) -> None:
        stopped = {visit.session_id for visit in run.visits if visit.errors.get("stop", 0) is None}

        assert len(stopped) > 0.8 * len(run.visits)
        assert not stopped & run.left_open

    def test_speaks_each_text_once(self, run: Run) -> None:
        assert Counter(run.sim.texts) == Counter(text for each in run.visits for text in each.texts)

    def test_fails_only_for_faults(self, run: Run) -> None:
        errors = [error for each in run.visits for error in each.errors.values() if error]

        assert 0 < len(errors) <= run.faults
        assert not [each for each in errors if each["code"] == "internal_error"]
