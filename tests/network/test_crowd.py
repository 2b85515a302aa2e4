"""Many tasks at once under faults: no text spoken twice, no wrong answer, nothing left over."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from flask_heygen import HeyGenClient
from flask_heygen.settings import Settings
from flask_heygen.simulator import Exchange, Fault, Simulator
from flask_heygen.simulator.faults import FaultFunction
from tests.constants import KEY
from tests.leak_detector import LeakDetector
from tests.requirements import unmeasured

from . import faults

CROWD = Path(__file__).parent.parent / "servers" / "crowd.py"
#: Share of failing calls, by name. A failed create_token pauses the token pool for 5 seconds.
SHARES = {"task": 0.05, "create_token": 0.01}
#: Seconds of HEYGEN_TIMEOUT.
TIMEOUT = 5
SPARE_TOKENS = 32

QUICK: tuple[FaultFunction, ...] = (
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    faults.reset_on_reuse,
    faults.reset_afterwards,
    faults.close_before,
    faults.close_after,
    faults.close_on_reuse,
    faults.close_afterwards,
    faults.announce_close,
    faults.half_head,
    Fault.TRUNCATED,
    faults.half_body_without_length,
    faults.answer_twice,
    faults.in_latin_1,
    faults.labelled("text/html"),
    faults.bomb,
    faults.redirect(307, "http://127.0.0.1:1/v1/streaming.task"),
)
SLOW: tuple[FaultFunction, ...] = (Fault.SLOW_HEADERS, Fault.SLOW_BODY, faults.huge)


class Chance:
    """A fault that chooses the calls that fail, and how."""

    def __init__(self, seed: int, sim: Simulator) -> None:
        self._random, self._sim = random.Random(seed), sim
        #: The faults so far, each with the name of its call.
        self.dealt: list[tuple[str, FaultFunction]] = []

    async def __call__(self, exchange: Exchange) -> web.Response | None:
        if self._random.random() >= SHARES.get(exchange.name, 0):
            return await exchange.execute()
        kinds = SLOW if self._random.random() < 0.05 else (*QUICK, self._refuse)
        fault = self._random.choice(kinds)
        self.dealt.append((exchange.name, fault))
        return await fault(exchange)

    async def _refuse(self, exchange: Exchange) -> None:
        """Reset the connection, and refuse new ones for a moment."""
        await asyncio.to_thread(self._sim.refuse_connections, 0.03)
        exchange.reset()


class Run(NamedTuple):
    """The outcome of the texts, as each side reports it."""

    tasks: int
    sim: Simulator
    dealt: list[tuple[str, FaultFunction]]
    #: The answers, each with its text.
    answers: list[dict[str, Any]]
    #: What the host had left at the end.
    left: dict[str, int]
    #: The task of each text that was spoken.
    spoken: dict[str, str]


@pytest.fixture(scope="class", params=[500, pytest.param(10_000, marks=pytest.mark.ci)])
def run(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_detector: LeakDetector,
) -> Iterator[Run]:
    """Send so many texts, once for all tests."""
    folder = tmp_path_factory.mktemp("crowd")
    with Simulator() as sim:
        config = {
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": sim.url,
            "HEYGEN_TIMEOUT": TIMEOUT,
            "HEYGEN_SPARE_TOKENS": SPARE_TOKENS,
        }
        starting = Settings.from_mapping({**config, "HEYGEN_SPARE_TOKENS": 0})
        session_id = HeyGenClient(starting).start()["session_id"]
        chance = Chance(20261122, sim)
        sim.fault("*", chance, times=None)
        environment = {f"FLASK_{name}": str(value) for name, value in config.items()}
        environment["FLASK_TASKS"] = str(request.param)
        environment |= {"FLASK_SESSION": session_id, "FLASK_LOG": str(folder / "log")}
        ran = subprocess.run(
            [sys.executable, "-W", "error", str(CROWD)],
            env={**unmeasured(), **environment, "NO_PROXY": "*"},
            check=False,
            timeout=300,
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        *answers, left = map(json.loads, ran.stdout.splitlines())
        leak_detector.read_logs(folder)
        for each in answers:
            leak_detector.record("an answer to the crowd", str({**each, "text": None}))
        spoken = {speech.text: speech.task_id for speech in sim.spoken}
        yield Run(request.param, sim, chance.dealt, answers, left, spoken)


@pytest.mark.slow
class TestCrowd:
    """500 texts, or 10,000, from 32 threads; one task in 20 fails in some way."""

    def test_is_spoken_once_at_most(self, run: Run) -> None:
        """Each text is answered, and none is spoken twice."""
        assert len(run.sim.spoken) == len(run.spoken)
        assert len(run.answers) == run.tasks
        assert set(run.spoken) <= {each["text"] for each in run.answers}

    def test_is_answered_success_where_it_was_spoken(self, run: Run) -> None:
        """A success is answered for spoken texts only, with the id of the text's own task."""
        successes = {
            each["text"]: each["data"]["task_id"] for each in run.answers if succeeded(each)
        }

        assert len(successes) > 0.9 * run.tasks
        assert successes.items() <= run.spoken.items()

    def test_is_answered_unknown_where_the_reply_was_lost(self, run: Run) -> None:
        """An error says that the text was not spoken only where that is true."""
        codes: dict[bool, set[str]] = {True: set(), False: set()}
        for each in run.answers:
            if not succeeded(each):
                codes[each["text"] in run.spoken].add(each["error"]["code"])

        assert codes[True] == {"outcome_unknown"}
        others = {"heygen_error", "heygen_refused", "heygen_timeout"}
        assert codes[False] <= {"outcome_unknown", *others}

    def test_fails_only_for_faults(self, run: Run) -> None:
        """A fault of one task fails no other one."""
        assert 0.01 * run.tasks < sum(not succeeded(each) for each in run.answers) <= len(run.dealt)

    def test_is_answered_in_time(self, run: Run) -> None:
        """However slow the reply is, no task uses its time twice."""
        assert max(each["seconds"] for each in run.answers) < 2 * TIMEOUT

    def test_uses_each_token_once(self, run: Run) -> None:
        """No token serves two tasks; only spare ones and those lost by a fault are unused."""
        used = Counter(call.token for call in run.sim.calls if call.name == "task")
        unused = len(run.sim.tokens) - len(used)

        assert set(used.values()) == {1}
        assert unused <= SPARE_TOKENS + len(run.dealt)

    def test_leaves_nothing_over(self, run: Run) -> None:
        """No thread, and no connection once the client is closed."""
        assert (run.left["threads"], run.left["files"]) == (0, 0)
        assert run.left["connections"] <= 32 + SPARE_TOKENS


def succeeded(answer: dict[str, Any]) -> bool:
    """Return whether an answer is a success."""
    return bool(answer["http"] == 200)
