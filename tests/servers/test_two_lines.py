"""Answers in two lines, as real servers send them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from flask_heygen.simulator import Simulator
from tests.bench.soak.browser import NDJSON, Browser
from tests.constants import question
from tests.coroutines import run
from tests.servers import test_servers
from tests.servers.machines import children, wait_until
from tests.servers.nginx import Nginx
from tests.servers.test_servers import GEVENT, GTHREAD, SYNC, Serve, Server

serve = test_servers.serve

workers = pytest.mark.parametrize("worker", [SYNC, GTHREAD, GEVENT], ids=lambda worker: worker[0])


class Page:
    """A page's connection, which reads an answer line by line."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.file = connection.makefile("rb")

    def post(self, route: str, *, cookie: str = "", **fields: Any) -> None:
        body = json.dumps(fields).encode()
        self.connection.sendall(
            f"POST /api/heygen/{route} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n"
            "Accept: application/x-ndjson\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def line(self) -> dict[str, Any] | None:
        """Return the next line that is JSON, None at the end of the answer."""
        for line in self.file:
            if line.startswith(b"{"):
                parsed: dict[str, Any] = json.loads(line)
                return parsed
            if line == b"0\r\n":
                break
        return None

    def close(self) -> None:
        """Close the connection as a browser does whose page is gone: only its end is closed."""
        self.file.close()
        self.connection.close()

    def reset(self) -> None:
        """Close the connection with a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


@contextmanager
def page_of(port: int) -> Iterator[Page]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        yield Page(connection)


#: As little of nginx as there can be: its buffering is on by default.
NGINX = """
upstream host { server 10.0.0.1:8000; }
server {
    listen 80;
    location / { proxy_pass http://host; }
}
"""


@workers
@pytest.mark.slow
class TestAnAnswer:
    def test_begins_before_the_vendor_has_answered(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """The first line is flushed at once."""
        with serve(worker) as server:
            session_id = server.start()
            sim.latency["task"] = 1

            with page_of(server.port) as page:
                page.post("task", session_id=session_id, text="Tell me about yourself.")
                first = page.line()
                spoken_by_then = sim.texts
                second = page.line()

                assert first == {"status": "accepted"}
                assert spoken_by_then == ()
                assert second is not None
                assert second["data"]["task_id"] == sim.spoken[0].task_id
                assert page.line() is None

    def test_ends_a_session_whose_page_has_gone(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """A session is stopped if its page closes or resets the connection during the start."""
        sim.latency["new"] = 0.5

        with serve(worker) as server:
            for left, leave in enumerate((Page.close, Page.reset), 1):
                with page_of(server.port) as page:
                    page.post("start")
                    assert page.line() == {"status": "accepted"}
                    leave(page)

                    wait_until(partial(have_ended, sim, left))

    def test_breaks_off_where_its_worker_is_killed(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...]
    ) -> None:
        """The page knows that the text was accepted, and it is spoken once at most."""
        with serve(worker) as server:
            session_id = server.start()
            sim.latency["task"] = 1
            with page_of(server.port) as page:
                page.post("task", session_id=session_id, text="Tell me about yourself.")
                assert page.line() == {"status": "accepted"}
                wait_until(lambda: sim.count("task") == 1)

                [pid] = children(server.process.pid)
                os.kill(pid, signal.SIGKILL)

                assert page.line() is None
            assert server.post("keep-alive", session_id=session_id)[0] == 200
            assert f"Worker (pid:{pid}) was sent SIGKILL!" in server.log.read_text()
            server.log.write_text("")  # which `serve` would complain of
        assert sim.count("task") == 1


@pytest.mark.parametrize(
    "worker", [GTHREAD, pytest.param(GEVENT, marks=pytest.mark.ci)], ids=lambda worker: worker[0]
)
class TestACrowdOfBrowsers:
    """16 browsers with automatic retries, whose worker is killed twice during their tasks."""

    @pytest.fixture
    def told(
        self, sim: Simulator, serve: Serve, worker: tuple[str, ...], accept: str
    ) -> list[tuple[str, str]]:
        """Return each text with the answer that its page got."""
        sim.latency["task"] = 0.2

        with serve((*worker, "--keep-alive", "60")) as server:
            session_id = server.start()

            async def crowd() -> list[tuple[str, str]]:
                pages = [speak(server.port, session_id, accept, page) for page in range(16)]
                killing = asyncio.create_task(kill_workers(sim, server, times=2))
                told = await asyncio.gather(*pages)
                await killing
                return [each for page in told for each in page]

            return run(crowd())

    @pytest.mark.parametrize("accept", [NDJSON], ids=["ndjson"])
    def test_is_spoken_once_in_two_lines(self, sim: Simulator, told: list[tuple[str, str]]) -> None:
        """A text whose answer was cut is in doubt, and not sent again."""
        success = {text for text, outcome in told if outcome == "success"}
        cut = {text for text, outcome in told if outcome == "cut"}

        assert len(set(sim.texts)) == len(sim.texts)
        assert success <= set(sim.texts) <= success | cut
        assert cut

    @pytest.mark.parametrize("accept", ["application/json"], ids=["json"])
    def test_is_spoken_twice_in_one(self, sim: Simulator, told: list[tuple[str, str]]) -> None:
        """A browser repeats a cut request, and the page gets a success for the second one."""
        doubled = {text for text, times in Counter(sim.texts).items() if times > 1}

        assert doubled & {text for text, outcome in told if outcome == "success"}


async def speak(port: int, session_id: str, accept: str, page: int) -> list[tuple[str, str]]:
    """Speak 6 texts from one browser; return each with its outcome."""
    browser, told = Browser(port), []
    for number in range(6):
        task = {"session_id": session_id, "text": question(100 * page + number)}
        try:
            answer = await browser.post("/api/heygen/task", task, accept)
            told.append((task["text"], str(answer["status"])))
        except ConnectionResetError:
            told.append((task["text"], "cut"))
    browser.close()
    return told


async def kill_workers(sim: Simulator, server: Server, *, times: int) -> None:
    """Kill the worker while it waits for the vendor, on connections that were used before."""
    for number in range(1, times + 1):
        while sim.count("task") < 32 * number or not (pids := children(server.process.pid)):
            await asyncio.sleep(0.01)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        while server.log.read_text().count("was sent SIGKILL!") < number:
            await asyncio.sleep(0.01)
    server.log.write_text("")  # which `serve` would complain of


class TestBehindNginx:
    def test_an_answer_begins_before_the_vendor_has_answered(
        self, sim: Simulator, serve: Serve, tmp_path: Path
    ) -> None:
        """It does not keep the first line in its buffer."""
        with serve(GTHREAD) as server:
            session_id = server.start()
            nginx = Nginx(tmp_path, NGINX, [f"127.0.0.1:{server.port}"])
            sim.latency["task"] = 1
            try:
                with page_of(urlsplit(nginx.url).port or 0) as page:
                    page.post("task", session_id=session_id, text="Tell me about yourself.")
                    first, spoken_by_then, second = page.line(), sim.texts, page.line()
            finally:
                nginx.end()

        assert (first, spoken_by_then) == ({"status": "accepted"}, ())
        assert second is not None
        assert second["status"] == "success"


def have_ended(sim: Simulator, sessions: int) -> bool:
    return [each.state for each in sim.sessions.values()] == ["closed"] * sessions
