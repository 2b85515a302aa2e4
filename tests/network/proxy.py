"""A proxy on the way to the vendor, which may break what passes: its calls, or its connections."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import math
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from .call import Call, Fault, Reply, none

#: The state of a TCP connection whose FIN has not been acknowledged (Linux).
_FIN_WAIT_1 = 4


class Way:
    """A client's connection, and the one on to the vendor, in a thread of its own."""

    def __init__(self, proxy: Proxy, connection: socket.socket) -> None:
        self.proxy, self.connection = proxy, connection
        self._onward = http.client.HTTPConnection(proxy.onward.partition("//")[2], timeout=30)

    def run(self) -> None:
        """Pass calls on until either side has had enough."""
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self):
            self.connection = self.proxy.greet(self.connection)
            reused = False
            while True:
                call = Call(self, self.receive(), reused=reused)
                self.proxy.fault_of(call.name)(call)
                reused = True

    def receive(self) -> bytes:
        """Return some bytes; raises OSError where there are no more."""
        if content := self.connection.recv(65536):
            return content
        raise OSError("The connection has ended.")

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Call the vendor."""
        self._onward.request("POST", path, body, headers)
        reply = self._onward.getresponse()
        return Reply(reply.read(), reply.status, reply.getheader("Content-Type"))

    def end(self, last_words: bytes = b"") -> None:
        """End the client's connection; return when its side has been told."""
        with contextlib.suppress(OSError):
            self.connection.sendall(last_words)
            # Past ssl, which would not have this done from another thread.
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            until = time.monotonic() + 10
            while _untold(self.connection) and time.monotonic() < until:
                time.sleep(0.001)
            socket.socket.shutdown(self.connection, socket.SHUT_RD)

    def close(self) -> None:
        """Free what the connections hold."""
        self.connection.close()
        self._onward.close()


class Proxy:
    """One that listens on 127.0.0.1 and passes on to a URL, until its block ends."""

    def __init__(self, onward: str, tls: ssl.SSLContext | None = None) -> None:
        self.onward, self.tls = onward, tls
        #: What is done to each connection before its first call.
        self.greet: Callable[[socket.socket], socket.socket] = self.shake_hands
        #: What is done to a call of a name.
        self.fault_of: Callable[[str], Fault] = lambda _: none
        self.ended = threading.Event()
        self.connections = 0
        #: The name and token of each call that was read, and the headers of the last.
        self.calls: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self._ways: dict[threading.Thread, Way] = {}
        self._lock = threading.Lock()
        # A second socket keeps the port for us while nobody listens.
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]
        self._listener: socket.socket | None = None

    def __enter__(self) -> Proxy:  # noqa: PYI034  typing.Self came with Python 3.11
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.ended.set()
        self.refuse()
        self._place.close()
        self.hang_up()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def threads(self) -> set[threading.Thread]:
        """Those that are its own, and run."""
        with self._lock:
            return set(self._ways)

    def count(self, name: str) -> int:
        """Count the calls of a name that were read."""
        with self._lock:
            return Counter(name for name, _ in self.calls)[name]

    def note(self, call: Call, headers: dict[str, str]) -> None:
        """Remember a call that was read."""
        with self._lock:
            self.calls.append((call.name, call.token))
            self.headers = headers

    def fault(self, name: str, fault: Fault, times: float = math.inf) -> None:
        """Have the next calls of a name go wrong, and no other."""
        numbers = itertools.count()
        self.fault_of = lambda each: fault if each == name and next(numbers) < times else none

    def mend(self) -> None:
        """Break nothing any more."""
        self.fault_of = lambda _: none
        self.greet = self.shake_hands
        self.listen()

    def listen(self) -> None:
        """Accept connections."""
        with self._lock:
            if self._listener is not None:
                return
            self._listener = listener = _bound(self.port)
            listener.listen(1024)
        thread = threading.Thread(target=self._accept, args=(listener,))
        thread.start()

    def refuse(self) -> None:
        """Refuse connections; those there are remain."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # a close would not wake who waits in accept
            listener.close()

    def hang_up(self, last_words: bytes = b"") -> None:
        """Close all connections, as a vendor does with those that have idled too long."""
        with self._lock:
            ways = list(self._ways.values())
        for way in ways:
            way.end(last_words)

    def shake_hands(self, connection: socket.socket) -> socket.socket:
        """Begin a connection well."""
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection

    def cut_handshake(self, connection: socket.socket) -> socket.socket:
        """Say half of what is to be said in a TLS handshake, and close the connection."""
        assert self.tls is not None
        hello, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello.write(connection.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.wrap_bio(hello, answer, server_side=True).do_handshake()
        connection.sendall(answer.read(answer.pending // 2))
        raise OSError("The handshake is cut.")

    def stay_silent(self, _connection: socket.socket) -> socket.socket:
        """Say nothing until the end."""
        self.ended.wait()
        raise OSError("There was no handshake.")

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                way = Way(self, connection)
                thread = threading.Thread(target=self._run, args=(way,))
                with self._lock:
                    self._ways[thread] = way
                thread.start()

    def _run(self, way: Way) -> None:
        try:
            way.run()
        finally:
            with self._lock:
                del self._ways[threading.current_thread()]


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _untold(connection: socket.socket) -> bool:
    """Tell whether the other side may not have got our FIN yet."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _FIN_WAIT_1
