"""gunicorn's workers: reloads, kills, and samples of their memory, threads and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import random
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression

from tests.bench.servers import BACKLOG, Server
from tests.bench.targets import KEY, ROOT

#: Idle seconds of a connection, longer than a page pauses, so that pages reuse theirs.
KEEP_ALIVE = "15"
#: The worker classes, with the options of the README.
KINDS = {
    "gevent": ("--worker-class", "gevent"),
    "gthread": ("--worker-class", "gthread", "--threads", "128"),
}
#: Shortest time in seconds over which a growth is reported, as caches fill up at first.
SPAN = 600.0


@dataclass(frozen=True)
class Sample:
    """A worker at one moment."""

    at: float
    #: In MB.
    memory: float
    threads: int
    sockets: int


@dataclass(frozen=True)
class Life:
    """The life of one worker; ``begin`` is its first sample after the warm-up."""

    seconds: float
    begin: Sample
    end: Sample
    #: Maximum of all samples.
    threads: int
    sockets: int
    #: In MB per hour; None if the worker did not live long enough.
    growth: float | None

    @classmethod
    def of(cls, samples: Sequence[Sample], warm_up: float) -> Life:
        """Summarize the samples of a worker, without its first ``warm_up`` seconds."""
        born = samples[0].at
        warm = [each for each in samples if each.at >= born + warm_up] or [samples[-1]]
        growth = None
        if warm[-1].at - warm[0].at >= SPAN:
            moments = [each.at / 3600 for each in warm]
            growth = linear_regression(moments, [each.memory for each in warm]).slope
        return cls(
            samples[-1].at - born,
            warm[0],
            warm[-1],
            max(each.threads for each in samples),
            max(each.sockets for each in samples),
            growth,
        )


def server(kind: str, upstream: str, directory: Path) -> Server:
    """Start the example host under gunicorn, with two workers of this class."""
    command = (
        *(sys.executable, "-m", "gunicorn", "--chdir", str(ROOT / "tests" / "servers")),
        *("--bind", "fd://{fd}", "--backlog", str(BACKLOG), "--workers", "2"),
        *(*KINDS[kind], "--keep-alive", KEEP_ALIVE, "owned:app"),
    )
    environment = {
        "FLASK_HEYGEN_API_KEY": KEY,
        "FLASK_HEYGEN_BASE_URL": upstream,
        "FLASK_SECRET_KEY": "the secret key of the soak",
    }
    return Server(command, environment, None, directory)


class Workers:
    """The workers of one gunicorn, including those that have ended."""

    def __init__(self, server: Server, seed: int) -> None:
        self._server = server
        self._chance = random.Random(seed)
        self._samples: dict[int, list[Sample]] = {}
        self.reloads = self.kills = 0

    async def watch(self, until: float) -> None:
        """Take samples until then; the stops of all pages at the end are left out."""
        while time.monotonic() < until:
            for pid in self._pids():
                with contextlib.suppress(OSError):  # it has ended
                    self._samples.setdefault(pid, []).append(_sample(pid))
            await asyncio.sleep(1)

    async def disturb(self, moments: Sequence[float]) -> None:
        """At each moment, reload all workers or kill one of them, alternately."""
        for moment, kill in zip(moments, itertools.cycle((False, True))):
            await asyncio.sleep(max(0, moment - time.monotonic()))
            if not kill:
                os.kill(self._server.pid, signal.SIGHUP)
                self.reloads += 1
            elif pids := self._pids():
                os.kill(self._chance.choice(pids), signal.SIGKILL)
                self.kills += 1

    def lives(self, warm_up: float) -> list[Life]:
        """Return all workers, oldest first."""
        return [Life.of(samples, warm_up) for samples in self._samples.values()]

    def _pids(self) -> list[int]:
        return [pid for pid in self._server.pids() if pid != self._server.pid]


def _sample(pid: int) -> Sample:
    process = Path(f"/proc/{pid}")
    lines = (process / "status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    if "VmRSS" not in status:
        raise ProcessLookupError
    return Sample(
        time.monotonic(),
        int(status["VmRSS"].split()[0]) / 1024,
        int(status["Threads"]),
        sum(each.is_socket() for each in (process / "fd").iterdir()),
    )
