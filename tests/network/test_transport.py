"""Tests of the transport: connection pool, TLS, deadlines, size limits, proxies and retries."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import ssl
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from flask_heygen import HeyGenClient, HeyGenError
from flask_heygen.errors import NotConfigured, OutcomeUnknown, UpstreamFailed, UpstreamTimeout
from flask_heygen.http import connector, pool
from flask_heygen.settings import Settings
from flask_heygen.simulator import Exchange, Fault, Simulator
from tests.constants import KEY, question
from tests.servers.machines import wait_until

from .certificates import Certificate

#: HEYGEN_TIMEOUT in seconds for tests that are not about it, long enough for a slow machine.
TIMEOUT = 10
#: HEYGEN_TIMEOUT for tests that are about it, and the tolerance for a slow machine.
DEADLINE, GRACE = 2, 1.7
#: The part of it after which a call is late: with a deadline of its own from then on, what follows
#: would end after DEADLINE + GRACE.
LATE = 0.9
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


#: The reply to a task.
SPOKEN = b'{"code":100,"message":"success","data":{"task_id":"a-task"}}'


class Received(NamedTuple):
    """A request as it came."""

    path: str
    headers: Message
    body: bytes


class Vendor(BaseHTTPRequestHandler):
    """A vendor with a thread for each connection, for tests that look at connections."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        self.server.connections += 1
        self.server.open.append(self.request)
        self.server.threads.add(threading.current_thread())
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(self.path, self.headers, body))
        if self.path.endswith("create_token"):
            self.answer(b'{"error":null,"data":{"token":"a-token-of-the-vendor-s-own"}}')
        else:
            self.act()

    def act(self) -> None:
        self.answer(SPOKEN)

    def be_silent(self) -> None:
        """Say nothing for longer than any client here waits."""
        self.server.over.wait(60)

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A vendor, or a proxy, that listens in this process."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, kind: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), kind)
        self.received: list[Received] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.threads = set(threading.enumerate())  # those that are not the client's
        self.closed = threading.Semaphore(0)
        self.over = threading.Event()
        if tls is not None:
            # The handshake is left to the connection's own thread.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.release()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""

    def hang_up(self) -> None:
        """Close every connection, as a vendor does with those that have idled too long."""
        while self.open:
            with contextlib.suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def count(self, name: str) -> int:
        return sum(each.path.endswith(f".{name}") for each in self.received)


@contextlib.contextmanager
def serving(
    kind: type[BaseHTTPRequestHandler] = Vendor, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Run a server until the end of the block."""
    with Server(kind, tls) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        server.threads.add(thread)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()


def client_of(url: str, **settings: object) -> HeyGenClient:
    """Make a client whose calls can be counted: no token is minted ahead."""
    config = {"API_KEY": KEY, "BASE_URL": url, "TIMEOUT": TIMEOUT, "SPARE_TOKENS": 0}
    config.update(settings)
    return HeyGenClient(Settings.from_mapping({f"HEYGEN_{name}": config[name] for name in config}))


def speak(client: HeyGenClient, text: str = "Hello.") -> dict[str, Any]:
    """Send a task for a session id that every server here accepts."""
    return client.task("a-session", text)


class Timed:
    """Context manager that asserts that its block ends within the deadline."""

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        assert time.monotonic() - self._begun < DEADLINE + GRACE


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget this machine's proxies and certificates."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


class TestConnections:
    def test_one_is_used_again_and_again(self, sim: Simulator) -> None:
        """Start, tasks and stop, their tokens too, go over one connection."""
        client = client_of(sim.url)

        session_id = client.start()["session_id"]
        for number in range(5):
            client.task(session_id, question(number))
        client.stop(session_id)

        assert len(sim.calls) == 3 + 5 * 2 + 2
        assert sim.connections == 1

    def test_none_is_thrown_away_under_concurrency(self, sim: Simulator) -> None:
        """64 threads share at most 64 connections over several rounds."""
        sim.latency["task"] = 0.4  # in which all of them are under way
        client = client_of(sim.url)
        session_id = client.start()["session_id"]

        with ThreadPoolExecutor(64) as threads:
            for wave in range(4):  # each begins when all connections of the last are free
                texts = [f"Wave {wave}, text {number}." for number in range(64)]
                list(threads.map(lambda text: client.task(session_id, text), texts))

        assert len(set(sim.texts)) == 4 * 64
        assert 32 < sim.connections <= 64

    @pytest.mark.parametrize(("seconds", "connections"), [(29, 1), (31, 2)])
    def test_one_that_has_idled_too_long_is_not_used(
        self, monkeypatch: pytest.MonkeyPatch, seconds: int, connections: int
    ) -> None:
        """Idle time is measured by the wall clock, which goes on while the machine is suspended."""
        with serving() as server:
            client = client_of(server.url)
            speak(client)
            now = time.time
            monkeypatch.setattr(time, "time", lambda: now() + seconds)
            speak(client)

        assert server.connections == connections

    @pytest.mark.parametrize(
        ("keep_alive", "connections"),
        [("timeout=1", 4), ("timeout=60, max=100", 1), ("max=100", 1), ("timeout=soon", 1)],
    )
    def test_the_vendor_may_say_how_long_one_may_idle(
        self, keep_alive: str, connections: int
    ) -> None:
        """A connection is given up a second before the vendor closes it."""

        class Saying(Vendor):
            def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
                super().answer(body, status, Keep_Alive=keep_alive, **headers)

        with serving(Saying) as server:
            client = client_of(server.url)
            speak(client)
            speak(client)

        assert server.connections == connections

    def test_those_that_are_too_many_are_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The oldest first, and not when they are collected."""
        monkeypatch.setattr(pool, "MAX_CONNECTIONS", 1)
        together = threading.Barrier(3)

        class Waiting(Vendor):
            def act(self) -> None:
                together.wait(10)
                super().act()

        with serving(Waiting) as server:
            client = client_of(server.url)
            with ThreadPoolExecutor(3) as threads:
                list(threads.map(lambda _: speak(client), range(3)))

            assert server.connections == 3
            assert [server.closed.acquire(timeout=5) for _ in range(2)] == [True, True]
            assert not server.closed.acquire(timeout=0.1)

    def test_a_client_that_is_closed_leaves_none_open(self) -> None:
        """Neither one that is idle, nor one that is in use, once it has got its response."""
        acting, closed = threading.Event(), threading.Event()

        class Waiting(Vendor):
            def act(self) -> None:
                acting.set()
                closed.wait(10)
                super().act()

        with serving(Waiting) as server, ThreadPoolExecutor(1) as threads:
            client = client_of(server.url)
            task = threads.submit(speak, client)
            acting.wait(10)
            client.close()
            closed.set()

            assert task.result()["task_id"] == "a-task"
            assert server.closed.acquire(timeout=5)

    def test_idle_ones_are_given_up_before_any_vendor_does(self) -> None:
        """60 seconds are what common load balancers allow."""
        assert pool.MAX_IDLE <= 30


class TestUnreachable:
    """A call that surely was not sent is sent once more, and then reported as such."""

    def test_a_refused_connection_is_tried_twice(self, caplog: pytest.LogCaptureFixture) -> None:
        """A refused connection is retried once, and is not reported as a timeout."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        client = client_of(f"http://127.0.0.1:{port}")

        with pytest.raises(UpstreamFailed) as caught:
            speak(client)

        assert (caught.value.code, caught.value.retryable) == ("heygen_error", True)
        assert sum("refused" in message for message in caplog.messages) == 2

    def test_the_second_try_is_as_good_as_the_first(self, sim: Simulator) -> None:
        """A vendor that was away for a moment has spoken the text, once."""
        client = client_of(sim.url)
        session_id = client.start()["session_id"]
        sim.stop()

        with at_first_warning(sim.start):
            client.task(session_id, "Is anyone there?")

        assert sim.texts == ("Is anyone there?",)

    def test_a_task_is_tried_twice_too(
        self, sim: Simulator, caplog: pytest.LogCaptureFixture, wait_idle: Callable[[], None]
    ) -> None:
        """A task is retried if it surely was not sent."""
        client = client_of(sim.url, SPARE_TOKENS=1)
        session_id = client.start()["session_id"]
        wait_idle()  # until the task's token has been minted ahead
        sim.stop()

        with at_first_warning(sim.start):
            client.task(session_id, "Is anyone there?")

        assert sim.texts == ("Is anyone there?",)
        assert "POST /v1/streaming.task got no response" in caplog.text

    def test_a_name_that_is_unknown_is_reported(self, caplog: pytest.LogCaptureFixture) -> None:
        """The log names it: it is most likely misspelt."""
        with pytest.raises(UpstreamFailed):
            speak(client_of("http://does-not-exist.invalid"))

        assert "does-not-exist.invalid" in caplog.text

    def test_a_host_that_never_accepts_is_given_up(self) -> None:
        """The attempt ends at the deadline with a retryable timeout error."""
        with full_server() as url, Timed(), pytest.raises(UpstreamTimeout) as caught:
            speak(client_of(url, TIMEOUT=DEADLINE))

        assert caught.value.retryable

    def test_a_host_of_which_no_address_accepts_is_given_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many there are, they share the time."""
        look_up = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args: 4 * look_up(*args))

        with full_server() as url, Timed(), pytest.raises(UpstreamTimeout):
            speak(client_of(url, TIMEOUT=DEADLINE))

    def test_a_host_of_which_one_address_accepts_is_reached(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first one that does not leaves time for the next."""
        with serving() as server, full_server("127.0.0.2", server.server_port) as full:
            addresses = [
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, server.server_port))
                for address in ("127.0.0.2", "127.0.0.1")
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)

            assert speak(client_of(full))["task_id"] == "a-task"

    def test_the_address_that_accepted_last_is_tried_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A dead route costs one attempt, and not one for each connection."""
        tried: list[str] = []

        class Noting(socket.socket):
            def connect(self, address: Any) -> None:
                tried.append(address[0])
                super().connect(address)

        with serving() as server:
            addresses = [
                (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, server.server_port))
                for address in ("127.0.0.2", "127.0.0.1")  # where nobody listens, and the vendor
            ]
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)
            monkeypatch.setattr(socket, "socket", Noting)
            client = client_of(server.url)
            for _ in range(3):
                speak(client)
                server.hang_up()

        assert tried == ["127.0.0.2", "127.0.0.1", "127.0.0.1", "127.0.0.1"]

    def test_connecting_and_shaking_hands_share_the_time(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A handshake that begins late ends no later."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
        look_up = socket.getaddrinfo

        def look_up_slowly(host: str, *args: Any) -> Any:
            if host == "localhost":
                time.sleep(DEADLINE * LATE)
            return look_up("127.0.0.1", *args)

        monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://localhost:{silent.getsockname()[1]}"
            client = client_of(url, TIMEOUT=DEADLINE)
            with Timed(), pytest.raises(UpstreamTimeout):
                speak(client)

    def test_a_host_that_never_accepts_is_given_up_long_before_the_deadline(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A host that does not accept a connection within five seconds is given up."""
        assert connector.CONNECT_TIMEOUT == 5

        # Patched, as two timeouts of five seconds would be too long for a test.
        monkeypatch.setattr(connector, "CONNECT_TIMEOUT", 0.1)
        with full_server() as url, Timed(), pytest.raises(UpstreamTimeout):
            speak(client_of(url, TIMEOUT=20))

    def test_a_name_that_is_found_too_late_is_given_up(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No time-out bounds the search; the call that has no time left is not made."""
        find = socket.getaddrinfo

        def find_late(*args: Any, **options: Any) -> Any:
            time.sleep(1)
            return find(*args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", find_late)
        with pytest.raises(UpstreamTimeout):
            speak(client_of(sim.url, TIMEOUT=1))

        assert sim.calls == ()
        assert caplog.messages[0].endswith(": The time limit was reached.")


class TestBounds:
    """No reply holds a request longer, or makes it larger, than it may be."""

    def test_a_silence_after_a_late_beginning_ends_at_the_deadline(self, sim: Simulator) -> None:
        """The deadline does not restart with each byte."""

        async def stop(exchange: Exchange) -> None:
            await asyncio.sleep(DEADLINE * LATE)
            await exchange.write(b"HTTP/1.1 200")
            await exchange.wait_closed()

        sim.fault("task", stop)
        with Timed(), pytest.raises(OutcomeUnknown):
            speak(client_of(sim.url, TIMEOUT=DEADLINE))

    def test_a_drip_of_interim_replies_ends_at_the_deadline(self, sim: Simulator) -> None:
        """``100 Continue`` says that there will be a reply, not when."""

        async def continue_forever(exchange: Exchange) -> None:
            while True:
                await exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await asyncio.sleep(0.01)

        sim.fault("task", continue_forever)
        with Timed(), pytest.raises(OutcomeUnknown):
            speak(client_of(sim.url, TIMEOUT=DEADLINE))

    def test_connecting_uses_up_the_same_deadline(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A slow handshake and a silent vendor share one deadline."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))
        # Called in the middle of the handshake.
        late = lambda *_: time.sleep(DEADLINE * LATE)  # noqa: E731
        monkeypatch.setattr(certificate.context, "sni_callback", late)

        with Simulator(ssl_context=certificate.context) as sim:
            sim.fault("*", Fault.NO_RESPONSE, times=None)
            with Timed(), pytest.raises(UpstreamTimeout):
                speak(client_of(sim.url, TIMEOUT=DEADLINE))

    @pytest.mark.parametrize("late", [LATE, 4], ids=["soon enough", "too late"])
    def test_what_sending_takes_is_part_of_it(
        self, monkeypatch: pytest.MonkeyPatch, late: float
    ) -> None:
        """A vendor that reads late, and then is silent, has one deadline for both."""

        class Small(socket.socket):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, **options)
                self.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)

        monkeypatch.setattr(socket, "socket", Small)

        class Late(Vendor):
            def act(self) -> None:
                self.be_silent()

            def do_POST(self) -> None:
                if self.path.endswith("task"):
                    time.sleep(DEADLINE * late)
                super().do_POST()

        with serving(Late) as server:
            server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client = client_of(server.url, MAX_TEXT=80_000, TIMEOUT=DEADLINE)
            with Timed(), pytest.raises(OutcomeUnknown):
                speak(client, "x" * 80_000)
            assert server.count("task") <= 1

    @pytest.mark.parametrize(("more", "code"), [(0, None), (1, "outcome_unknown")])
    def test_a_megabyte_is_read_and_not_a_byte_more(
        self, sim: Simulator, more: int, code: str | None
    ) -> None:
        """A longer reply is rejected, even if its first megabyte is valid JSON."""

        async def pad(_exchange: Exchange) -> web.Response:
            return web.Response(body=SPOKEN.ljust((1 << 20) + more))

        told = None
        sim.fault("task", pad)
        try:
            speak(client_of(sim.url))
        except HeyGenError as error:
            told = error.code

        assert told == code

    @pytest.mark.parametrize("headers", [b"Transfer-Encoding: chunked\r\n", b""])
    def test_a_body_without_end_is_not_read_to_the_end(
        self, sim: Simulator, headers: bytes
    ) -> None:
        """Its first megabyte says enough, whether or not it told its length."""
        sent = []

        async def write_endless_body(exchange: Exchange) -> None:
            await exchange.write(b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n")
            while True:
                await exchange.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent.append(0x10000)

        sim.fault("task", write_endless_body)
        client = client_of(sim.url)
        with Timed(), pytest.raises(OutcomeUnknown):
            speak(client)

        wait_until(lambda: sim.calls[-1].ended is not None)  # the client has hung up
        assert sum(sent) < 16 << 20  # what was read, and what the sockets held

    def test_a_body_in_chunks_is_read_to_its_end(self, sim: Simulator) -> None:
        """The chunk of no size says where that is, and the connection is used again."""

        async def write_chunks(exchange: Exchange) -> None:
            await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (SPOKEN[:20], SPOKEN[20:], b""):
                await exchange.write(b"%x\r\n%s\r\n" % (len(part), part))

        sim.fault("task", write_chunks, times=2)
        client = client_of(sim.url)
        told = [speak(client)["task_id"] for _ in range(2)]

        assert told == ["a-task"] * 2
        assert sim.connections == 1

    def test_headers_without_end_are_not_read_to_the_end(self, sim: Simulator) -> None:
        """Headers count towards the size limit."""

        async def write_endless_headers(exchange: Exchange) -> None:
            await exchange.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                await exchange.write(b"X-Header: " + b"x" * 60_000 + b"\r\n")

        sim.fault("task", write_endless_headers)
        client = client_of(sim.url)
        with Timed(), pytest.raises(OutcomeUnknown):
            speak(client)

        wait_until(lambda: sim.calls[-1].ended is not None)


class TestStrayReplies:
    def test_cookies_are_not_sent_back(self, sim: Simulator) -> None:
        """They would tie the calls of all users together."""
        received = []

        async def set_cookie(exchange: Exchange) -> web.Response:
            received.append(exchange.request.headers.get("Cookie"))
            response = await exchange.execute()
            response.headers["Set-Cookie"] = "balancer=3; Path=/"
            return response

        sim.fault("*", set_cookie, times=None)
        client = client_of(sim.url)
        session_id = client.start()["session_id"]
        for number in range(3):
            client.task(session_id, question(number))

        assert received == [None] * (3 + 3 * 2)

    @pytest.mark.parametrize(
        "location", ["", "/", "//", "http://[", "http://u@[::1", "\xff", "x" * 9999]
    )
    def test_redirects_may_lead_anywhere(self, sim: Simulator, location: str) -> None:
        """A redirect that is not followed need not have a URL."""

        async def redirect(exchange: Exchange) -> None:
            response = web.Response(status=302, headers={"Location": location})
            await exchange.write(b"".join(exchange.encode(response)))

        sim.fault("task", redirect)
        with pytest.raises(HeyGenError) as caught:
            speak(client_of(sim.url))

        assert caught.value.code == "heygen_refused"

    def test_redirects_are_read_no_further_than_any_reply(self, sim: Simulator) -> None:
        """Though they have a body without an end."""
        chunk, sent = b" " * (1 << 20), []

        async def redirect(exchange: Exchange) -> None:
            length = b"Content-Length: %d\r\n" % (64 * len(chunk))
            await exchange.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\n" + length + b"\r\n")
            for _ in range(64):
                await exchange.write(chunk)
                sent.append(chunk)

        sim.fault("task", redirect)
        with pytest.raises(HeyGenError) as caught:
            speak(client_of(sim.url))

        assert caught.value.code == "heygen_refused"
        wait_until(lambda: sim.calls[-1].ended is not None)
        assert len(sent) < 32  # what the two sockets hold, at most

    def test_headers_that_are_none_are_not_logged(
        self, sim: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """They may be an echo of the key or of the token."""
        caplog.set_level(logging.DEBUG)

        async def echo(exchange: Exchange) -> None:
            echo = exchange.request.headers["Authorization"].encode()
            length = b"Content-Length: %d\r\n" % len(SPOKEN)
            head = b"HTTP/1.1 200 OK\r\n%bYou said %b\r\nX: y\r\n\r\n" % (length, echo)
            await exchange.write(head + SPOKEN)

        sim.fault("task", echo)
        speak(client_of(sim.url))

        (token,) = sim.tokens
        assert token.value not in caplog.text

    def test_netrc_is_not_read(
        self, sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its password would take the token's place."""
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login user password secret")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))

        client_of(sim.url).start()

        assert sim.calls[-1].token == sim.tokens[-1].value


class TestCertificates:
    def test_an_unknown_one_is_refused(
        self, certificate: Certificate, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Nothing was sent, and the log says why."""
        with serving(tls=certificate.context) as server, pytest.raises(UpstreamFailed):
            speak(client_of(server.url))

        assert server.received == []
        assert "CERTIFICATE_VERIFY_FAILED" in caplog.text

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
    def test_one_that_the_environment_names_is_accepted(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """As every program of requests does."""
        monkeypatch.setenv(name, str(certificate.path))

        with serving(tls=certificate.context) as server:
            assert speak(client_of(server.url))["task_id"] == "a-task"

    def test_one_in_a_folder_that_the_environment_names_is_accepted(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """As ``openssl rehash`` makes it, and as Debian has it in /etc/ssl/certs."""
        command = f"openssl x509 -in {certificate.path} -noout -subject_hash"
        ran = subprocess.run(command.split(), check=True, capture_output=True, text=True)
        (tmp_path / f"{ran.stdout.strip()}.0").symlink_to(certificate.path)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))

        with serving(tls=certificate.context) as server:
            assert speak(client_of(server.url))["task_id"] == "a-task"

    def test_one_for_another_name_is_refused(
        self,
        strangers_certificate: Certificate,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """A trusted issuer is not enough; the host name must match."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(strangers_certificate.path))

        with serving(tls=strangers_certificate.context) as server, pytest.raises(UpstreamFailed):
            speak(client_of(server.url))

        assert server.received == []
        assert "127.0.0.1" in caplog.text

    def test_the_bundle_is_read_once(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """For all connections: to read it takes longer than a call."""

        class Closing(Vendor):
            def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
                super().answer(body, status, Connection="close")

        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(certificate.path.read_bytes())
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        with serving(Closing, certificate.context) as server:
            client = client_of(server.url)
            bundle.unlink()
            # Hide the bundle of requests, which it would read for each connection.
            monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(bundle))
            for _ in range(3):
                speak(client)

        assert server.connections == 6

    @pytest.mark.parametrize("content", [None, b"", b"no certificate"])
    def test_a_bundle_that_cannot_be_read_is_named(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
    ) -> None:
        """The error names the setting to correct."""
        bundle = tmp_path / "bundle.pem"
        if content is not None:
            bundle.write_bytes(content)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

        with pytest.raises(HeyGenError, match="REQUESTS_CA_BUNDLE") as caught:
            client_of("https://127.0.0.1")

        assert caught.value.code == "not_configured"


class Proxy(Vendor):
    """A proxy that forwards requests and records their targets."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(Received(self.path, self.headers, body))
        host = self.path.split("/")[2]
        onward = http.client.HTTPConnection(host, timeout=5)
        headers = {name: self.headers[name] for name in self.headers}
        with contextlib.closing(onward):
            onward.request("POST", self.path.partition(host)[2], body, headers)
            reply = onward.getresponse()
            self.answer(reply.read(), reply.status)

    def do_CONNECT(self) -> None:
        self.server.received.append(Received(self.path, self.headers, b""))
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port)), timeout=5) as onward:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pass_on, args=(onward, self.connection))
            back.start()
            pass_on(self.connection, onward)
            back.join()
        self.close_connection = True


class TestProxies:
    @pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
    def test_one_for_http_is_used(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """Every call goes over it, and none beside it."""
        with serving(Proxy) as proxy:
            monkeypatch.setenv(name, proxy.url)
            client = client_of(sim.url)
            session_id = client.start()["session_id"]
            client.task(session_id, "By proxy.")

        assert sim.texts == ("By proxy.",)
        assert [each.path for each in proxy.received] == [
            f"{sim.url}{call.path}" for call in sim.calls
        ]
        assert proxy.connections == 1

    def test_one_is_given_its_password(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With each call over http, where there is no tunnel to open."""
        with serving(Proxy) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:the-password@"))
            client_of(sim.url).start()

        sent = [each.headers["Proxy-Authorization"] for each in proxy.received]
        assert len(sent) == 3
        assert set(sent) == {"Basic dXNlcjp0aGUtcGFzc3dvcmQ="}

    def test_one_that_is_reached_over_https_is_used(
        self, sim: Simulator, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that nobody on the way to it reads the key."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))

        with serving(Proxy, certificate.context) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            client_of(sim.url).start()

        assert [each.path for each in proxy.received] == [
            f"{sim.url}{call.path}" for call in sim.calls
        ]

    def test_one_that_is_reached_over_https_may_lead_to_https(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A tunnel within a tunnel."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))

        with (
            serving(Proxy, certificate.context) as proxy,
            serving(tls=certificate.context) as server,
        ):
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            speak(client_of(server.url))

        assert len(proxy.received) == 1
        assert server.count("task") == 1

    def test_one_for_https_sees_no_secret(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is asked for a tunnel, in which the vendor's certificate is checked."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))

        with serving(Proxy) as proxy, serving(tls=certificate.context) as server:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            client = client_of(server.url)
            speak(client)
            speak(client)

        (tunnel,) = proxy.received
        assert tunnel.path == server.url.removeprefix("https://")
        assert not {"authorization", "x-api-key"} & {name.lower() for name in tunnel.headers}
        assert server.count("task") == 2
        assert server.connections == 1

    def test_one_for_https_alone_is_given_its_password(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With the request for a tunnel; what the vendor gets through it does not hold it."""
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate.path))

        with serving(Proxy) as proxy, serving(tls=certificate.context) as server:
            address = proxy.url.replace("//", "//user:the-password@")
            monkeypatch.setenv("HTTPS_PROXY", address)
            speak(client_of(server.url))

        (tunnel,) = proxy.received
        assert tunnel.headers["Proxy-Authorization"] == "Basic dXNlcjp0aGUtcGFzc3dvcmQ="
        assert [each.headers["Proxy-Authorization"] for each in server.received] == [None, None]

    def test_an_unknown_certificate_behind_one_is_refused(
        self, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The vendor's certificate is verified behind a proxy, too."""
        with serving(Proxy) as proxy, serving(tls=certificate.context) as server:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(UpstreamFailed):
                speak(client_of(server.url))

        assert server.received == []

    @pytest.mark.parametrize(
        "url",
        [
            "socks5://:the-password@127.0.0.1:1",
            "http://:the-password@:x",
            "http://:the-password@:1",
            "http://:the-password@",
        ],
    )
    def test_one_that_cannot_be_used_is_no_reason_to_go_without(
        self, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        """A server's settings are wrong, and say which, but not the password in them."""
        monkeypatch.setenv("ALL_PROXY", url)

        with pytest.raises(NotConfigured, match="proxy") as caught:
            client_of("http://127.0.0.1:1")

        assert "the-password" not in "".join(traceback.format_exception(caught.value))

    def test_the_vendor_may_be_excepted(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """``NO_PROXY`` names it."""
        with serving(Proxy) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            client_of(sim.url).start()

        assert proxy.received == []
        assert sim.connections == 1

    def test_one_that_is_not_there_has_sent_nothing(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The vendor is not called directly instead."""
        with socket.create_server(("127.0.0.1", 0)) as closed:
            monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed.getsockname()[1]}")

        with pytest.raises(UpstreamFailed):
            speak(client_of(sim.url))

        assert sim.calls == ()

    def test_one_that_refuses_the_tunnel_has_sent_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log names its status: not its own words, nor the password it was given."""

        class Refusing(Proxy):
            def do_CONNECT(self) -> None:
                self.server.received.append(Received(self.path, self.headers, b""))
                self.wfile.write(b"HTTP/1.1 407 \x1b[2JGo\x0baway\r\nContent-Length: 0\r\n\r\n")

        caplog.set_level(logging.DEBUG)
        with serving(Refusing) as proxy:
            address = proxy.url.replace("//", "//user:the-password@")
            monkeypatch.setenv("HTTPS_PROXY", address)
            with pytest.raises(UpstreamFailed):
                speak(client_of("https://127.0.0.1:1"))

        assert len(proxy.received) == 2
        assert caplog.messages[0].endswith(" 407 Proxy Authentication Required")
        assert "\x1b" not in caplog.text
        assert "the-password" not in caplog.text


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("certificate"), "IP:127.0.0.1")


@pytest.fixture(scope="session")
def strangers_certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("stranger"), "DNS:stranger.test")


@contextlib.contextmanager
def full_server(address: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Listen at a port whose queue is full, so that nobody else gets in."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((address, port))
        full.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        yield f"http://{address}:{full.getsockname()[1]}"


@contextlib.contextmanager
def at_first_warning(act: Callable[[], object]) -> Iterator[None]:
    """Run a function when the first failed attempt is logged, before the next one."""

    def see(record: logging.LogRecord) -> bool:
        if record.levelno == logging.WARNING:
            act()
        return True

    logger = logging.getLogger("flask_heygen.http.client")
    logger.filters.insert(0, see)  # before the package's own filter, which holds records back
    try:
        yield
    finally:
        logger.removeFilter(see)


def pass_on(source: socket.socket, target: socket.socket) -> None:
    """Send on what comes, until nothing does."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
