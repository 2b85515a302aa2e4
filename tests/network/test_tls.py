"""Tests of the TLS socket's reads, writes and timeouts."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from flask_heygen.http.tls import PolledSocket, start_tls

from .certificates import HOST, Certificate

#: Bytes; more than one TLS record, and than sockets have room for.
MUCH = b"0123456789abcdef" * (1 << 16)


class Peer(threading.Thread):
    """The other end of the connection, which returns its TLS records for the test to send."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__()
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    def run(self) -> None:
        """Shake hands; what it sends last, the session tickets, is left for later."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._sock.sendall(self._out.read())
                self._in.write(self._sock.recv(1 << 16))
            else:
                return

    def records(self, data: bytes = b"") -> bytes:
        """Return the records that hold ``data``, after those that were left for later."""
        if data:
            self._tls.write(data)
        return self._out.read()

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def receive(self, size: int) -> bytes:
        """Return as many bytes of what was sent to it."""
        received = b""
        while len(received) < size:
            try:
                received += self._tls.read(1 << 16)
            except ssl.SSLWantReadError:
                self._in.write(self._sock.recv(1 << 16))
        return received

    def hang_up(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)


@dataclass
class Pair:
    sock: PolledSocket
    peer: Peer


@pytest.fixture
def pair(certificate: Certificate) -> Iterator[Pair]:
    """Connect a socket with its peer, whose session tickets are still to come."""
    context = ssl.create_default_context(cafile=certificate.path)
    with ExitStack() as stack:
        here, there = map(stack.enter_context, socket.socketpair())
        peer = Peer(there, certificate.context)
        peer.start()
        sock = start_tls(here, context, HOST, time.monotonic() + 10)
        peer.join()
        stack.callback(sock.close)
        assert isinstance(sock, PolledSocket)
        yield Pair(sock, peer)


class TestReading:
    @pytest.mark.parametrize("size", [1, 4096, 16_384, 65_536])
    def test_returns_all_that_has_arrived(self, pair: Pair, size: int) -> None:
        """A buffer may be smaller than a record, of which OpenSSL keeps the rest, or larger."""
        pair.sock.settimeout(10)
        pair.peer.send(pair.peer.records(MUCH[:40_000]))
        received = b""
        while len(received) < 40_000:
            received += pair.sock.recv(size)

        assert received == MUCH[:40_000]

    def test_waits_for_the_rest_of_a_record(self, pair: Pair) -> None:
        pair.sock.settimeout(10)
        record = pair.peer.records(b"hello")
        pair.peer.send(record[:-5])
        later = threading.Timer(0.1, pair.peer.send, [record[-5:]])
        later.start()

        assert pair.sock.recv(100) == b"hello"
        later.join()

    def test_ends_in_time_within_a_record(self, pair: Pair) -> None:
        """The time does not start again with each byte."""
        pair.sock.settimeout(0.3)
        over = threading.Event()

        def drip(record: bytes) -> None:
            for each in record:
                pair.peer.send(bytes([each]))
                if over.wait(0.05):
                    break

        dripping = threading.Thread(target=drip, args=(pair.peer.records(MUCH[:16_000]),))
        dripping.start()
        with pytest.raises(TimeoutError):
            pair.sock.recv(100)
        over.set()
        dripping.join()

    def test_is_empty_once_the_peer_has_hung_up(self, pair: Pair) -> None:
        pair.sock.settimeout(10)
        pair.peer.send(pair.peer.records(b"bye"))
        pair.peer.hang_up()

        assert [pair.sock.recv(100), pair.sock.recv(100)] == [b"bye", b""]


class TestLooking:
    """Reading with a timeout of 0."""

    def test_finds_nothing(self, pair: Pair) -> None:
        pair.sock.settimeout(0)
        with pytest.raises(TimeoutError):
            pair.sock.recv(1)

    def test_takes_session_tickets_for_nothing(self, pair: Pair) -> None:
        """They arrive with the first response, or after it."""
        pair.peer.send(pair.peer.records())
        pair.sock.settimeout(0)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                pair.sock.recv(1)

    def test_finds_the_end(self, pair: Pair) -> None:
        pair.peer.hang_up()
        pair.sock.settimeout(0)

        assert pair.sock.recv(1) == b""


class TestSending:
    def test_waits_for_room(self, pair: Pair) -> None:
        pair.sock.settimeout(10)
        received: list[bytes] = []
        reading = threading.Thread(target=lambda: received.append(pair.peer.receive(len(MUCH))))
        reading.start()
        pair.sock.sendall(MUCH)
        reading.join()

        assert received == [MUCH]

    def test_ends_in_time_without_room(self, pair: Pair) -> None:
        pair.sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            pair.sock.sendall(MUCH)
