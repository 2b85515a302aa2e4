"""The processes of one server: start and stop, CPU and memory."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from string import Template

#: Length of the listen queue.
BACKLOG = 2048


class Server:
    """A server in its own process session, which inherits an open port."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        config: Path | None,
        directory: Path,
    ) -> None:
        self._directory = directory
        # Bind the port here and pass it on, so that no other process can take it.
        self._port = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port: int = self._port.getsockname()[1]
        values = {"fd": self._port.fileno(), "port": self.port, "directory": directory}
        self._command = [part.format(**values) for part in command]
        self._environment = {
            **os.environ,
            **{name: value.format(**values) for name, value in environment.items()},
            "HOME": str(directory),
            "GUNICORN_CMD_ARGS": "",
            **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1"),
        }
        if config is not None:
            filled = Template(config.read_text()).substitute(self._environment, **values)
            (directory / config.name).write_text(filled)
        self.start()

    def start(self) -> None:
        """Start the processes on the port that is already bound."""
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                pass_fds=[self._port.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self) -> None:
        """Terminate all processes; kill those that still run after 3 seconds."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(3)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """End all processes, drop the connections in the listen queue, and start again."""
        self.end()
        self._port.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._port.accept()[0].close()
        self._port.setblocking(True)
        self.start()

    def close(self) -> None:
        """End all processes and close the port."""
        self.end()
        self._port.close()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """The processes' output so far."""
        return (self._directory / "log").read_text(errors="replace")

    def cpu(self) -> float:
        """Return the CPU seconds of all processes, in microsecond resolution."""
        return sum(map(process_cpu, self.pids()))

    def memory(self) -> float:
        """Return the proportional set size (PSS) of all processes in MB."""
        return sum(map(_memory, self.pids()))

    @property
    def pid(self) -> int:
        """The id of the first process, the parent of all others."""
        return self._process.pid

    def pids(self) -> Iterator[int]:
        """Yield the ids of all running processes of the server."""
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                with contextlib.suppress(ProcessLookupError):
                    if os.getsid(int(entry.name)) == self._process.pid:
                        yield int(entry.name)


def machine_cpu() -> float:
    """Return the CPU seconds that all processes of the machine have used."""
    user, nice, system, _, _, *interrupts = Path("/proc/stat").read_text().split()[1:9]
    ticks = sum(map(int, (user, nice, system, *interrupts)))
    return ticks / os.sysconf("SC_CLK_TCK")


def process_cpu(pid: int) -> float:
    """Return the CPU seconds of a process, or 0 if it has ended."""
    # The clock id that clock_getcpuclockid(3) computes; /proc has only hundredths of a second.
    with contextlib.suppress(OSError):
        return time.clock_gettime(~pid << 3 | 2)
    return 0


def _memory(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0
