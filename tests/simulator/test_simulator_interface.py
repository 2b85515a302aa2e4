"""The simulator's interfaces for Python code, other processes, a person and an operator."""

import asyncio
import contextlib
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest
import requests
from aiohttp import web
from click.testing import CliRunner

from flask_heygen.simulator import Exchange, Fault, Refusal, Simulator
from flask_heygen.simulator.__main__ import main
from tests import constants
from tests.servers.machines import wait_until

KEY = {"X-Api-Key": constants.KEY}


def post(sim: Simulator, call: str, body: object = None, **headers: str) -> requests.Response:
    return requests.post(f"{sim.url}/v1/streaming.{call}", json=body, headers=headers, timeout=10)


def token_of(sim: Simulator) -> str:
    return str(post(sim, "create_token", {}, **KEY).json()["data"]["token"])


def say(sim: Simulator, *texts: str) -> str:
    """Start a session and have it speak."""
    bearer = {"Authorization": f"Bearer {token_of(sim)}"}
    session_id = str(post(sim, "new", {}, **bearer).json()["data"]["session_id"])
    post(sim, "start", {"session_id": session_id}, **bearer)
    for text in texts:
        body = {"session_id": session_id, "text": text, "task_mode": "async"}
        assert post(sim, "task", body, **bearer).status_code == 200
    return session_id


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator() as sim:
        yield sim


def answers(url: str) -> bool:
    try:
        return requests.get(url + "/simulator", timeout=10).ok
    except requests.ConnectionError:
        return False


def try_post(sim: Simulator, call: str) -> None:
    """Make a call that may well get no answer."""
    with contextlib.suppress(requests.ConnectionError):
        post(sim, call)


class TestRecords:
    def test_texts(self, sim: Simulator) -> None:
        """The spoken texts can be read in order."""
        say(sim, "one", "two")

        assert sim.texts == ("one", "two")
        assert [speech.text for speech in sim.spoken] == ["one", "two"]

    def test_call(self, sim: Simulator) -> None:
        """A call is kept with what was sent and what was answered."""
        before = time.monotonic()
        post(sim, "stop", {"session_id": "x"}, Authorization="bearer nonsense")
        after = time.monotonic()

        [call] = sim.calls
        assert (call.name, call.method, call.path) == ("stop", "POST", "/v1/streaming.stop")
        assert (call.token, call.body, call.status) == ("nonsense", {"session_id": "x"}, 401)
        assert call.ended is not None
        assert before < call.started <= call.ended < after

    def test_call_without_token(self, sim: Simulator) -> None:
        """A call with another kind of authorization, and no body, has neither."""
        post(sim, "stop", Authorization="Basic abc")

        assert (sim.calls[0].token, sim.calls[0].body) == (None, None)

    def test_count(self, sim: Simulator) -> None:
        """Calls are counted by name, and by status if one is given."""
        say(sim, "one", "two")
        post(sim, "task")

        assert sim.count("task") == 3
        assert sim.count("task", status=200) == 2
        assert sim.count("task", status=401) == 1
        assert sim.count("stop") == 0
        assert sim.count("*") == len(sim.calls)

    def test_count_of_an_unknown_name(self, sim: Simulator) -> None:
        """A misspelled name is an error: a test that expects 0 would pass."""
        with pytest.raises(ValueError, match="No call is named tsk; there are "):
            sim.count("tsk")

    def test_connections(self, sim: Simulator) -> None:
        """Connections are counted as they are made: a client that keeps one makes one."""
        for _ in range(2):
            post(sim, "stop")
        with requests.Session() as http:
            for _ in range(5):
                http.get(sim.url + "/v1/streaming.list", timeout=10)

        assert sim.connections == 3

    def test_open_call(self, sim: Simulator) -> None:
        """A call that is not over has no end and no status."""
        sim.fault("stop", Fault.NO_RESPONSE)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(try_post, sim, "stop")
            wait_until(lambda: len(sim.calls) > 0)
            seen = sim.calls[0]
            sim.stop()
            call.result(timeout=10)

        assert (seen.ended, seen.status) == (None, None)
        assert sim.calls[0].ended is not None

    def test_threads(self, sim: Simulator) -> None:
        """Everything can be read while calls come in."""
        session_id = say(sim, "first")
        token = sim.tokens[0].value
        ended = threading.Event()

        def read() -> int:
            count = 0
            while not ended.is_set():
                sim.calls, sim.spoken, sim.texts, sim.tokens, sim.sessions, sim.connections  # noqa: B018
                count += 1
            return count

        def speak(number: int) -> int:
            body = {"session_id": session_id, "text": str(number), "task_mode": "async"}
            token_of(sim)
            return post(sim, "task", body, Authorization=f"Bearer {token}").status_code

        with ThreadPoolExecutor(8) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            statuses = set(pool.map(speak, range(40)))
            ended.set()

        assert statuses == {200}
        assert all(reader.result() > 0 for reader in readers)
        assert sorted(sim.texts[1:], key=int) == [str(number) for number in range(40)]

    def test_reset(self, sim: Simulator) -> None:
        """A reset forgets all but the connections."""
        session_id = say(sim, "hello")
        token = sim.tokens[0].value
        sim.fault("*", Fault.HTML, times=None)
        connections = sim.connections
        sim.reset()

        assert (sim.spoken, sim.tokens, sim.calls, sim.sessions) == ((), (), (), {})
        assert sim.connections == connections
        reply = post(sim, "stop", {"session_id": session_id}, Authorization=f"Bearer {token}")
        assert reply.status_code == 401
        with pytest.raises(Refusal):
            sim.close_session(session_id)

    def test_reset_in_a_call(self, sim: Simulator) -> None:
        """A call that is open during a reset is not remembered when it ends."""
        sim.fault("stop", Fault.NO_RESPONSE)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(try_post, sim, "stop")
            wait_until(lambda: len(sim.calls) > 0)
            sim.reset()
            sim.stop()
            call.result(timeout=10)

        assert sim.calls == ()


class TestLatency:
    def test_by_name(self) -> None:
        """A call waits as long as was said for its name, or else for any."""
        with Simulator(latency={"list": 0.4, "*": 0.05}) as sim:
            post(sim, "stop")
            requests.get(sim.url + "/v1/streaming.list", timeout=10)
            stop, listing = (call.ended - call.started for call in sim.calls if call.ended)

        assert 0.05 <= stop < 0.4 <= listing

    def test_changed(self, sim: Simulator) -> None:
        """It can be changed while the simulator runs."""
        sim.latency["stop"] = 0.05
        post(sim, "stop")

        [call] = sim.calls
        assert call.ended is not None
        assert call.ended - call.started >= 0.05


class TestRunning:
    def test_url(self, sim: Simulator) -> None:
        """The URL is a base to which paths are added."""
        assert re.fullmatch(r"http://127\.0\.0\.1:[1-9]\d+", sim.url)

    def test_end(self) -> None:
        """When it has ended its thread is gone and its port is free."""
        with Simulator() as sim:
            post(sim, "stop")
            during = [thread.name for thread in threading.enumerate()]
        after = [thread.name for thread in threading.enumerate()]

        assert "flask_heygen.simulator" in during
        assert "flask_heygen.simulator" not in after
        socket.create_server(("127.0.0.1", int(sim.url.rpartition(":")[2]))).close()

    def test_restart(self, sim: Simulator) -> None:
        """Stopped and started again, it is where it was and knows what it knew."""
        session_id = say(sim, "before")
        bearer = {"Authorization": f"Bearer {sim.tokens[0].value}"}
        url = sim.url
        sim.stop()
        with pytest.raises(requests.ConnectionError):
            post(sim, "stop")
        sim.start()
        reply = post(sim, "keep_alive", {"session_id": session_id}, **bearer)

        assert (sim.url, reply.status_code) == (url, 200)
        assert sim.texts == ("before",)

    def test_twice(self, sim: Simulator) -> None:
        """To start or stop it twice is to do so once."""
        url = sim.url
        sim.start()
        again = sim.url
        sim.stop()
        sim.stop()

        assert again == url

    def test_at_once(self) -> None:
        """Threads that start it at the same time, or stop it, do so once."""
        sim, together = Simulator(), threading.Barrier(4)

        def run(_: int) -> str:
            together.wait()
            sim.start()
            url = sim.url
            together.wait()
            sim.stop()
            return url

        with ThreadPoolExecutor(4) as pool:
            urls = set(pool.map(run, range(4)))

        assert len(urls) == 1
        assert "flask_heygen.simulator" not in [thread.name for thread in threading.enumerate()]

    @pytest.mark.parametrize(
        "wait",
        [
            Simulator.stop,
            Simulator.close_connections,
            lambda sim: sim.refuse_connections(1),
            lambda sim: sim.send("a-session", {}),
        ],
        ids=["stop", "close", "refuse", "send"],
    )
    def test_own_thread(self, sim: Simulator, wait: Callable[[Simulator], None]) -> None:
        """A fault that would wait for its own thread gets an error, and does not hang."""
        raised = []

        async def fault(_: Exchange) -> web.Response:
            with pytest.raises(RuntimeError, match="call it from another thread") as caught:
                wait(sim)
            raised.append(caught.type)
            return web.Response()

        sim.fault("stop", fault)
        post(sim, "stop")

        assert raised == [RuntimeError]

    def test_loop_without_readers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The event loop of Windows has none, and it ends there, too."""

        def remove_reader(*_: object) -> NoReturn:
            raise NotImplementedError

        monkeypatch.setattr(asyncio.SelectorEventLoop, "remove_reader", remove_reader)
        with Simulator() as sim:
            assert post(sim, "stop").status_code == 401

        socket.create_server(("127.0.0.1", int(sim.url.rpartition(":")[2]))).close()

    def test_kept_connections(self) -> None:
        """Clients that keep a connection do not keep it from ending."""
        with requests.Session() as http:
            with Simulator() as sim:
                http.get(sim.url, timeout=10)

            with pytest.raises(requests.ConnectionError):
                http.get(sim.url, timeout=10)

    def test_port_taken(self, sim: Simulator) -> None:
        """A port that is taken is an error where it is started."""
        other = Simulator(port=int(sim.url.rpartition(":")[2]))

        with pytest.raises(OSError, match="in use"):
            other.start()

    def test_failure(self) -> None:
        """A failure in its thread is raised at the start, and frees the port."""

        class Broken(Simulator):
            def _make_app(self) -> NoReturn:
                raise RuntimeError("broken")

        with pytest.raises(RuntimeError, match="broken"):
            Broken().start()

    def test_error_in_a_context(self) -> None:
        """An error in the with block ends it, and is raised on."""
        sim = Simulator()
        with pytest.raises(RuntimeError, match="mine"), sim:
            raise RuntimeError("mine")

        with pytest.raises(requests.ConnectionError):
            post(sim, "stop")

    def test_log(self, sim: Simulator, caplog: pytest.LogCaptureFixture) -> None:
        """A call is one line of the log, without token, key or text."""
        with caplog.at_level(logging.DEBUG):
            say(sim, "the text")
            sim.fault("stop", Fault.RESET_BEFORE)
            with pytest.raises(requests.ConnectionError):
                post(sim, "stop")

        lines = [r.getMessage() for r in caplog.records if r.name == "flask_heygen.simulator"]
        assert lines == [
            "POST /v1/streaming.create_token 200",
            "POST /v1/streaming.new 200",
            "POST /v1/streaming.start 200",
            "POST /v1/streaming.task 200",
            "POST /v1/streaming.stop no response",
        ]
        for secret in ("the text", constants.KEY, sim.tokens[0].value):
            assert secret not in caplog.text


class TestOverHttp:
    def test_records(self, sim: Simulator) -> None:
        """Another process reads the records as JSON."""
        session_id = say(sim, "hello")
        shown = requests.get(sim.url + "/simulator", timeout=10).json()

        assert shown["simulation"] is True
        assert shown["spoken"][0]["text"] == "hello"
        assert shown["tokens"][0]["session_id"] == session_id
        assert shown["sessions"][session_id]["state"] == "connected"
        assert shown["counts"] == {"create_token": 1, "new": 1, "start": 1, "task": 1}
        assert shown["connections"] == sim.connections

    @pytest.mark.parametrize("more", [{}, {"times": 1}, {"times": None, "seconds": 0.1}])
    def test_fault(self, sim: Simulator, more: dict[str, object]) -> None:
        """Another process plans faults."""
        body = {"call": "stop", "fault": "html", **more}
        reply = requests.post(sim.url + "/simulator/faults", json=body, timeout=10)

        assert reply.status_code == 200
        assert post(sim, "stop").status_code == 502

    @pytest.mark.parametrize(
        "body",
        [
            None,
            [],
            {"call": "stop"},
            {"fault": "html"},
            {"call": "tsop", "fault": "html"},
            {"call": "stop", "fault": "htlm"},
            {"call": "stop", "fault": "html", "often": 1},
            {"call": "stop", "fault": "html", "times": "1"},
            {"call": "stop", "fault": "html", "times": 1.5},
        ],
    )
    def test_bad_fault(self, sim: Simulator, body: object) -> None:
        """A fault that cannot be planned says why."""
        reply = requests.post(sim.url + "/simulator/faults", json=body, timeout=10)

        assert reply.status_code == 400
        assert len(reply.json()["message"]) > 10
        assert post(sim, "stop").status_code == 401

    def test_close(self, sim: Simulator) -> None:
        """Another process ends a session."""
        session_id = say(sim)
        url = f"{sim.url}/simulator/sessions/{session_id}/close"
        first, second = (requests.post(url, timeout=10) for _ in range(2))

        assert sim.sessions[session_id].state == "closed"
        assert (first.status_code, second.status_code) == (200, 404)
        assert second.json() == {"message": "session state wrong: closed"}

    def test_reset(self, sim: Simulator) -> None:
        """Another process has everything forgotten."""
        say(sim, "hello")
        reply = requests.post(sim.url + "/simulator/reset", timeout=10)

        assert reply.status_code == 200
        assert (sim.texts, sim.calls) == ((), ())

    def test_no_calls(self, sim: Simulator) -> None:
        """The simulator's own paths are no calls, and meet no faults."""
        sim.fault("*", Fault.HTML)

        for path in ("/", "/simulator"):
            assert requests.get(sim.url + path, timeout=10).status_code == 200
        assert sim.calls == ()

    def test_page(self, sim: Simulator) -> None:
        """The page says that it is a simulation, and shows what was spoken, escaped."""
        say(sim, "Tell me <b>more</b>.", "half a pair: \ud83d")
        page = requests.get(sim.url, timeout=10)

        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "This is a simulation" in page.text
        assert "<li>Tell me &lt;b&gt;more&lt;/b&gt;.</li>" in page.text
        assert "half a pair: ?" in page.text


class TestProgram:
    @pytest.fixture
    def signals(self) -> Iterator[None]:
        """Put back the handlers that the program replaces."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        handlers = [signal.getsignal(number) for number in numbers]
        yield
        for number, handler in zip(numbers, handlers, strict=True):
            signal.signal(number, handler)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_process(self, number: int) -> None:
        """It prints its URL, says that it is a simulation, serves, and ends cleanly."""
        command = [sys.executable, "-m", "flask_heygen.simulator", "--port", "0"]
        with subprocess.Popen(
            [*command, "--latency", "list=0.01"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            status = requests.get(line.split()[-1] + "/simulator", timeout=10).status_code
            process.send_signal(number)
            output = process.stdout.read(), process.stderr.read()

        assert "simulation" in line
        assert status == 200
        assert (process.returncode, output) == (0, ("", ""))

    def test_until_signal(self, signals: None) -> None:
        """It runs until a signal ends it, and not for half a second only."""
        with Simulator() as free:
            url = free.url

        def end() -> None:
            time.sleep(0.6)
            while not answers(url):
                time.sleep(0.005)
            os.kill(os.getpid(), signal.SIGTERM)

        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(end)
            result = CliRunner().invoke(main, ["--port", url.rpartition(":")[2]])
            ended.result()

        assert result.exit_code == 0
        assert result.output == f"A simulation of HeyGen is at {url}\n"

    def test_port_taken(self, sim: Simulator, signals: None) -> None:
        """A port that is taken is one clear line."""
        port = sim.url.rpartition(":")[2]
        result = CliRunner().invoke(main, ["--port", port])

        assert result.exit_code == 1
        assert (
            result.output
            == f"Error: Port {port}: Address already in use. Choose another with --port.\n"
        )

    @pytest.mark.parametrize("value", ["soon", "task=soon"])
    def test_bad_latency(self, value: str) -> None:
        """A latency that is no number is refused."""
        result = CliRunner().invoke(main, ["--latency", value])

        assert result.exit_code == 2
        assert f"{value} is neither SECONDS nor CALL=SECONDS." in result.output


class TestExtra:
    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("aiohttp", r".*The simulator needs aiohttp: pip install 'flask-heygen\[simulator\]'"),
            # Python's words, which have changed in 3.15
            ("html", r"ModuleNotFoundError: (import of html halted|.*module 'html').*"),
        ],
    )
    def test_missing(self, missing: str, message: str) -> None:
        """Without aiohttp the import says what to install; other failures stay what they are."""
        code = (
            "import sys, flask_heygen\n"
            f"sys.modules[{missing!r}] = None\n"
            "import flask_heygen.simulator"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )

        assert result.returncode == 1
        error = result.stderr.splitlines()[-1]
        assert re.fullmatch(message, error)
