"""TLS sockets that keep a time limit, whatever a record or a handshake arrives in."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

from urllib3.util import wait_for_read, wait_for_write
from urllib3.util.ssltransport import SSLTransport

from .deadline import time_left

_Result = TypeVar("_Result")


def start_tls(sock: Any, context: ssl.SSLContext, hostname: str, end: float) -> Any:
    """Return a TLS socket over ``sock``, its certificate verified, by ``end``."""
    if isinstance(sock, PolledSocket):  # of a proxy, through which this TLS goes
        sock.settimeout(time_left(end))
        return SSLTransport(sock, context, hostname)  # type: ignore[arg-type]  # it is used as one
    polled = PolledSocket(
        context.wrap_socket(sock, server_hostname=hostname, do_handshake_on_connect=False)
    )
    try:
        polled.settimeout(time_left(end))
        polled.do_handshake()
    except BaseException:
        polled.close()
        raise
    return polled


class PolledSocket:
    """A TLS socket that waits with ``poll``, until one moment for all calls together.

    The timeout of gevent's own starts again with each piece of a record or a handshake. Python's
    own releases the GIL whenever its timeout is set, and twice before it finds that nothing has
    arrived yet: with many threads, each release may cost two switches between them.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._deadline = 0.0
        self._drained = False
        self.close = sock.close
        sock.settimeout(0)

    def settimeout(self, timeout: float) -> None:
        """Set the seconds for all calls from now on; with 0, read what has arrived."""
        self._deadline = time.monotonic() + timeout

    def do_handshake(self) -> None:
        """Shake hands."""
        self._complete(self._sock.do_handshake)

    def recv_into(self, buffer: Any) -> int:
        """Read at most as many bytes as ``buffer`` holds."""
        if self._drained:
            self._wait(wait_for_read)
        count = self._complete(self._sock.recv_into, buffer)
        # OpenSSL reads one record at a time, and keeps what the buffer does not hold.
        self._drained = count < len(buffer)
        return count

    def recv(self, size: int) -> bytes:
        """Read at most ``size`` bytes."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def send(self, data: Any) -> int:
        """Send as much of ``data`` as there is room for, one byte at least."""
        # gevent's waits for room, or for the peer.
        while (sent := self._complete(self._sock.send, data)) == 0:
            time_left(self._deadline)
            self._wait(wait_for_write)
        return sent

    def sendall(self, data: Any) -> None:
        """Send all of ``data``."""
        unsent = memoryview(data)
        while unsent:
            unsent = unsent[self.send(unsent) :]

    def _complete(self, operation: Callable[..., _Result], *args: Any) -> _Result:
        """Try until the rest of a record has arrived, or there is room for one."""
        while True:
            try:
                return operation(*args)
            except ssl.SSLWantReadError:
                self._drained = True
                self._wait(wait_for_read)
            except ssl.SSLWantWriteError:
                self._wait(wait_for_write)

    def _wait(self, wait: Callable[[Any, float], bool]) -> None:
        if not wait(self._sock, max(0, self._deadline - time.monotonic())):
            raise TimeoutError("The time limit was reached.")
