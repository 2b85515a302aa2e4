"""An HTTP server in its own thread and event loop."""

import asyncio
import socket
import threading
from asyncio import Protocol
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from aiohttp import web

_BACKLOG = 1024
# Longer than a client's pool should keep a connection, as a vendor's load balancer has it.
_KEEPALIVE_SECONDS = 75
# What open calls get to finish when the server stops; aiohttp takes 0 for no limit.
_SHUTDOWN_SECONDS = 0.01


class Server:
    """One HTTP server on the loopback interface, which can be stopped and started again."""

    def __init__(self, make_app: Callable[[], web.Application], port: int) -> None:
        self._make_app = make_app
        #: 0 becomes a free port at the first start, and stays that port.
        self.port = port
        #: TCP connections accepted so far.
        self.connections = 0
        self._thread: threading.Thread | None = None
        self._end: Callable[[], object] = lambda: None

    def start(self) -> None:
        """Listen; raises OSError if the port is taken."""
        if self._thread is not None:
            return

        server = socket.create_server(("127.0.0.1", self.port), backlog=_BACKLOG)
        ready: Future[Callable[[], object]] = Future()
        thread = threading.Thread(
            target=self._run, args=(server, ready), name="flask_heygen.simulator", daemon=True
        )
        port = server.getsockname()[1]
        thread.start()
        self._end = ready.result()
        self._thread = thread
        self.port = port

    def stop(self) -> None:
        """Drop every connection, free the port and end the thread."""
        if self._thread is None:
            return

        self._end()
        self._thread.join()
        self._thread = None

    def _run(self, server: socket.socket, ready: Future[Callable[[], object]]) -> None:
        with server:
            try:
                asyncio.run(self._serve(server, ready))
            except Exception as error:  # noqa: BLE001  raised again by the thread that waits
                ready.set_exception(error)

    async def _serve(self, server: socket.socket, ready: Future[Callable[[], object]]) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        runner = web.AppRunner(
            self._make_app(),
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            keepalive_timeout=_KEEPALIVE_SECONDS,
        )
        await runner.setup()
        listening = await loop.create_server(
            lambda: self._accept(runner), sock=server, backlog=_BACKLOG
        )
        ready.set_result(partial(loop.call_soon_threadsafe, ended.set))
        await ended.wait()
        listening.close()
        await runner.cleanup()

    def _accept(self, runner: web.AppRunner) -> Protocol:
        self.connections += 1
        assert runner.server is not None  # noqa: S101  set up before anyone can connect
        return runner.server()
