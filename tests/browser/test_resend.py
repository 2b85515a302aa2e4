"""A browser that sends a request again by itself when its connection breaks."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from flask_heygen.simulator import Fault, Simulator
from tests.network.certificates import Certificate
from tests.servers import test_servers
from tests.servers.machines import children, wait_until
from tests.servers.nginx import Nginx
from tests.servers.test_servers import GEVENT, GTHREAD, Serve, Server

if TYPE_CHECKING:  # it needs websockets
    from tests.browser.firefox import Tab

serve = test_servers.serve

TEXT = "Tell me about yourself."
#: Seconds by which the answer's first line, if there are two, comes before the vendor has acted.
AHEAD = 0.5
#: Idle connections stay open, so that the browser reuses one.
KEEPS_CONNECTIONS = ("--keep-alive", "60")

MODULE = """
async () => {
  const { HeyGenAvatar } = await import("/api/heygen/heygen-avatar.js");
  const avatar = new HeyGenAvatar();
  globalThis.start = () => avatar.start();
  globalThis.speak = (text) => avatar.speak(text);
}
"""

PLAIN_FETCH = """
() => {
  const post = async (route, body) => {
    const headers = { "Content-Type": "application/json" };
    const options = { method: "POST", headers, body: JSON.stringify(body) };
    return (await (await fetch(`/api/heygen/${route}`, options)).json()).data;
  };
  let session;
  globalThis.start = async () => { session = await post("start", {}); };
  globalThis.speak = (text) => post("task", { session_id: session.session_id, text });
}
"""

START = """
() => { globalThis.outcome = start().then(() => "started", (error) => error.code); }
"""

#: An nginx that speaks HTTP/2, on one connection for all requests.
NGINX = """
upstream host {{ server 10.0.0.1:8000; keepalive 4; }}
server {{
    listen 80 ssl http2;
    ssl_certificate {folder}/certificate;
    ssl_certificate_key {folder}/key;
    location / {{ proxy_pass http://host; proxy_http_version 1.1; proxy_set_header Connection ""; }}
}}
"""

SPEAK = """
(text) => { globalThis.outcome = speak(text).catch((error) => error.code); }
"""


class Relay:
    """A relay to a server, whose connections to browsers can be reset."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._peers: dict[socket.socket, socket.socket] = {}
        self._browsers: set[socket.socket] = set()
        self._resets, self._ends = threading.Event(), threading.Event()

    @contextmanager
    def running(self) -> Iterator[Relay]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self._ends.set()
            thread.join()

    def reset(self) -> None:
        """Reset the connections to browsers, once all that came for them has been passed on."""
        self._resets.set()
        wait_until(lambda: not self._resets.is_set())

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            while not self._ends.is_set():
                resets = self._resets.is_set()  # before looking for what is to be passed on
                ready = selector.select(0.01)
                for key, _ in ready:
                    self._relay(key.fileobj, selector)  # type: ignore[arg-type]
                if resets and not ready:
                    for browser in [*self._browsers]:
                        browser.setsockopt(
                            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                        )
                        self._close(browser, selector)
                    self._resets.clear()
        for each in (self._listener, *self._peers):
            each.close()

    def _relay(self, source: socket.socket, selector: selectors.BaseSelector) -> None:
        if source is self._listener:
            browser, _ = source.accept()
            server = socket.create_connection(("127.0.0.1", self._server))
            self._browsers.add(browser)
            self._peers.update({browser: server, server: browser})
            selector.register(browser, selectors.EVENT_READ)
            selector.register(server, selectors.EVENT_READ)
        elif source in self._peers:
            try:
                content = source.recv(65536)
                self._peers[source].sendall(content)
            except OSError:
                content = b""
            if not content:
                self._close(source, selector)

    def _close(self, side: socket.socket, selector: selectors.BaseSelector) -> None:
        for each in (side, self._peers[side]):
            selector.unregister(each)
            each.close()
            del self._peers[each]
            self._browsers.discard(each)


def kill_worker(server: Server) -> None:
    [pid] = children(server.process.pid)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: f"Worker (pid:{pid}) was sent SIGKILL!" in server.log.read_text())
    assert server.post("no-such-route")[0] == 404  # by its successor, which can then be ended
    server.log.write_text("")  # which `serve` would complain of


@contextmanager
def killed_worker(server: Server) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the server's own URL, and what kills its worker."""
    yield f"http://127.0.0.1:{server.port}", lambda: kill_worker(server)


@contextmanager
def reset_relay(server: Server) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the URL of a relay, and what resets the browser's connections."""
    with Relay(server.port).running() as relay:
        yield f"http://127.0.0.1:{relay.port}", relay.reset
    kill_worker(server)  # which still waits for the vendor


@contextmanager
def reset_http_2(server: Server) -> Iterator[tuple[str, Callable[[], None]]]:
    """Give the URL of a relay to nginx, and what resets the browser's connection."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        Certificate(folder, "IP:127.0.0.1")
        nginx = Nginx(folder, NGINX.format(folder=folder), [f"127.0.0.1:{server.port}"])
        try:
            with Relay(urlsplit(nginx.url).port or 0).running() as relay:
                yield f"https://127.0.0.1:{relay.port}", relay.reset
        finally:
            nginx.end()
    kill_worker(server)


@pytest.fixture(params=["chromium", pytest.param("firefox", marks=pytest.mark.ci)])
def page(request: pytest.FixtureRequest) -> Iterator[Page | Tab]:
    if request.param == "firefox":
        yield request.getfixturevalue("tab")
        return
    browser = request.getfixturevalue("browser")
    with browser.new_context(ignore_https_errors=True) as context:
        yield context.new_page()


KILLED, RESET = (
    pytest.param((GTHREAD, killed_worker), id="killed worker"),
    pytest.param((GTHREAD, reset_relay), id="reset"),
)
KILLED_GEVENT = pytest.param((GEVENT, killed_worker), id="killed gevent", marks=pytest.mark.ci)
#: Over HTTP/2 Chromium repeats a request, and Firefox does not.
RESET_HTTP_2 = pytest.param((GTHREAD, reset_http_2), id="reset, HTTP 2", marks=pytest.mark.ci)


def open_module(page: Page | Tab, url: str) -> None:
    """Open a page of the server's origin, over a connection that is used again."""
    page.goto(f"{url}/api/heygen/heygen-avatar.js")
    protocol = page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
    assert protocol == ("h2" if url.startswith("https") else "http/1.1")


class TestATextWhoseConnectionBreaks:
    """While the vendor answers, and on a connection that the browser has used before."""

    @pytest.fixture
    def outcome(
        self, sim: Simulator, serve: Serve, page: Page | Tab, breaking: Any
    ) -> Callable[[str], Any]:
        """Return a function that speaks with a script, and returns what the page was told."""
        worker, break_off = breaking

        def speak(script: str) -> Any:
            with (
                serve((*worker, *KEEPS_CONNECTIONS)) as server,
                break_off(server) as (url, break_connection),
            ):
                open_module(page, url)
                page.evaluate(script)
                page.evaluate("start()")
                sim.latency["task"] = AHEAD
                sim.fault("task", Fault.SLOW_BODY, seconds=1)
                page.evaluate(SPEAK, TEXT)
                wait_until(lambda: sim.texts == (TEXT,))
                break_connection()
                return page.evaluate("outcome")

        return speak

    @pytest.mark.parametrize("breaking", [KILLED, KILLED_GEVENT, RESET, RESET_HTTP_2])
    def test_is_spoken_once_by_the_module(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The page learns that it may have been spoken."""
        told = outcome(MODULE)

        assert told == "outcome_unknown"
        assert sim.texts == (TEXT,)
        assert len(sim.sessions) == 1

    @pytest.mark.parametrize("breaking", [KILLED, RESET])
    def test_is_spoken_twice_by_a_plain_fetch(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The browser repeats the request, and the page takes the second answer for the first."""
        told = outcome(PLAIN_FETCH)

        assert told["task_id"] == sim.spoken[1].task_id
        assert sim.texts == (TEXT, TEXT)


class TestAStartWhoseConnectionBreaks:
    """On the connection over which the browser has fetched the module."""

    @pytest.fixture
    def outcome(
        self, sim: Simulator, serve: Serve, page: Page | Tab, breaking: Any
    ) -> Callable[[str], Any]:
        """Return a function that starts with a script, and returns what the page was told."""
        worker, break_off = breaking

        def start(script: str) -> Any:
            with (
                serve((*worker, *KEEPS_CONNECTIONS)) as server,
                break_off(server) as (url, break_connection),
            ):
                open_module(page, url)
                page.evaluate(script)
                sim.latency["new"] = AHEAD
                sim.fault("new", Fault.SLOW_BODY, seconds=1)
                page.evaluate(START)
                wait_until(lambda: len(sim.sessions) == 1)
                break_connection()
                return page.evaluate("outcome")

        return start

    @pytest.mark.parametrize("breaking", [KILLED, KILLED_GEVENT, RESET, RESET_HTTP_2])
    def test_opens_one_session_by_the_module(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The page learns that it may have been opened."""
        assert outcome(MODULE) == "outcome_unknown"
        assert len(sim.sessions) == 1

    @pytest.mark.ci
    @pytest.mark.parametrize("breaking", [KILLED, RESET])
    def test_opens_two_sessions_by_a_plain_fetch(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The browser repeats the request, and the page knows of the second session alone."""
        assert outcome(PLAIN_FETCH) == "started"
        assert len(sim.sessions) == 2


class TestAPageThatGoes:
    @pytest.mark.parametrize(
        "leave", [methodcaller("close"), methodcaller("reload")], ids=["close", "reload"]
    )
    def test_leaves_no_session(
        self, sim: Simulator, serve: Serve, page: Page | Tab, leave: Callable[[Page | Tab], object]
    ) -> None:
        """One that was being started is stopped: nobody else knows its id."""
        sim.latency["new"] = 0.5
        with serve((*GTHREAD, *KEEPS_CONNECTIONS)) as server:
            page.goto(f"http://127.0.0.1:{server.port}/api/heygen/heygen-avatar.js")
            page.evaluate(MODULE)
            page.evaluate(START)
            wait_until(lambda: sim.count("new") == 1)
            leave(page)

            wait_until(lambda: [each.state for each in sim.sessions.values()] == ["closed"])
