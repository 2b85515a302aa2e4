"""TLS sockets that keep a time limit, and leave the CPU to other threads as rarely as they can."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

from urllib3.util import wait_for_read, wait_for_write
from urllib3.util.ssltransport import SSLTransport

from .deadline import time_left


def start_tls(sock: Any, context: ssl.SSLContext, hostname: str, end: float) -> Any:
    """Return a TLS socket over ``sock``, its certificate verified, by ``end``.

    The timeout of Python's own limits a whole handshake and a whole read. gevent's starts again
    with each piece of a TLS record, and neither works over another TLS socket.
    """
    sock.settimeout(time_left(end))
    if _is_native(context.sslsocket_class) and isinstance(sock, socket.socket):
        return PolledSocket(context.wrap_socket(sock, server_hostname=hostname))
    bounded: Any = DeadlineSocket(sock, time_left(end))
    return SSLTransport(bounded, context, hostname)


def _is_native(sslsocket_class: type) -> bool:
    """Return whether the class is Python's own and not, for example, gevent's."""
    return sslsocket_class.__module__ == ssl.__name__


class PolledSocket:
    """A TLS socket that waits with ``poll`` before it reads.

    Python's own releases the GIL whenever its timeout is set, and twice before it finds that
    nothing has arrived yet. With many threads, each release may cost two switches between them.
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

    def recv_into(self, buffer: Any) -> int:
        """Read at most as many bytes as ``buffer`` holds."""
        while True:
            if self._drained:
                self._wait(wait_for_read)
            try:
                count = self._sock.recv_into(buffer)
            except ssl.SSLWantReadError:  # a part of a record, or one without data
                self._drained = True
                continue
            # OpenSSL reads one record at a time, and keeps what the buffer does not hold.
            self._drained = count < len(buffer)
            return count

    def recv(self, size: int) -> bytes:
        """Read at most ``size`` bytes."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(buffer)])

    def send(self, data: Any) -> int:
        """Send as much of ``data`` as there is room for."""
        while True:
            try:
                return self._sock.send(data)
            except ssl.SSLWantWriteError:
                self._wait(wait_for_write)
            except ssl.SSLWantReadError:
                self._wait(wait_for_read)

    def sendall(self, data: Any) -> None:
        """Send all of ``data``."""
        unsent = memoryview(data)
        while unsent:
            unsent = unsent[self.send(unsent) :]

    def _wait(self, wait: Any) -> None:
        if not wait(self._sock, max(0, self._deadline - time.monotonic())):
            raise TimeoutError("The time limit was reached.")


class DeadlineSocket:
    """A socket whose timeout limits all calls together, for TLS that reads in several calls."""

    def __init__(self, sock: Any, timeout: float) -> None:
        self._sock = sock
        self.close = sock.close
        self.settimeout(timeout)

    def settimeout(self, timeout: float) -> None:
        """Set the seconds for all calls from now on."""
        self._deadline = time.monotonic() + timeout

    def recv(self, size: int) -> bytes:
        """Receive at most ``size`` bytes."""
        self._sock.settimeout(max(0, self._deadline - time.monotonic()))
        try:
            data: bytes = self._sock.recv(size)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("The time limit was reached.") from None
        return data

    def sendall(self, data: bytes) -> None:
        """Send all of ``data``."""
        if data:
            self._sock.settimeout(time_left(self._deadline))
            self._sock.sendall(data)
