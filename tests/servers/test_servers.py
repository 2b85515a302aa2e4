"""The blueprint in a real server: gunicorn, with each kind of worker that hosts run."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from flask_heygen import HeyGenClient
from flask_heygen.settings import Settings
from flask_heygen.simulator import Fault, Simulator
from tests import constants
from tests.bench import certificates as trust
from tests.bench.harness import upstream
from tests.bench.targets import KEY
from tests.requirements import skip_or_fail
from tests.servers.drip import Drip
from tests.servers.machines import wait_until
from tests.servers.recipes import RECIPES

SERVERS = Path(__file__).parent

SYNC = ("sync",)
GTHREAD = ("gthread", "--threads", "64")
GEVENT = ("gevent",)
#: A fork of what has spoken already: see servers/wsgi.py.
PRELOAD = (*GTHREAD, "--preload")


class Server(NamedTuple):
    """A gunicorn with the smallest host there is."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def post(self, route: str, **fields: object) -> tuple[int, Any]:
        """Call a route over a connection of its own; return status and answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/api/heygen/{route}", json.dumps(fields), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())

    def start(self) -> str:
        status, told = self.post("start")
        assert status == 200
        return str(told["data"]["session_id"])

    def ended(self) -> bool:
        """Return whether all of its processes have ended."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


Serve = Callable[..., contextlib.AbstractContextManager[Server]]


@pytest.fixture
def serve(sim: Simulator, tmp_path: Path) -> Serve:
    """Run gunicorn in front of the simulator until the end of a block."""
    for module in ("gunicorn", "gevent"):
        if find_spec(module) is None:
            skip_or_fail(f"{module} is not installed.")

    @contextlib.contextmanager
    def serve(worker: tuple[str, ...], **config: object) -> Iterator[Server]:
        config = {"HEYGEN_API_KEY": constants.KEY, "HEYGEN_BASE_URL": sim.url, **config}
        environment = {f"FLASK_{name}": str(value) for name, value in config.items()}
        log = tmp_path / "gunicorn.log"
        # Bind the port here and pass it on, so that no other process can take it.
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as port, log.open("wb") as output:
            command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{port.fileno()}"]
            command += ["--chdir", str(SERVERS), "--worker-class", *worker, "wsgi:app"]
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment, "HOME": str(tmp_path), "GUNICORN_CMD_ARGS": ""},
                pass_fds=[port.fileno()],
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            server = Server(port.getsockname()[1], process, log)
        try:
            try:
                assert server.post("no-such-route")[0] == 404  # which waits until it is there
            except OSError:
                pytest.fail(f"gunicorn did not come up:\n{log.read_text()}")
            yield server
        finally:
            end(server)
        complaints = ("Traceback", "[ERROR]", "[CRITICAL]", "Warning")
        lines = log.read_text().splitlines()
        assert not [line for line in lines if any(word in line for word in complaints)]

    return serve


def end(server: Server) -> None:
    """Terminate a server; kill it and fail the test after 10 seconds."""
    server.process.terminate()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
        pytest.fail(f"gunicorn did not end:\n{server.log.read_text()}")


@pytest.mark.slow
class TestLoad:
    @pytest.mark.parametrize("worker", [GTHREAD, GEVENT], ids=lambda worker: worker[0])
    def test_640_tasks_64_at_a_time_are_spoken_once_each(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """Each task has its own token, and the vendor refuses none of them."""
        sim.latency.update(create_token=0.05, task=0.05)
        texts = [constants.question(number) for number in range(640)]

        with serve(worker, HEYGEN_SPARE_TOKENS=32) as server:
            session_id = server.start()

            def speak(text: str) -> tuple[int, str, str]:
                status, told = server.post("task", session_id=session_id, text=text)
                return status, text, told["data"]["task_id"]

            with ThreadPoolExecutor(64) as pool:
                answers = set(pool.map(speak, texts))

        assert answers == {(200, speech.text, speech.task_id) for speech in sim.spoken}
        assert sorted(sim.texts) == sorted(texts)
        assert len({speech.token for speech in sim.spoken}) == 640
        assert sim.count("task") == 640
        assert {call.status for call in sim.calls if call.name != "create_token"} == {200}


class TestWorkers:
    @pytest.mark.parametrize("worker", [SYNC, GTHREAD, GEVENT, PRELOAD], ids=" ".join)
    def test_a_session_is_spoken_from_start_to_stop(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """Ten tasks in their order, and each route once."""
        texts = tuple(constants.question(number) for number in range(10))

        with serve(worker) as server:
            session_id = server.start()
            for text in texts:
                assert server.post("task", session_id=session_id, text=text)[0] == 200
            for route in ("keep-alive", "interrupt", "stop"):
                assert server.post(route, session_id=session_id)[0] == 200

        assert sim.texts == texts
        assert len({speech.token for speech in sim.spoken}) == 10
        assert sim.sessions[session_id].state == "closed"

    def test_workers_forked_from_a_host_that_has_spoken_have_their_own_connections(
        self, sim: Simulator, serve: Serve
    ) -> None:
        """Workers that shared a connection would read each other's replies."""
        config = {
            "HEYGEN_API_KEY": constants.KEY,
            "HEYGEN_BASE_URL": sim.url,
            "HEYGEN_SPARE_TOKENS": 0,
        }
        session_id = HeyGenClient(Settings.from_mapping(config)).start()["session_id"]
        texts = [constants.question(number) for number in range(200)]

        workers = (*PRELOAD, "--workers", "2")
        with serve(workers, WARM=session_id, HEYGEN_SPARE_TOKENS=8) as server:

            def speak(text: str) -> tuple[int, str, str]:
                status, told = server.post("task", session_id=session_id, text=text)
                return status, text, told["data"]["task_id"]

            with ThreadPoolExecutor(16) as pool:
                answers = set(pool.map(speak, texts))

        before, *spoken = sim.spoken
        assert before.text == "Before the fork."
        assert answers == {(200, speech.text, speech.task_id) for speech in spoken}
        assert len({speech.token for speech in sim.spoken}) == 201


class TestPreload:
    @pytest.mark.parametrize("patched", ["early", "late"])
    def test_has_gevent_speak_over_https(
        self, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patched: str
    ) -> None:
        """With the recipe's gunicorn.conf.py; and without it, where gevent warns, all the same."""
        config = tmp_path / "gunicorn.conf.py"
        recipe = (RECIPES / "gunicorn.conf.py").read_text()
        config.write_text(recipe if patched == "early" else "")
        if patched == "late":
            monkeypatch.setenv("PYTHONWARNINGS", "ignore")
        else:
            monkeypatch.setenv("WORKER_CLASS", "gevent")
        worker = (*GEVENT, "--preload", "--config", str(config))

        with upstream("https", tmp_path) as vendor:
            for name, value in trust.environment(vendor.certificate).items():
                monkeypatch.setenv(name, value)
            with serve(worker, HEYGEN_BASE_URL=vendor.url, HEYGEN_API_KEY=KEY) as server:
                status, told = server.post("task", session_id="a-session", text="1")

        assert (status, told["status"]) == (200, "success")


@pytest.mark.slow
class TestDeadlines:
    @pytest.mark.parametrize("worker", [GTHREAD, GEVENT], ids=lambda worker: worker[0])
    @pytest.mark.parametrize(
        "fault", [Fault.SLOW_BODY, Fault.NO_RESPONSE], ids=lambda fault: fault.value
    )
    def test_a_call_that_hangs_holds_up_nobody_else(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...], fault: Fault
    ) -> None:
        """The worker serves other tasks, and the hanging call ends at its deadline."""
        answers: list[tuple[int, Any]] = []
        waits: list[float] = []

        with serve(worker, HEYGEN_TIMEOUT=4) as server:
            session_id = server.start()
            sim.fault("task", fault)

            def hang() -> None:
                begun = time.monotonic()
                answers.append(server.post("task", session_id=session_id, text="Hanging."))
                waits.append(time.monotonic() - begun)

            hanging = threading.Thread(target=hang)
            hanging.start()
            wait_until(lambda: sim.count("task") == 1)
            text = constants.question(1)
            assert server.post("task", session_id=session_id, text=text)[0] == 200
            assert hanging.is_alive()
            hanging.join(30)

        ((status, told),) = answers
        assert (status, told["error"]["code"]) == (504, "outcome_unknown")
        assert waits[0] < 2 * 4
        assert sim.texts.count("Hanging.") == (1 if fault is Fault.SLOW_BODY else 0)

    @pytest.mark.parametrize("worker", [GTHREAD, GEVENT], ids=lambda worker: worker[0])
    @pytest.mark.parametrize("what", ["handshake", "record"])
    def test_tls_that_drips_ends_when_its_time_is_up(
        self,
        serve: Serve,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        worker: tuple[str, ...],
        what: str,
    ) -> None:
        """The deadline bounds a whole handshake or record, not each byte of it."""
        config = {"HEYGEN_API_KEY": KEY, "HEYGEN_TIMEOUT": 3, "HEYGEN_SPARE_TOKENS": 0}
        task = {"session_id": "a-session", "text": "1"}

        with upstream("https", tmp_path) as vendor, Drip(urlsplit(vendor.url).port or 0) as way:
            for name, value in trust.environment(vendor.certificate).items():
                monkeypatch.setenv(name, value)
            url = urlsplit(vendor.url)._replace(netloc=f"127.0.0.1:{way.port}").geturl()
            with serve(worker, HEYGEN_BASE_URL=url, **config) as server:
                if what == "record":  # of a connection that stands
                    assert server.post("task", **task)[0] == 200
                way.drips.set()
                started = time.monotonic()
                status, told = server.post("task", **task)
                seconds = time.monotonic() - started

        assert (status, told["error"]["code"]) == (504, "heygen_timeout")
        assert seconds < 2 * 3


@pytest.mark.slow
class TestEnd:
    @pytest.mark.parametrize("worker", [SYNC, GTHREAD, GEVENT, PRELOAD], ids=" ".join)
    def test_a_server_that_is_stopped_leaves_nothing_behind(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """Though a token is being minted in its background."""
        with serve(worker) as server:
            session_id = server.start()
            wait_until(lambda: sim.count("create_token", status=200) == 2)
            sim.latency["create_token"] = 3
            assert server.post("task", session_id=session_id, text="The last one.")[0] == 200
            wait_until(lambda: sim.count("create_token") >= 3)

            end(server)

            assert server.process.returncode == 0
            wait_until(server.ended)

    @pytest.mark.parametrize("worker", [SYNC, GTHREAD, GEVENT], ids=" ".join)
    def test_a_task_that_is_under_way_is_answered_first(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """It has been spoken, and the page is told so."""
        answers: list[tuple[int, Any]] = []

        with serve(worker) as server:
            session_id = server.start()
            sim.latency["task"] = 0.5

            def speak() -> None:
                answers.append(server.post("task", session_id=session_id, text="The last one."))

            speaking = threading.Thread(target=speak)
            speaking.start()
            wait_until(lambda: sim.count("task") == 1)
            end(server)
            speaking.join(30)

        ((status, _),) = answers
        assert status == 200
        assert sim.texts == ("The last one.",)
