"""The parts of a real site: gunicorn machines, Redis, and visitors with cookies."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.requirements import program, skip_or_fail


def wait_until(holds: Callable[[], bool], why: Callable[[], str] = str) -> None:
    """Wait until a condition holds; fail the test after a minute."""
    until = time.monotonic() + 60
    while not holds():
        if time.monotonic() > until:
            pytest.fail(f"The condition did not hold within a minute. {why()}")
        time.sleep(0.01)


def answers(url: str) -> bool:
    """Return whether an HTTP server responds.

    A connection alone proves nothing: Vite also listens briefly to check that a port is free.
    """
    try:
        requests.head(url, timeout=10)
    except requests.ConnectionError:
        return False
    return True


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def redis_server() -> Iterator[str]:
    """Run Debian's Redis at a socket of its own, without anything kept on disk."""
    redis = program("redis-server", "redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/redis.sock"
        options = ["--port", "0", "--unixsocket", path, "--save", "", "--dir", folder]
        with subprocess.Popen([redis, *options], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert any("ready to accept connections" in line.lower() for line in server.stdout)
            try:
                yield f"redis+unix://{path}"
            finally:
                server.terminate()
                server.stdout.read()


def lasting_port() -> int:
    """Return a port that stays free while its machine is down, outside the ephemeral range."""
    while True:
        port = random.randrange(20_000, 30_000)  # the ephemeral range begins at 32768
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Machine:
    """A gunicorn at an address of its own, to be ended, killed and started again."""

    def __init__(self, command: str, folder: Path, **environment: str) -> None:
        if find_spec("gunicorn") is None:
            skip_or_fail("gunicorn is not installed.")
        self._port = lasting_port()
        self.address = f"127.0.0.1:{self._port}"
        self._command = [sys.executable, "-m", *shlex.split(command), "--bind", self.address]
        self._folder = folder
        self._environment = environment
        self.start()

    def start(self) -> None:
        """Start it, and wait until it takes requests."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env={**os.environ, "HOME": str(self._folder), **self._environment},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_until(self._takes_requests, self._log.read_text)

    @property
    def _log(self) -> Path:
        return self._folder / "gunicorn.log"

    def _takes_requests(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def reload(self) -> None:
        """Replace the worker, and wait until the old one has answered its requests."""
        gone = self._gone()
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: self._gone() > gone, self._log.read_text)

    def _gone(self) -> int:
        return self._log.read_text().count("Worker exiting")

    def end(self) -> None:
        """End it gracefully, after its open requests."""
        self._process.terminate()
        assert self._process.wait(30) == 0

    def restart(self) -> None:
        """End it, and start it again."""
        self.end()
        self.start()

    def hang(self) -> None:
        """Suspend it, so that its connections stay open without an answer."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Kill its processes; the system that ran them hangs up."""
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


class Visitor(requests.Session):
    """A browser, of a user who signs in; its cookies are for every port of the machine."""

    def __init__(self, server: str, user: str | None = None) -> None:
        super().__init__()
        self.trust_env = False  # no proxy to this machine
        if user is not None:
            self.get(f"{server}/login?user={user}", timeout=30).raise_for_status()

    def call(self, server: str, route: str, **body: Any) -> requests.Response:
        return self.post(f"{server}/api/heygen/{route}", json=body, timeout=30)

    def start(self, server: str) -> str:
        started = self.call(server, "start")
        assert started.status_code == 200
        return str(started.json()["data"]["session_id"])
