"""A lightweight fake vendor, as it shares the machine with the servers under test.

`python -m tests.bench.upstream --certificate FILE` serves create_token and task over https and
http, prints its ports as JSON, and takes commands (`/latency`, `/record`) on a third port.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import ssl
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import uvloop

from tests.bench.targets import KEY

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nx-api-key: *([^\r]*)", re.IGNORECASE)
_BEARER = re.compile(rb"\r\nauthorization: *bearer ([^\r]*)", re.IGNORECASE)
_REASONS = {200: b"OK", 401: b"Unauthorized", 404: b"Not Found"}


@dataclass
class Record:
    """Counters since the start; the difference of two copies covers the time in between."""

    connections: int = 0
    minted: int = 0
    #: Calls of the task endpoint, successful or not.
    tasks: int = 0
    spoken: int = 0
    refused: int = 0
    #: Tokens created after the page had sent the task that used them.
    waited_for: int = 0


class Vendor:
    """The state that all connections share: latencies, unused tokens and the record."""

    def __init__(self) -> None:
        self.record = Record()
        self.latency = {"create_token": 0.0, "task": 0.0}
        self._asked: dict[bytes, int] = {}

    def answer(self, target: bytes, head: bytes, body: bytes) -> tuple[float, int, object]:
        """Return the seconds to wait, the status and the body of a response."""
        if target == b"POST /v1/streaming.task":
            return self.latency["task"], *self._speak(head, body)
        if target == b"POST /v1/streaming.create_token":
            return self.latency["create_token"], *self._mint(head)
        if target == b"POST /latency":
            self.latency = json.loads(body)
            return 0, 200, {}
        if target == b"POST /record":
            return 0, 200, asdict(self.record)

        return 0, 404, {"message": "not found"}

    def _mint(self, head: bytes) -> tuple[int, object]:
        if not _has_key(head):
            return self._refuse()

        self.record.minted += 1
        token = f"{self.record.minted:0128d}"
        self._asked[token.encode()] = time.monotonic_ns()
        return 200, {"error": None, "data": {"token": token}}

    def _speak(self, head: bytes, body: bytes) -> tuple[int, object]:
        self.record.tasks += 1
        sent = json.loads(body)["text"].rpartition(" ")[2]
        bearer = _BEARER.search(head)
        if bearer is not None:
            asked = self._asked.pop(bearer[1], None)  # a token is good for one task
            if asked is None:
                return self._refuse()
            self.record.waited_for += asked > int(sent)
        elif not _has_key(head):
            return self._refuse()

        self.record.spoken += 1
        data = {"task_id": f"task-{sent}", "duration_ms": 2450.5}
        return 200, {"code": 100, "message": "success", "data": data}

    def _refuse(self) -> tuple[int, object]:
        self.record.refused += 1
        return 401, {"code": 400112, "message": "Unauthorized"}


def _has_key(head: bytes) -> bool:
    key = _KEY.search(head)
    return key is not None and key[1] == KEY.encode()


class _Connection(asyncio.Protocol):
    """A server connection that reads one request at a time, each with a Content-Length."""

    def __init__(self, vendor: Vendor, *, counted: bool) -> None:
        self._vendor = vendor
        self._counted = counted
        self._received = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._vendor.record.connections += self._counted

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, rest = self._received.partition(b"\r\n\r\n")
        if not ended:
            return
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(rest) < size:
            return

        self._received = rest[size:]
        target = head[: head.index(b" HTTP/1.1")]
        delay, status, body = self._vendor.answer(target, head, rest[:size])
        content = json.dumps(body).encode()
        answer = (
            b"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, _REASONS[status], len(content), content)
        )
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, answer)
        else:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def serve(certificate: str) -> None:
    """Serve until the process is killed."""
    loop = asyncio.get_running_loop()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    vendor = Vendor()
    ports = {}
    for name, context in (("https", tls), ("http", None), ("control", None)):
        connection = partial(_Connection, vendor, counted=name != "control")
        server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context, backlog=4096)
        ports[name] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--certificate", required=True, help="PEM file of the certificate and its private key"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(serve(parser.parse_args().certificate))
