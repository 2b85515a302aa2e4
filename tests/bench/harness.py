"""The upstream and all targets, which run together while one of them is measured."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import certificates
from tests.bench.figures import Figures, figures
from tests.bench.load import Load
from tests.bench.pages import Endpoint, pages
from tests.bench.servers import Server, machine_cpu, process_cpu
from tests.bench.targets import KEY, ROOT, Target

DIRECT = "direct"
#: Seconds until each reply: as measured with the vendor, and none.
LATENCY = {"create_token": 0.12, "task": 0.15}
NO_LATENCY = dict.fromkeys(LATENCY, 0.0)
#: Seconds within which a target must answer its first task.
_START = 30
#: Seconds to wait for background work after a load.
_SETTLE = 0.3


@dataclass(frozen=True)
class Upstream:
    """The running upstream."""

    pid: int
    ports: dict[str, int]
    scheme: str
    certificate: Path

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.ports[self.scheme]}"

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint for direct calls, which send the API key and so need no token."""
        https = self.scheme == "https"
        tls = ssl.create_default_context(cafile=self.certificate) if https else None
        port = self.ports[self.scheme]
        return Endpoint(port, "/v1/streaming.task", tls, headers=f"X-Api-Key: {KEY}\r\n")

    async def send(self, path: str, fields: object = None) -> dict[str, int]:
        """Send a command, which the upstream does not count as a call."""
        async with pages(Endpoint(self.ports["control"], path)) as control:
            _, answer = await control.ask(fields)
        return dict(answer)


@contextmanager
def upstream(scheme: str, directory: Path) -> Iterator[Upstream]:
    """Run the upstream for the duration of the block."""
    made = certificates.certificate(directory)
    command = [sys.executable, "-m", "tests.bench.upstream", "--certificate", str(made)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True) as run:
        try:
            assert run.stdout is not None
            yield Upstream(run.pid, json.loads(run.stdout.readline()), scheme, made)
        finally:
            run.kill()


@dataclass(frozen=True)
class _Moment:
    """One reading of the clock, the upstream's record and the CPU seconds used so far."""

    at: float
    record: Counter[str]
    cpu: float
    others: float


class Harness:
    """All running servers, each of which can be put under a load."""

    def __init__(self, upstream: Upstream, servers: dict[str, Server]) -> None:
        self._upstream = upstream
        self._servers = servers

    async def ready(self, name: str) -> None:
        """Wait until a target answers its first task."""
        server = self._servers[name]

        async def first_task() -> None:
            async with pages(_page(server)) as page:
                while wrong := await page.speak():
                    if not server.running:
                        raise RuntimeError(f"{name} has ended ({wrong}):\n{server.log}")
                    await asyncio.sleep(0.1)

        try:
            await asyncio.wait_for(first_task(), _START)
        except asyncio.TimeoutError:
            raise RuntimeError(f"{name} has not answered:\n{server.log}") from None

    async def measure(
        self, name: str, load: Load, *, warm_up: float, seconds: float, seed: int
    ) -> Figures:
        """Measure one target under one load; restart it if tasks stayed unanswered."""
        await self._upstream.send("/latency", LATENCY if load.latency else NO_LATENCY)
        server = self._servers.get(name)
        target = _page(server) if server else self._upstream.endpoint
        begin = await self._moment(server)
        made = load.make(target, warm_up=warm_up, seconds=seconds, seed=seed)
        loading = asyncio.create_task(made)

        await asyncio.sleep(warm_up)
        window_begin = await self._moment(server)
        await asyncio.sleep(seconds)
        window_end = await self._moment(server)
        memory = server.memory() if server else None
        outcome = await loading
        await asyncio.sleep(_SETTLE)
        end = await self._moment(server)

        if server and outcome.given_up:
            server.restart()
            await self.ready(name)
        cores = (window_end.at - window_begin.at) * (os.cpu_count() or 1)
        return figures(
            outcome,
            end.record - begin.record,
            window_end.record - window_begin.record,
            seconds=seconds,
            cpu=window_end.cpu - window_begin.cpu if server else None,
            memory=memory,
            others=max(0, 100 * (window_end.others - window_begin.others) / cores),
        )

    async def _moment(self, server: Server | None) -> _Moment:
        record = Counter(await self._upstream.send("/record"))
        cpu = server.cpu() if server else 0
        rig = time.process_time() + process_cpu(self._upstream.pid)
        return _Moment(time.monotonic(), record, cpu, machine_cpu() - rig - cpu)


def _page(server: Server) -> Endpoint:
    return Endpoint(server.port, "/api/heygen/task")


@contextmanager
def run_harness(
    upstream: Upstream, targets: Sequence[Target], directory: Path
) -> Iterator[Harness]:
    """Run all targets for the duration of the block."""
    trusted = certificates.environment(upstream.certificate)
    with ExitStack() as running:
        servers = {}
        for each in targets:
            home = directory / each.name
            home.mkdir()
            server = Server(each.command, {**trusted, **each.environment}, each.config, home)
            running.callback(server.close)
            servers[each.name] = server
        yield Harness(upstream, servers)
