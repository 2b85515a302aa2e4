"""A proxy in front of the vendor that damages calls and connections."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from .call import Call, Damage, Reply, none

#: The state of a TCP connection whose FIN has not been acknowledged (Linux).
_FIN_WAIT_1 = 4


class Tunnel:
    """A client's connection and the one to the vendor, in a thread of its own."""

    def __init__(self, proxy: Proxy, connection: socket.socket) -> None:
        self.proxy, self.connection = proxy, connection
        self._onward = http.client.HTTPConnection(proxy.onward.partition("//")[2], timeout=30)

    def run(self) -> None:
        """Forward calls until either side closes its connection."""
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self):
            self.connection = self.proxy.accept(self.connection)
            reused = False
            while True:
                call = Call(self, self.receive(), reused=reused)
                self.proxy.damage_of(call.name)(call)
                reused = True

    def receive(self) -> bytes:
        """Return the next bytes; raises OSError at the end of the connection."""
        if content := self.connection.recv(65536):
            return content
        raise OSError("The connection has ended.")

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        """Send a call to the vendor; return its reply."""
        self._onward.request("POST", path, body, headers)
        reply = self._onward.getresponse()
        return Reply(reply.read(), reply.status, reply.getheader("Content-Type"))

    def end(self, last_words: bytes = b"") -> None:
        """End the client's connection; return when the client has received the FIN."""
        with contextlib.suppress(OSError):
            self.connection.sendall(last_words)
            # Without ssl, which allows no shutdown from another thread.
            socket.socket.shutdown(self.connection, socket.SHUT_WR)
            until = time.monotonic() + 10
            while _fin_pending(self.connection) and time.monotonic() < until:
                time.sleep(0.001)
            socket.socket.shutdown(self.connection, socket.SHUT_RD)

    def close(self) -> None:
        """Close both connections."""
        self.connection.close()
        self._onward.close()


class Proxy:
    """A proxy on 127.0.0.1 in front of a URL, until its block ends."""

    def __init__(self, onward: str, tls: ssl.SSLContext | None = None) -> None:
        self.onward, self.tls = onward, tls
        #: Called with each new connection; returns the one to use.
        self.accept: Callable[[socket.socket], socket.socket] = self.shake_hands
        #: Returns what is done to the next call of a name.
        self.damage_of: Callable[[str], Damage] = lambda _: none
        self.ended = threading.Event()
        self.connections = 0
        #: Name and token of each call that was read, and the headers of the last one.
        self.calls: list[tuple[str, str]] = []
        self.headers: dict[str, str] = {}
        self._tunnels: dict[threading.Thread, Tunnel] = {}
        self._lock = threading.Lock()
        # A second socket keeps the port while the proxy refuses connections.
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
        """The proxy's address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def threads(self) -> set[threading.Thread]:
        """The threads of its connections."""
        with self._lock:
            return set(self._tunnels)

    def count(self, name: str) -> int:
        """Count the calls of a name that were read."""
        with self._lock:
            return Counter(name for name, _ in self.calls)[name]

    def note(self, call: Call, headers: dict[str, str]) -> None:
        """Record a call that was read."""
        with self._lock:
            self.calls.append((call.name, call.token))
            self.headers = headers

    def damage(self, name: str, damage: Damage, times: int | None = None) -> None:
        """Damage the next calls of a name, or all, and no others."""
        numbers = itertools.count() if times is None else itertools.repeat(0, times)
        self.damage_of = lambda each: (
            damage if each == name and next(numbers, None) is not None else none
        )

    def mend(self) -> None:
        """End all damage."""
        self.damage_of = lambda _: none
        self.accept = self.shake_hands
        self.listen()

    def listen(self) -> None:
        """Accept connections."""
        with self._lock:
            if self._listener is not None:
                return
            self._listener = listener = _bound(self.port)
            listener.listen(1024)
        thread = threading.Thread(target=self._serve, args=(listener,))
        thread.start()

    def refuse(self) -> None:
        """Refuse new connections; open ones stay."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # a close alone would not end accept()
            listener.close()

    def hang_up(self, last_words: bytes = b"") -> None:
        """Close all connections, as a vendor does with idle ones."""
        with self._lock:
            tunnels = list(self._tunnels.values())
        for tunnel in tunnels:
            tunnel.end(last_words)

    def shake_hands(self, connection: socket.socket) -> socket.socket:
        """Accept a connection properly."""
        return self.tls.wrap_socket(connection, server_side=True) if self.tls else connection

    def cut_handshake(self, connection: socket.socket) -> socket.socket:
        """Send half of a TLS handshake, and close the connection."""
        assert self.tls is not None
        hello, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
        hello.write(connection.recv(65536))
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.wrap_bio(hello, answer, server_side=True).do_handshake()
        connection.sendall(answer.read(answer.pending // 2))
        raise OSError("The handshake is cut.")

    def stay_silent(self, _connection: socket.socket) -> socket.socket:
        """Send nothing until the proxy ends."""
        self.ended.wait()
        raise OSError("There was no handshake.")

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                tunnel = Tunnel(self, connection)
                thread = threading.Thread(target=self._run, args=(tunnel,))
                with self._lock:
                    self._tunnels[thread] = tunnel
                thread.start()

    def _run(self, tunnel: Tunnel) -> None:
        try:
            tunnel.run()
        finally:
            with self._lock:
                del self._tunnels[threading.current_thread()]


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _fin_pending(connection: socket.socket) -> bool:
    """Return whether the client may not have received the FIN yet."""
    if not hasattr(socket, "TCP_INFO"):
        return False
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _FIN_WAIT_1
