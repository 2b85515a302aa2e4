"""Each fault of the simulator, as it comes over the wire."""

import contextlib
import gc
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web

from flask_heygen.simulator import Exchange, Fault, Simulator
from tests.constants import KEY
from tests.network.certificates import Certificate
from tests.network.host import port_of
from tests.servers.machines import wait_until

Post = Callable[..., requests.Response]

UNTOUCHED = sorted(
    set(Fault) - {Fault.RESET_AFTER, Fault.TRUNCATED, Fault.SLOW_BODY, Fault.SLOW_HEADERS},
    key=lambda fault: fault.value,
)


@pytest.fixture
def sim(configure: Callable[..., Simulator]) -> Simulator:
    sim = configure(ms_per_character=1)
    sim.start()
    return sim


@pytest.fixture
def post(sim: Simulator) -> Iterator[Post]:
    with requests.Session() as http:
        http.trust_env = False

        def post(call: str, body: object, **headers: str) -> requests.Response:
            url = f"{sim.url}/v1/streaming.{call}"
            return http.post(url, json=body, headers=headers, timeout=10, allow_redirects=False)

        yield post


@pytest.fixture
def token(post: Post) -> str:
    reply = post("create_token", {}, **{"X-Api-Key": KEY})
    return str(reply.json()["data"]["token"])


@pytest.fixture
def talk(post: Post, token: str) -> Callable[[], requests.Response]:
    """Send a task to a session that is ready for it."""
    bearer = {"Authorization": f"Bearer {token}"}
    session_id = post("new", {}, **bearer).json()["data"]["session_id"]
    post("start", {"session_id": session_id}, **bearer)
    body = {"session_id": session_id, "text": "the text", "task_mode": "async"}
    return lambda: post("task", body, **bearer)


Talk = Callable[[], requests.Response]


def outcome(talk: Talk) -> int | None:
    """Return the status of a task, or None if there was no whole reply."""
    try:
        return talk().status_code
    except requests.RequestException:
        return None


def accepts(sim: Simulator) -> bool:
    """Return whether a new connection is accepted."""
    try:
        return requests.get(sim.url, timeout=10).ok
    except requests.ConnectionError:
        return False


class TestReplies:
    @pytest.mark.parametrize(
        ("fault", "status", "body"),
        [
            (Fault.UNAUTHORIZED, 401, b'{"code":400112,"message":"Unauthorized"}\n'),
            (Fault.SUNSET, 410, b'{"error":{"code":"endpoint_sunset","message":"This'),
            (Fault.RATE_LIMITED, 429, b'{"code":400123,"message":"Exceed rate limit"}\n'),
            (Fault.SERVER_ERROR, 500, b'{"code":500,"message":"Internal Server Error"}\n'),
            (Fault.HTML, 502, b"<html>"),
            (Fault.INVALID_JSON, 200, b'{"code":100,"message":'),
            (Fault.NO_DATA, 200, b'{"code":100,"message":"success","data":null}'),
            (Fault.ECHO, 400, b'{"code":400006,"message":"Invalid params: '),
            (Fault.REDIRECT, 307, b""),
            (Fault.HUGE, 200, b'{"code":100,"message":"success","data":{"padding":"xxx'),
        ],
    )
    def test_body(self, sim: Simulator, talk: Talk, fault: Fault, status: int, body: bytes) -> None:
        """A fault that replies has its status and body, once; the connection lives on."""
        sim.fault("task", fault)
        before = sim.connections
        reply, after = talk(), talk()

        assert reply.status_code == status
        assert reply.content.startswith(body)
        assert after.status_code == 200
        assert [call.status for call in sim.calls[-2:]] == [status, 200]
        assert sim.connections == before

    @pytest.mark.parametrize("fault", UNTOUCHED)
    def test_not_acted_on(self, sim: Simulator, post: Post, talk: Talk, fault: Fault) -> None:
        """Unless it is said to be acted on, a faulty task is not spoken."""
        sim.fault("task", fault)
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(outcome, talk)
            while sim.count("task") == 0:
                time.sleep(0.005)
            if fault is Fault.NO_RESPONSE:
                sim.stop()
            task.result(timeout=10)

        assert sim.texts == ()

    def test_create_token_without_data(self, sim: Simulator, post: Post) -> None:
        """A create_token without data has its own envelope."""
        sim.fault("create_token", Fault.NO_DATA)

        assert post("create_token", {}).json() == {"error": None, "data": None}

    @pytest.mark.parametrize(("given", "header"), [({}, "7"), ({"retry_after": 30}, "30")])
    def test_retry_after(
        self, sim: Simulator, talk: Talk, given: dict[str, int], header: str
    ) -> None:
        """A rate limit says when to come again."""
        sim.fault("task", Fault.RATE_LIMITED, retry_after=given.get("retry_after", 7))

        assert talk().headers["Retry-After"] == header

    def test_html(self, sim: Simulator, talk: Talk) -> None:
        """A proxy's page is not JSON, and says so."""
        sim.fault("task", Fault.HTML)

        assert talk().headers["Content-Type"] == "text/html"

    def test_nonsense(self, sim: Simulator, talk: Talk) -> None:
        """Nonsense calls itself JSON."""
        sim.fault("task", Fault.INVALID_JSON)
        reply = talk()

        assert reply.headers["Content-Type"] == "application/json"
        with pytest.raises(requests.JSONDecodeError):
            reply.json()

    def test_echo(self, sim: Simulator, talk: Talk, token: str) -> None:
        """An echo repeats the token and the text."""
        sim.fault("task", Fault.ECHO)
        message = talk().json()["message"]

        assert message == f"Invalid params: Bearer {token}, the text"

    @pytest.mark.parametrize("body", [{}, None])
    def test_echo_of_the_key(self, sim: Simulator, post: Post, body: object) -> None:
        """An echo repeats the key."""
        sim.fault("create_token", Fault.ECHO)
        reply = post("create_token", body, **{"X-Api-Key": KEY})

        assert reply.json()["message"] == f"Invalid params: {KEY}"

    def test_redirect(self, sim: Simulator, talk: Talk) -> None:
        """A redirect leads where nothing is, and following it is seen."""
        sim.fault("task", Fault.REDIRECT)
        reply = talk()

        assert reply.headers["Location"] == "/v1/elsewhere"
        assert sim.count("unknown") == 0

    def test_huge(self, sim: Simulator, talk: Talk) -> None:
        """A huge reply is good JSON of 5 MB."""
        sim.fault("task", Fault.HUGE)

        assert len(talk().json()["data"]["padding"]) == 5_000_000


class TestConnections:
    @pytest.mark.parametrize(
        ("fault", "texts"), [(Fault.RESET_BEFORE, ()), (Fault.RESET_AFTER, ("the text",))]
    )
    def test_cut(self, sim: Simulator, talk: Talk, fault: Fault, texts: tuple[str, ...]) -> None:
        """A cut resets the connection without a reply, before or after the act."""
        sim.fault("task", fault)
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            talk()

        assert sim.texts == texts
        assert sim.calls[-1].status is None
        assert sim.calls[-1].ended is not None

    def test_cut_session(self, sim: Simulator, post: Post, token: str) -> None:
        """A streaming.new that is cut after the act leaves a session behind."""
        sim.fault("new", Fault.RESET_AFTER)
        with pytest.raises(requests.ConnectionError):
            post("new", {}, Authorization=f"Bearer {token}")

        assert [session.state for session in sim.sessions.values()] == ["new"]

    def test_half(self, sim: Simulator, talk: Talk) -> None:
        """Half a reply is acted on, and shorter than its Content-Length."""
        sim.fault("task", Fault.TRUNCATED)
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            talk()

        assert sim.texts == ("the text",)
        assert sim.calls[-1].status == 200

    @pytest.mark.parametrize("fault", [Fault.SLOW_BODY, Fault.SLOW_HEADERS])
    def test_drip(self, sim: Simulator, talk: Talk, fault: Fault) -> None:
        """A dripping reply is acted on, and comes whole if one has the patience."""
        sim.fault("task", fault, seconds=0.001)
        began = time.monotonic()
        reply = talk()

        assert reply.json()["message"] == "success"
        assert time.monotonic() - began > 0.001 * (len(reply.content) - 1)
        assert sim.texts == ("the text",)

    def test_drip_headers_come_at_once(self, sim: Simulator) -> None:
        """Only SLOW_HEADERS sends them a byte at a time."""
        first = {}
        for fault in (Fault.SLOW_BODY, Fault.SLOW_HEADERS):
            sim.fault("list", fault, seconds=0.4)
            with socket.create_connection(("127.0.0.1", port_of(sim.url)), timeout=10) as client:
                client.sendall(b"GET /v1/streaming.list HTTP/1.1\r\nHost: localhost\r\n\r\n")
                first[fault] = client.recv(65536)

        assert b"\r\n\r\n" in first[Fault.SLOW_BODY]
        assert 0 < len(first[Fault.SLOW_HEADERS]) < len(b"HTTP/1.1 401 Unauthorized")

    @pytest.mark.parametrize("fault", [Fault.NO_RESPONSE, Fault.SLOW_BODY, Fault.SLOW_HEADERS])
    def test_client_leaves(self, sim: Simulator, fault: Fault) -> None:
        """A call that its client has given up is over."""
        sim.fault("list", fault, seconds=0.4)
        with pytest.raises(requests.RequestException, match="timed out"):
            requests.get(sim.url + "/v1/streaming.list", timeout=(5, 0.1))
        wait_until(lambda: any(call.ended for call in sim.calls))

        assert sim.count("list") == 1

    @pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.TRUNCATED])
    def test_client_left(self, sim: Simulator, fault: Fault) -> None:
        """A client that left while the call was delayed does not break the fault."""
        sim.latency["list"] = 0.5
        sim.fault("list", fault)
        with pytest.raises(requests.Timeout):
            requests.get(sim.url + "/v1/streaming.list", timeout=(5, 0.1))
        wait_until(lambda: any(call.ended for call in sim.calls))

        sim.latency["list"] = 0
        assert requests.get(sim.url + "/v1/streaming.list", timeout=5).status_code == 401


class TestFunctions:
    def test_gets_the_call(self, sim: Simulator, talk: Talk) -> None:
        """It may return the true response, changed or not."""
        names = []

        async def teapot(exchange: Exchange) -> web.Response:
            names.append((exchange.name, exchange.api, exchange.reused, exchange.seconds))
            response = await exchange.execute()
            response.set_status(418)
            return response

        sim.fault("task", teapot, seconds=3)

        assert talk().status_code == 418
        assert sim.texts == ("the text",)
        assert sim.calls[-1].status == 418
        assert names == [("task", "streaming", True, 3)]

    def test_writes_bytes(self, sim: Simulator, talk: Talk) -> None:
        """Only the bytes that it writes are sent, and the connection stays open."""

        async def accept(exchange: Exchange) -> None:
            await exchange.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}")

        sim.fault("task", accept)
        before = sim.connections
        reply, after = talk(), talk()

        assert (reply.status_code, reply.content) == (202, b"{}")
        assert after.status_code == 200
        assert sim.texts == ("the text",)
        assert sim.connections == before

    def test_closes_the_connection(self, sim: Simulator, talk: Talk) -> None:
        """Without a byte it is no response."""

        async def close(exchange: Exchange) -> None:
            exchange.close()

        sim.fault("task", close)
        with pytest.raises(requests.ConnectionError, match="without response"):
            talk()

        assert sim.calls[-1].status is None

    def test_encodes_the_response(self, sim: Simulator, talk: Talk) -> None:
        """Head and body, as they are sent without the fault."""
        sent = []

        async def encode(exchange: Exchange) -> web.Response:
            response = await exchange.execute()
            sent.append(exchange.encode(response))
            return response

        sim.fault("task", encode)
        reply = talk()

        ((head, body),) = sent
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
        assert head.endswith(b"\r\n\r\n")
        assert body == reply.content


class TestListening:
    def test_close_connections(self, sim: Simulator, talk: Talk) -> None:
        """An idle connection ends after the given bytes, and the next call has its own."""
        address = sim.url.removeprefix("http://")
        with contextlib.closing(http.client.HTTPConnection(address)) as connection:
            connection.request("GET", "/simulator")
            assert connection.getresponse().read()

            sim.close_connections(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

            idle = connection.sock
            idle.settimeout(0)
            assert idle.recv(65536) == b"HTTP/1.1 408 Request Timeout\r\n\r\n"
            assert idle.recv(65536) == b""
        assert talk().status_code == 200

    def test_refuse_connections(self, sim: Simulator, talk: Talk) -> None:
        """New connections are refused for a while, open ones stay."""
        sim.refuse_connections(1.5)

        with pytest.raises(requests.ConnectionError, match="refused"):
            requests.get(sim.url, timeout=10)
        assert talk().status_code == 200
        wait_until(lambda: accepts(sim))

    def test_refuse_connections_longer(self, sim: Simulator) -> None:
        """The longer of two times counts; a start ends both."""
        sim.refuse_connections(0.01)
        sim.refuse_connections(60)
        sim.refuse_connections(0.01)
        time.sleep(0.1)
        refused = not accepts(sim)
        sim.stop()
        sim.start()

        assert refused
        assert accepts(sim)

    def test_refuse_connections_and_stop(self, sim: Simulator) -> None:
        """It can be started again, even if it was stopped as it began to listen again."""
        for seconds in range(50):
            sim.refuse_connections(seconds / 20_000)
            sim.stop()
            sim.start()

        assert accepts(sim)

    @pytest.mark.parametrize("header", ["", "Connection: close\r\n"], ids=["kept", "closed"])
    @pytest.mark.parametrize("end", [Simulator.stop, Simulator.close_connections])
    def test_end_over_tls(
        self, tmp_path: Path, header: str, end: Callable[[Simulator], None]
    ) -> None:
        """A connection is dropped, though its client answers no announcement of the end."""
        certificate = Certificate(tmp_path, "IP:127.0.0.1")
        context = ssl.create_default_context(cafile=str(certificate.path))
        with Simulator(ssl_context=certificate.context) as sim, socket.socket() as connection:
            connection.connect(("127.0.0.1", int(sim.url.rpartition(":")[2])))
            with context.wrap_socket(connection, server_hostname="127.0.0.1") as client:
                client.sendall(f"GET /simulator HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
                assert client.recv(4)
                end(sim)
                sim.stop()
                gc.collect()  # a connection that is still open is a warning

                with socket.socket(fileno=client.detach()) as raw:
                    raw.settimeout(5)
                    while raw.recv(65536):
                        pass

    def test_ssl_context(self, tmp_path: Path) -> None:
        """With a certificate it serves https."""
        with Simulator(ssl_context=Certificate(tmp_path).context) as sim:
            assert sim.url.startswith("https://")
            with pytest.raises(requests.exceptions.SSLError, match="self-signed"):
                requests.get(sim.url, timeout=10)


class TestPlan:
    def test_times(self, sim: Simulator, talk: Talk) -> None:
        """A fault happens as often as was said."""
        sim.fault("task", Fault.HTML, times=2)

        assert [talk().status_code for _ in range(3)] == [502, 502, 200]

    def test_until_cleared(self, sim: Simulator, talk: Talk) -> None:
        """With times=None it happens until cleared."""
        sim.fault("task", Fault.HTML, times=None)
        before = [talk().status_code for _ in range(3)]
        sim.clear()

        assert before == [502, 502, 502]
        assert talk().status_code == 200

    def test_order(self, sim: Simulator, talk: Talk) -> None:
        """Faults of one call happen in the order they were planned, those for any call last."""
        sim.fault("*", Fault.SUNSET)
        sim.fault("task", Fault.HTML)
        sim.fault("task", Fault.SERVER_ERROR)

        assert [talk().status_code for _ in range(4)] == [502, 500, 410, 200]

    def test_other_calls(self, sim: Simulator, talk: Talk) -> None:
        """A fault planned for one call leaves the others alone."""
        sim.fault("stop", Fault.HTML)

        assert talk().status_code == 200

    def test_any(self, sim: Simulator, post: Post) -> None:
        """A fault for * meets whatever comes."""
        sim.fault("*", Fault.HTML, times=2)

        assert [post(call, {}).status_code for call in ("task", "stop", "new")] == [502, 502, 401]

    def test_unknown_name(self, sim: Simulator) -> None:
        """A misspelt call is not waited for in vain."""
        with pytest.raises(ValueError, match="No call is named tsak; there are "):
            sim.fault("tsak", Fault.HTML)

    def test_by_its_own_name(self, sim: Simulator, post: Post) -> None:
        """The names of the admin interface are taken as well, and no others."""
        sim.fault("task", "server-error")

        assert post("task", {}).status_code == 500
        with pytest.raises(ValueError, match="server-eror"):
            sim.fault("task", "server-eror")

    @pytest.mark.parametrize("fault", [lambda _: None, Fault, None, 7])
    def test_of_no_async_function(self, sim: Simulator, fault: Any) -> None:
        """It is refused as it is set, rather than failing the call."""
        with pytest.raises(TypeError, match="A fault is a member of Fault, the name of one or"):
            sim.fault("task", fault)
