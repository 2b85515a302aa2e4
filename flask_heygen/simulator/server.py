"""An HTTP server in its own thread and event loop."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any
from weakref import WeakSet

from aiohttp import web

_BACKLOG = 1024
# Longer than a client's pool should keep a connection, as with a vendor's load balancer.
_KEEPALIVE_SECONDS = 75
# Time for open calls to finish when the server stops; 0 means no limit to aiohttp.
_SHUTDOWN_SECONDS = 0.01
# Linux's state of a connection whose FIN the peer has not acknowledged.
_FIN_WAIT_1 = 4


class Server:
    """One HTTP server on the loopback interface, which can be stopped and started again."""

    def __init__(
        self, make_app: Callable[[], web.Application], port: int, ssl_context: ssl.SSLContext | None
    ) -> None:
        self._make_app = make_app
        #: 0 becomes a free port at the first start, and stays that port.
        self.port = port
        self.ssl_context = ssl_context
        #: TCP connections accepted so far.
        self.connections = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; raises OSError if the port is taken."""
        self._check_thread()
        with self._lock:
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        server = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
        ready: Future[None] = Future()
        thread = threading.Thread(
            target=self._run, args=(server, ready), name="flask_heygen.simulator", daemon=True
        )
        port = server.getsockname()[1]
        thread.start()
        ready.result()
        self._thread = thread
        self.port = port

    def stop(self) -> None:
        """Drop every connection, free the port and end the thread."""
        self._check_thread()
        with self._lock:
            if self._thread is None:
                return

            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join()
            self._thread = None

    def close_connections(self, last_words: bytes) -> None:
        """Close every connection, after these bytes; return when the clients have received that."""
        self.call(lambda: self._close_connections(last_words))

    def refuse_connections(self, seconds: float) -> None:
        """Refuse new connections from now on, for at least so long; open ones stay."""
        self.call(lambda: self._refuse(seconds))

    def call(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a coroutine in the event loop, and wait until it ends or the server stops."""
        self._check_thread()
        with self._lock:  # a loop that ends meanwhile would never begin it
            if self._thread is None:
                return
            running = asyncio.run_coroutine_threadsafe(work(), self._loop)
        with suppress(CancelledError):
            running.result()

    def _check_thread(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "This would wait for the simulator's own thread, in which faults run: call it from "
                "another thread."
            )

    def _run(self, server: socket.socket, ready: Future[None]) -> None:
        with server:
            try:
                asyncio.run(self._serve(server, ready))
            except Exception as error:
                if ready.done():
                    raise
                ready.set_exception(error)  # raised by `start`, which waits in another thread

    async def _serve(self, server: socket.socket, ready: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._accepted: WeakSet[socket.socket] = WeakSet()
        self._refused_until = 0.0
        self._refusing: asyncio.Task[None] | None = None
        runner = web.AppRunner(
            self._make_app(),
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            keepalive_timeout=_KEEPALIVE_SECONDS,
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101  it was set up
        self._http = runner.server
        await self._listen(server)
        ready.set_result(None)
        await self._ended.wait()
        if self._refusing is not None:
            await self._refusing
        await self._stop_listening()
        transports = self._transports()
        await runner.cleanup()
        for transport in transports:
            _abort(transport)  # the connection of a client that does not read would stay open
        for connection in self._accepted:
            with suppress(OSError):  # already closed
                connection.shutdown(socket.SHUT_RDWR)
        for _ in range(5):  # let the event loop close the transports
            await asyncio.sleep(0)

    async def _listen(self, server: socket.socket) -> None:
        listening = _ListeningSocket(fileno=server.detach())
        listening.accepted = self._accepted
        self._listener = await self._loop.create_server(
            self._accept, sock=listening, backlog=_BACKLOG, ssl=self.ssl_context
        )
        self._accepting = True

    async def _stop_listening(self) -> None:
        with suppress(NotImplementedError):  # Windows' event loop has no readers
            for listening in self._listener.sockets:
                self._loop.remove_reader(listening)
        # Connections just accepted need the listener until they have a transport.
        for _ in range(3):
            await asyncio.sleep(0)
        self._listener.close()

    async def _refuse(self, seconds: float) -> None:
        self._refused_until = max(self._refused_until, self._loop.time() + seconds)
        if not self._accepting:
            return

        self._accepting = False
        await self._stop_listening()
        self._refusing = self._loop.create_task(self._listen_again())
        await asyncio.sleep(0)

    async def _listen_again(self) -> None:
        # Bound, so that no connection of a client gets the port for its own end.
        with socket.socket() as bound:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", self.port))
            while (left := self._refused_until - self._loop.time()) > 0:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), left)
                    return
            await self._listen(bound)

    def _accept(self) -> asyncio.Protocol:
        self.connections += 1
        return self._http()

    async def _close_connections(self, last_words: bytes) -> None:
        await asyncio.gather(*(_close(each, last_words) for each in self._transports()))

    def _transports(self) -> list[asyncio.Transport]:
        return [each.transport for each in self._http.connections if each.transport is not None]


class _ListeningSocket(socket.socket):
    """A listening socket that records the connections that it accepts.

    asyncio has no transport for a connection in a TLS handshake, nor for one closed twice over TLS.
    """

    accepted: WeakSet[socket.socket]

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        connection, address = super().accept()
        self.accepted.add(connection)
        return connection, address


async def _close(transport: asyncio.Transport, last_words: bytes) -> None:
    if transport.is_closing():
        _abort(transport)
        return

    transport.write(last_words)
    connection = transport.get_extra_info("socket")
    # Not the transport's method: over TLS it would announce the end, as few load balancers do.
    with suppress(OSError):  # the client has closed it already
        connection.shutdown(socket.SHUT_WR)
    until = time.monotonic() + 1  # a client that does not read acknowledges nothing
    while not transport.is_closing() and _fin_pending(connection) and time.monotonic() < until:
        await asyncio.sleep(0.001)
    _abort(transport)


def _abort(transport: asyncio.Transport) -> None:
    with suppress(AttributeError):  # raised by Python 3.11 for a closed TLS transport
        transport.abort()


def _fin_pending(connection: socket.socket) -> bool:
    if not hasattr(socket, "TCP_INFO"):
        return False
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _FIN_WAIT_1
    except OSError:  # closed: Python 3.10 does not report it for a TLS transport
        return False
