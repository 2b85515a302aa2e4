"""The vendor on a bad day: the simulator in a process of its own, with faults in between.

`python -m tests.bench.soak.scenario` prints its URL, and, once its input has ended, its record as
JSON.  Its tokens are good for so short a time that spare ones are refused now and then.
"""

from __future__ import annotations

import argparse
import json
import random
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from flask_heygen.simulator import Call, Fault, Simulator
from tests.bench.harness import LATENCY
from tests.bench.targets import KEY, ROOT

#: Seconds that a session token is good for.
TOKEN_SECONDS = 2.0
#: Seconds.
_LATENCY = {"*": 0.1, **LATENCY}
#: In lives of a token: a session is made slowly, so that its token may expire before it is started.
_SLOW = {"new": 0.4, "start": 0.2}
#: Each with the seconds of its Retry-After: a page waits for the one and gives up for the other.
_FAULTS = (
    (Fault.RATE_LIMITED, 1),
    (Fault.RATE_LIMITED, 4),
    (Fault.SERVER_ERROR, 0),
    (Fault.HTML, 0),
    (Fault.RESET_AFTER, 0),
)
#: How often a fault is for a call of this name.
_CALLS = {
    "task": 8,
    "create_token": 4,
    "new": 1,
    "start": 1,
    "stop": 1,
    "interrupt": 1,
    "keep_alive": 1,
}


@dataclass(frozen=True)
class Record:
    """What the vendor knows in the end."""

    #: Text and task of all that was spoken.
    spoken: list[tuple[str, str]]
    #: The name of each session, and whether it is still open.
    sessions: list[tuple[str, bool]]
    #: Calls by name and status, ``None`` where none was sent.
    calls: dict[str, int]
    #: All that were minted.
    tokens: list[str]
    #: Tokens that served two requests.
    used_twice: int


class Vendor:
    """The running simulator."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()

    def record(self) -> Record:
        """End it, and return what it knows."""
        told = json.loads(self._process.communicate(timeout=60)[0])
        for name in ("spoken", "sessions"):
            told[name] = [tuple(each) for each in told[name]]
        return Record(**told)


@contextmanager
def run_vendor(faults: float, seed: int, token_seconds: float) -> Iterator[Vendor]:
    """Run the vendor until the end of a block, with so many faults a second."""
    told = map(str, (faults, seed, token_seconds))
    command = [sys.executable, "-m", __name__, *told]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Vendor(process)
        finally:
            process.kill()


def used_twice(calls: Sequence[Call]) -> int:
    """Count the tokens that served two requests of pages.

    One request may make several calls with its token: new, start and stop, or interrupt and task.
    But all are for one session, and none is made twice but those that do no harm.
    """
    harmful = [call for call in calls if call.name in {"new", "start", "task"}]
    uses = Counter((call.token, call.name) for call in harmful if call.token)
    twice = {token for (token, _), times in uses.items() if times > 1}
    named = {
        (call.token, call.body["session_id"])
        for call in calls
        if isinstance(call.body, dict) and "session_id" in call.body
    }
    sessions = Counter(token for token, _ in named)
    return len(twice | {token for token, times in sessions.items() if times > 1})


def _record(vendor: Simulator) -> Record:
    calls = vendor.calls
    return Record(
        spoken=[(speech.text, speech.task_id) for speech in vendor.spoken],
        sessions=[
            (str(each.options.get("avatar_name")), each.state != "closed")
            for each in vendor.sessions.values()
        ],
        calls=dict(Counter(f"{call.name} {call.status}" for call in calls)),
        tokens=[token.value for token in vendor.tokens],
        used_twice=used_twice(calls),
    )


def main() -> None:
    """Serve until the input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("faults", type=float, help="a second")
    parser.add_argument("seed", type=int)
    parser.add_argument("token_seconds", type=float)
    told = parser.parse_args()
    slow = {name: share * told.token_seconds for name, share in _SLOW.items()}
    chance = random.Random(told.seed)
    with Simulator(
        api_key=KEY,
        token_seconds=told.token_seconds,
        latency={**_LATENCY, **slow},
        concurrent_limit=100_000,
        idle_seconds=3600,  # longer than any soak, so that what nobody stops is seen
        session_seconds=36_000,
    ) as vendor:
        print(vendor.url, flush=True)
        while not select.select([sys.stdin], [], [], chance.expovariate(told.faults))[0]:
            [name] = chance.choices(list(_CALLS), list(_CALLS.values()))
            fault, retry_after = chance.choice(_FAULTS)
            vendor.fault(name, fault, retry_after=retry_after)
        print(json.dumps(asdict(_record(vendor))), flush=True)


if __name__ == "__main__":
    main()
