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
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from flask_heygen.simulator import Fault, Simulator
from tests.servers import test_servers
from tests.servers.machines import wait_until
from tests.servers.test_servers import GTHREAD, Serve, Server
from tests.servers.test_two_lines import children

serve = test_servers.serve

TEXT = "Tell me about yourself."
#: Idle connections stay open, so that the browser reuses one.
KEEPS_CONNECTIONS = (*GTHREAD, "--keep-alive", "60")

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
def killed_worker(server: Server) -> Iterator[tuple[int, Callable[[], None]]]:
    """Give the server's own port, and what kills its worker."""
    yield server.port, lambda: kill_worker(server)


@contextmanager
def reset_relay(server: Server) -> Iterator[tuple[int, Callable[[], None]]]:
    """Give the port of a relay, and what resets the browser's connections."""
    with Relay(server.port).running() as relay:
        yield relay.port, relay.reset
    kill_worker(server)  # which still waits for the vendor


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


breakings = pytest.mark.parametrize(
    "breaking", [killed_worker, reset_relay], ids=lambda each: each.__name__
)


@breakings
class TestATextWhoseConnectionBreaks:
    """While the vendor answers, and on a connection that the browser has used before."""

    @pytest.fixture
    def outcome(
        self, sim: Simulator, serve: Serve, page: Page, breaking: Any
    ) -> Callable[[str], Any]:
        """Return a function that speaks with a script, and returns what the page was told."""

        def speak(script: str) -> Any:
            with (
                serve(KEEPS_CONNECTIONS) as server,
                breaking(server) as (port, break_connection),
            ):
                page.goto(f"http://127.0.0.1:{port}/api/heygen/heygen-avatar.js")
                page.evaluate(script)
                page.evaluate("start()")
                sim.fault("task", Fault.SLOW_BODY, seconds=1)
                page.evaluate(SPEAK, TEXT)
                wait_until(lambda: sim.texts == (TEXT,))
                break_connection()
                return page.evaluate("outcome")

        return speak

    def test_is_spoken_once_by_the_module(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The page learns that it may have been spoken."""
        told = outcome(MODULE)

        assert told == "outcome_unknown"
        assert sim.texts == (TEXT,)
        assert len(sim.sessions) == 1

    def test_is_spoken_twice_by_a_plain_fetch(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The browser repeats the request, and the page takes the second answer for the first."""
        told = outcome(PLAIN_FETCH)

        assert told["task_id"] == sim.spoken[1].task_id
        assert sim.texts == (TEXT, TEXT)


@breakings
class TestAStartWhoseConnectionBreaks:
    """On the connection over which the browser has fetched the module."""

    @pytest.fixture
    def outcome(
        self, sim: Simulator, serve: Serve, page: Page, breaking: Any
    ) -> Callable[[str], Any]:
        """Return a function that starts with a script, and returns what the page was told."""

        def start(script: str) -> Any:
            with (
                serve(KEEPS_CONNECTIONS) as server,
                breaking(server) as (port, break_connection),
            ):
                page.goto(f"http://127.0.0.1:{port}/api/heygen/heygen-avatar.js")
                page.evaluate(script)
                sim.fault("new", Fault.SLOW_BODY, seconds=1)
                page.evaluate(START)
                wait_until(lambda: len(sim.sessions) == 1)
                break_connection()
                return page.evaluate("outcome")

        return start

    def test_opens_one_session_by_the_module(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The page learns that it may have been opened."""
        assert outcome(MODULE) == "outcome_unknown"
        assert len(sim.sessions) == 1

    def test_opens_two_sessions_by_a_plain_fetch(
        self, outcome: Callable[[str], Any], sim: Simulator
    ) -> None:
        """The browser repeats the request, and the page knows of the second session alone."""
        assert outcome(PLAIN_FETCH) == "started"
        assert len(sim.sessions) == 2


class TestAPageThatGoes:
    @pytest.mark.parametrize("leave", [Page.close, Page.reload])
    def test_leaves_no_session(
        self, sim: Simulator, serve: Serve, page: Page, leave: Callable[[Page], object]
    ) -> None:
        """One that was being started is stopped: nobody else knows its id."""
        sim.latency["new"] = 0.5
        with serve(KEEPS_CONNECTIONS) as server:
            page.goto(f"http://127.0.0.1:{server.port}/api/heygen/heygen-avatar.js")
            page.evaluate(MODULE)
            page.evaluate(START)
            wait_until(lambda: sim.count("new") == 1)
            leave(page)

            wait_until(lambda: [each.state for each in sim.sessions.values()] == ["closed"])
