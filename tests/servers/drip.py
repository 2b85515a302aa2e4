"""TCP relay that can pass on the server's responses byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

#: Seconds between two bytes.
PAUSE = 0.1


class Drip:
    """A relay to a port of this machine, which reads nothing of what it relays."""

    def __init__(self, onward: int) -> None:
        self._onward = onward
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: Set, when what comes back is to drip.
        self.drips = threading.Event()
        self._ended = threading.Event()
        self._sockets = [self._listener]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Drip:  # noqa: PYI034  typing.Self came with Python 3.11
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):  # it has ended by itself
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for each in self._sockets:
            each.close()

    def _run(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it is shut
            while True:
                here, _ = self._listener.accept()
                there = socket.create_connection(("127.0.0.1", self._onward))
                self._sockets += here, there
                self._run(self._relay, here, there, threading.Event())
                self._run(self._relay, there, here, self.drips)

    def _relay(self, one: socket.socket, other: socket.socket, drips: threading.Event) -> None:
        with contextlib.suppress(OSError):  # one of the two has gone
            while content := one.recv(65536):
                size = 1 if drips.is_set() else len(content)
                for start in range(0, len(content), size):
                    other.sendall(content[start : start + size])
                    if drips.is_set() and self._ended.wait(PAUSE):
                        return
            other.shutdown(socket.SHUT_WR)
