"""Tests of connections that cannot be made, or that were closed between two calls."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from flask_heygen.simulator import Simulator
from tests.constants import question

from .certificates import HOST, Certificate
from .host import FAILED, SHORT, SUCCESS, TIMED_OUT, Code, Host, port_of

#: The head of a TLS record with 122 bytes of a handshake, and the first of them.
HALF_A_HANDSHAKE = b"\x16\x03\x03\x00\x7a\x02"


@contextmanager
def refused(_expired: Certificate) -> Iterator[int]:
    """Bind a port, and do not listen at it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def unresolved(_expired: Certificate) -> Iterator[None]:
    yield None


@contextmanager
def out_of_date(expired: Certificate) -> Iterator[int]:
    with Simulator(ssl_context=expired.context) as sim:
        yield port_of(sim.url)


@contextmanager
def cut_in_the_handshake(_expired: Certificate) -> Iterator[int]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(HALF_A_HANDSHAKE)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextmanager
def silent_in_the_handshake(_expired: Certificate) -> Iterator[int]:
    """Let the system accept connections, and never look at them."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield silent.getsockname()[1]


#: Functions that return a port with a failure, and the error that the page gets.
ROWS: dict[Callable[[Certificate], AbstractContextManager[int | None]], Code] = {
    refused: FAILED,
    unresolved: FAILED,
    out_of_date: FAILED,
    cut_in_the_handshake: FAILED,
    silent_in_the_handshake: TIMED_OUT,
}


@pytest.fixture(params=ROWS)
def failure(
    request: pytest.FixtureRequest, expired: Certificate
) -> tuple[AbstractContextManager[int | None], Code]:
    """Return a context with a failure, and what the page is answered in it."""
    return request.param(expired), ROWS[request.param]


@pytest.mark.parametrize("act", [Host.speak, Host.start, Host.stop])
class TestUnreachableVendor:
    def test_has_done_nothing(
        self,
        secure_host: Host,
        ports: dict[str, int],
        wait_idle: Callable[[], None],
        act: Callable[[Host], Code],
        failure: tuple[AbstractContextManager[int | None], Code],
    ) -> None:
        """The page is told that it may try again."""
        host, (failing, code) = secure_host, failure
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that the task is the first call
        if code == TIMED_OUT:
            host.app.config["HEYGEN_TIMEOUT"] = SHORT
        host.start()
        wait_idle()
        session_id, calls, good = host.session_id, host.sim.calls, ports.pop(HOST)
        host.sim.close_connections()  # or an open one would be used

        with failing as port:
            if port is not None:
                ports[HOST] = port
            assert act(host) == code
            wait_idle()

        assert host.sim.calls == calls
        ports[HOST], host.session_id = good, session_id
        assert host.goes_on()


@pytest.mark.parametrize("kind", ["host", "secure_host"])
class TestIdleConnection:
    @pytest.mark.parametrize(
        "last_words", [b"", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"]
    )
    def test_that_the_vendor_has_closed_is_not_used(
        self,
        request: pytest.FixtureRequest,
        wait_idle: Callable[[], None],
        kind: str,
        last_words: bytes,
    ) -> None:
        """The next task notices before it is sent, and is sent once."""
        host: Host = request.getfixturevalue(kind)
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that the task is the first call
        host.start()

        for number in range(5):
            wait_idle()
            host.sim.close_connections(last_words)
            assert host.speak(question(number)) == SUCCESS

        wait_idle()
        assert host.sim.count("task") == 5
        assert host.sim.count("create_token") == 2 + 5
