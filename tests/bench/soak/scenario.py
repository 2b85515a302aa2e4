"""The simulator in its own process, with random faults and short-lived tokens.

`python -m tests.bench.soak.scenario` prints its URL and, at the end of its input, its record as
JSON. Tokens expire so soon that some spare ones are refused.
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

#: Lifetime of a session token, in seconds.
TOKEN_SECONDS = 2.0
#: Seconds until each reply.
_LATENCY = {"*": 0.1, **LATENCY}
#: Latency as a share of a token's lifetime, so that a token may expire between new and start.
_SLOW = {"new": 0.4, "start": 0.2}
#: Faults and the seconds of their Retry-After; a page waits for 1 second and gives up for 4.
_FAULTS = (
    (Fault.RATE_LIMITED, 1),
    (Fault.RATE_LIMITED, 4),
    (Fault.SERVER_ERROR, 0),
    (Fault.HTML, 0),
    (Fault.RESET_AFTER, 0),
)
#: Weights of the calls that the faults are for.
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
    """The vendor's record at the end of a soak."""

    #: Text and task id of each spoken text.
    spoken: list[tuple[str, str]]
    #: The name of each session, and whether it is still open.
    sessions: list[tuple[str, bool]]
    #: Number of calls by name and status; the status is ``None`` if no response was sent.
    calls: dict[str, int]
    #: All session tokens that were created.
    tokens: list[str]
    #: Number of tokens that served two requests.
    used_twice: int


class Vendor:
    """The running simulator process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()

    def record(self) -> Record:
        """End the simulator and return its record."""
        record = json.loads(self._process.communicate(timeout=600)[0])
        for name in ("spoken", "sessions"):
            record[name] = [tuple(each) for each in record[name]]
        return Record(**record)


@contextmanager
def run_vendor(faults: float, seed: int, token_seconds: float) -> Iterator[Vendor]:
    """Run the vendor for the duration of the block, with ``faults`` per second."""
    arguments = map(str, (faults, seed, token_seconds))
    command = [sys.executable, "-m", __name__, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Vendor(process)
        finally:
            process.kill()


def used_twice(calls: Sequence[Call]) -> int:
    """Count the tokens that served two requests of pages.

    One request may make several calls with its token: new, start and stop, or interrupt and task.
    All of them are for one session, and only idempotent ones are made twice.
    """
    unrepeatable = [call for call in calls if call.name in {"new", "start", "task"}]
    uses = Counter((call.token, call.name) for call in unrepeatable if call.token)
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
    """Serve until the end of the input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("faults", type=float, help="faults per second")
    parser.add_argument("seed", type=int)
    parser.add_argument("token_seconds", type=float)
    options = parser.parse_args()
    slow = {name: share * options.token_seconds for name, share in _SLOW.items()}
    chance = random.Random(options.seed)
    with Simulator(
        api_key=KEY,
        token_seconds=options.token_seconds,
        latency={**_LATENCY, **slow},
        concurrent_limit=100_000,
        idle_seconds=3600,  # longer than any soak, so that a session nobody stops stays open
        session_seconds=36_000,
    ) as vendor:
        print(vendor.url, flush=True)
        while not select.select([sys.stdin], [], [], chance.expovariate(options.faults))[0]:
            [name] = chance.choices(list(_CALLS), list(_CALLS.values()))
            fault, retry_after = chance.choice(_FAULTS)
            vendor.fault(name, fault, retry_after=retry_after)
        print(json.dumps(asdict(_record(vendor))), flush=True)


if __name__ == "__main__":
    main()
