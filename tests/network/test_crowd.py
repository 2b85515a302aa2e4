"""Many tasks at once on a bad day: no text twice, no answer false, and nothing left over."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flask_heygen import HeyGenClient
from flask_heygen.settings import Settings
from flask_heygen.simulator import Simulator
from tests.constants import KEY
from tests.leak_detector import LeakDetector
from tests.requirements import unmeasured

from . import faults
from .call import Call, Damage, none
from .proxy import Proxy

CROWD = Path(__file__).parent.parent / "servers" / "crowd.py"
#: How often a call of a name breaks. A mint that fails rests the minting ahead for 5 seconds.
SHARES = {"task": 0.05, "create_token": 0.01}
#: Seconds of HEYGEN_TIMEOUT, and a slow machine's share beside them.
TIMEOUT, GRACE = 5, 3
SPARE_TOKENS = 32

QUICK: tuple[Damage, ...] = (
    faults.reset_before,
    faults.reset_after,
    faults.reset_on_reuse,
    faults.reset_afterwards,
    faults.close_before,
    faults.close_after,
    faults.close_on_reuse,
    faults.close_afterwards,
    faults.announce_close,
    faults.half_head,
    faults.half_body,
    faults.half_body_without_length,
    faults.answer_twice,
    faults.in_latin_1,
    faults.labelled("text/html"),
    faults.bomb,
    faults.redirect(307, "http://127.0.0.1:1/v1/streaming.task"),
)
SLOW: tuple[Damage, ...] = (faults.drip_head, faults.drip_body, faults.huge)
#: Those that the vendor acts on, and whose reply is none, or may be reset before it is read.
LOST = {
    faults.reset_after,
    faults.reset_afterwards,
    faults.close_after,
    faults.half_head,
    faults.half_body,
    faults.half_body_without_length,
    faults.in_latin_1,
    faults.bomb,
    *SLOW,
}


class Chance:
    """Which calls break, and how."""

    def __init__(self, seed: int, proxy: Proxy) -> None:
        self._random, self._lock = random.Random(seed), threading.Lock()
        self._proxy = proxy
        #: The faults there were, each with the name of its call.
        self.dealt: list[tuple[str, Damage]] = []

    def __call__(self, name: str) -> Damage:
        with self._lock:
            if self._random.random() >= SHARES.get(name, 0):
                return none
            kinds = SLOW if self._random.random() < 0.05 else (*QUICK, self._refuse)
            fault = self._random.choice(kinds)
            self.dealt.append((name, fault))
            return fault

    def _refuse(self, call: Call) -> None:
        """Reset a connection, and for a moment refuse others."""
        self._proxy.refuse()
        faults.reset_before(call)
        call.ended.wait(0.03)
        self._proxy.listen()


class Day(NamedTuple):
    """What came of the texts, as everybody tells it."""

    sim: Simulator
    proxy: Proxy
    dealt: list[tuple[str, Damage]]
    #: The answers, each with its text.
    told: list[dict[str, Any]]
    #: What the host had left in the end.
    left: dict[str, int]
    #: The task of each text that was spoken.
    spoken: dict[str, str]


@pytest.fixture(scope="class", params=[20261122], ids="seed {}".format)
def day(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_detector: LeakDetector,
) -> Iterator[Day]:
    """Let the crowd speak, once for all the tests of a seed."""
    folder = tmp_path_factory.mktemp("crowd")
    with Simulator() as sim, Proxy(sim.url) as proxy:
        config = {
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": proxy.url,
            "HEYGEN_TIMEOUT": TIMEOUT,
            "HEYGEN_SPARE_TOKENS": SPARE_TOKENS,
        }
        session_id = HeyGenClient(Settings.from_mapping(config)).start()["session_id"]
        proxy.damage_of = chance = Chance(request.param, proxy)
        environment = {f"FLASK_{name}": str(value) for name, value in config.items()}
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
        *told, left = map(json.loads, ran.stdout.splitlines())
        leak_detector.read_logs(folder)
        for each in told:
            leak_detector.record("an answer to the crowd", str({**each, "text": None}))
        spoken = {speech.text: speech.task_id for speech in sim.spoken}
        yield Day(sim, proxy, chance.dealt, told, left, spoken)


@pytest.mark.slow
class TestCrowd:
    """10,000 texts from 32 threads, of whose tasks one in 20 breaks in some way."""

    def test_is_spoken_once_at_most(self, day: Day) -> None:
        """And each of its texts is answered."""
        assert len(day.sim.spoken) == len(day.spoken)
        assert len(day.told) == 10_000
        assert set(day.spoken) <= {each["text"] for each in day.told}

    def test_hears_of_success_where_it_was_spoken(self, day: Day) -> None:
        """With its own task, not another's."""
        successes = {each["text"]: each["data"]["task_id"] for each in day.told if well(each)}

        assert len(successes) > 9_000
        assert successes.items() <= day.spoken.items()

    def test_hears_of_doubt_where_it_was_spoken_unheard(self, day: Day) -> None:
        """And of a failure only where it was not."""
        codes: dict[bool, set[str]] = {True: set(), False: set()}
        for each in day.told:
            if not well(each):
                codes[each["text"] in day.spoken].add(each["error"]["code"])

        assert codes[True] == {"outcome_unknown"}
        others = {"heygen_error", "heygen_refused", "heygen_timeout"}
        assert codes[False] <= {"outcome_unknown", *others}

    def test_fails_where_something_broke(self, day: Day) -> None:
        """What breaks for one breaks for no other."""
        assert 200 < sum(not well(each) for each in day.told) <= len(day.dealt)

    def test_is_answered_in_time(self, day: Day) -> None:
        """However slow the reply is that it waits for."""
        assert max(each["seconds"] for each in day.told) < TIMEOUT + GRACE

    def test_uses_each_token_once(self, day: Day) -> None:
        """And keeps no more of them than it may, beside those that were lost on their way."""
        used = Counter(token for name, token in day.proxy.calls if name == "task")
        unused = len(day.sim.tokens) - len(used)

        assert set(used.values()) == {1}
        lost = sum(name == "create_token" and fault in LOST for name, fault in day.dealt)
        unread = len(day.told) - len(used)  # tasks that broke before anybody saw their token
        assert unused <= SPARE_TOKENS + lost + unread

    def test_leaves_nothing_over(self, day: Day) -> None:
        """No thread, and no connection once the client is gone; before, no more than at once."""
        assert (day.left["threads"], day.left["files"]) == (0, 0)
        assert day.left["connections"] <= 32 + SPARE_TOKENS


def well(told: dict[str, Any]) -> bool:
    """Tell whether an answer is a success."""
    return bool(told["http"] == 200)
