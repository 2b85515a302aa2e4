"""Shared by the fuzz tests: their number, a vendor that replies anything, and the invariants."""

from __future__ import annotations

import json
import logging
import os
import socketserver
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, cast

import pytest
from flask import Flask, request
from hypothesis import currently_in_test_context, settings
from hypothesis.configuration import set_hypothesis_home_dir
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.ndjson import NDJSON

KEY = "attacked-key-4f1c9a7b2e6d8035"
#: A session token.
TOKEN = "attacked-token-9d3e5f7a1b2c0468d7f9"
#: Seconds for an answer, which takes milliseconds on an idle machine.
BOUND = 10
#: Characters of a secret that count as a leak.
PIECE = 12

# 14 properties send a request for each example: 2,800 in all, others each time. .ci/run sends
# 100,000, the same each time, without coverage, whose tracing takes twice as long as they do.
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
settings.register_profile(
    "fuzz",
    max_examples=EXAMPLES,
    derandomize="CI" in os.environ,
    database=None,
    deadline=None,
    print_blob=True,
)
settings.load_profile("fuzz")
# Its cache of the sources does not belong in the project either.
set_hypothesis_home_dir(f"{tempfile.gettempdir()}/flask-heygen-hypothesis")

_CREATED = b'{"error":null,"data":{"token":"%s"}}' % TOKEN.encode()
_NEW = b'{"code":100,"data":{"session_id":"s","url":"wss://r","access_token":"t"}}'
_MADE = b'{"code":1000,"data":{"session_id":"s","session_token":"%s"}}' % TOKEN.encode()
_JOINED = b'{"code":1000,"data":{"livekit_url":"wss://r","livekit_client_token":"t"}}'
#: The vendor's replies when all is well, by path.
_WELL = {
    "/v1/streaming.create_token": _CREATED,
    "/v1/streaming.new": _NEW,
    "/v1/streaming.task": b'{"code":100,"data":{"task_id":"t","duration_ms":1}}',
    "/v1/sessions/token": _MADE,
    "/v1/sessions/start": _JOINED,
}


#: The key of the number of generated requests in the output of a worker.
_GENERATED = "generated requests"


def well(path: str) -> bytes:
    """Reply as the vendor does when all is well."""
    body = _WELL.get(path, b'{"code":100,"data":null}')
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the requests of a worker of pytest-xdist."""
    Attacker.generated += getattr(node, "workeroutput", {}).get(_GENERATED, 0)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's count to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_GENERATED] = Attacker.generated


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the number of requests, which .ci/run reads."""
    if Attacker.generated:
        terminalreporter.write_line(f"{Attacker.generated} generated requests were sent.")


class Vendor(socketserver.ThreadingTCPServer):
    """A vendor whose ``reply`` makes the bytes of a reply of the path that is called."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.reply: Callable[[str], bytes] = well
        #: The body of the last call.
        self.heard = b""

    def handle_error(self, *_: object) -> None:
        """Ignore clients that close the connection during a reply that is too long."""


class _Conversation(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        vendor = cast("Vendor", self.server)
        while called := self.rfile.readline():
            size = 0
            while header := self.rfile.readline().strip():
                name, _, value = header.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            vendor.heard = self.rfile.read(size)
            path = called.split()[1].decode()
            reply = vendor.reply(path)
            self.wfile.write(reply)
            if reply != well(path):
                return  # and close the connection, as the reply may be incomplete


class _Ears(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


class Attacker:
    """Sends anything, and checks the answer and the log."""

    #: Number of generated requests, of all attackers.
    generated = 0

    def __init__(self, log: _Ears) -> None:
        self._log = log

    def send(
        self, app: Flask, path: str, *, texts: Collection[str] = (), **request: Any
    ) -> TestResponse:
        """Send a request; its answer must have the right form and hold no secret."""
        self._log.heard.clear()
        Attacker.generated += currently_in_test_context()
        started = time.monotonic()

        answer = app.test_client(use_cookies=False).open(path, buffered=True, **request)

        assert time.monotonic() - started < BOUND
        if answer.mimetype == NDJSON:
            _check_lines(answer)
        elif not _is_flask_s(answer):
            retry_after = answer.headers.get("Retry-After", type=int)
            _check_shape(answer.get_data(), answer.status_code, retry_after)
        assert answer.status_code != 500
        assert [line for line in self._log.heard if not line.isprintable()] == []
        said = f"{answer.headers}{answer.get_data(as_text=True)}{self._log.heard}"
        for secret in (KEY, TOKEN, *texts):
            pieces = (secret[i : i + PIECE] for i in range(len(secret) - PIECE + 1))
            assert [piece for piece in pieces if piece in said] == []
        return answer


def _status_of(answer: TestResponse) -> int:
    if answer.mimetype != NDJSON or answer.status_code != 200:
        return answer.status_code
    outcome = json.loads(answer.get_data().splitlines()[-1])
    return int(outcome.get("error", {}).get("http_status", 200))


def _is_flask_s(answer: TestResponse) -> bool:
    """Return whether an answer is Flask's: to OPTIONS or HEAD, a redirect, or a module."""
    asked_for_no_body = answer.request.method in ("OPTIONS", "HEAD")
    return asked_for_no_body or answer.status_code == 308 or answer.mimetype == "text/javascript"


def _check_lines(answer: TestResponse) -> None:
    accepted, outcome = answer.get_data().splitlines()
    assert answer.status_code == 200
    assert json.loads(accepted) == {"status": "accepted"}
    told = json.loads(outcome, parse_constant=pytest.fail)
    assert told.pop("timings").keys() == {"upstream", "mint"}
    status = told.get("error", {}).pop("http_status", 200)
    _check_shape(json.dumps(told), status, told.get("error", {}).get("retry_after"))


def _check_shape(body: bytes | str, status: int, retry_after: int | None) -> None:
    told = json.loads(body, parse_constant=pytest.fail)  # NaN is no JSON
    if status == 200:
        assert told.keys() == {"status", "data"}
        assert (told["status"], type(told["data"])) == ("success", dict)
        return
    assert told.keys() == {"status", "error"}
    assert told["status"] == "error"
    error = told["error"]
    wait, upstream = error.pop("retry_after", None), error.pop("upstream", {})
    shape = {"code": str, "message": str, "retryable": bool, "restart_session": bool}
    assert {name: type(value) for name, value in error.items()} == shape
    assert error["code"] != "internal_error"
    assert upstream.keys() <= {"status", "code", "message"}
    assert wait == retry_after
    assert wait is None or 1 <= wait <= 3600


@pytest.fixture(scope="session")
def status_of() -> Callable[[TestResponse], int]:
    """Return a function that returns the status of an answer, in two lines or not."""
    return _status_of


@pytest.fixture(scope="session")
def hostile() -> Iterator[Vendor]:
    """Run a vendor whose replies the tests set."""
    with Vendor() as vendor:
        thread = threading.Thread(target=vendor.serve_forever, args=(0.02,))
        thread.start()
        yield vendor
        vendor.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def attacker() -> Iterator[Attacker]:
    """Capture everything that the package logs, at every level."""
    logger, ears = logging.getLogger("flask_heygen"), _Ears()
    level = logger.level
    logger.addHandler(ears)
    logger.setLevel(logging.DEBUG)
    yield Attacker(ears)
    logger.removeHandler(ears)
    logger.setLevel(level)


@pytest.fixture(scope="module")
def host_of(hostile: Vendor) -> Callable[..., Flask]:
    """Make the app of a host; with ``owned``, a header names its user.

    ``loaders`` are functions for setup methods of the blueprint, by their names.
    """

    def host_of(
        *, owned: bool = False, loaders: Mapping[str, Callable[..., Any]] = {}, **config: Any
    ) -> Flask:
        hostile.reply = well
        app = Flask("host")
        app.config.update(
            HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=hostile.url, HEYGEN_SPARE_TOKENS=0, **config
        )
        blueprint = HeyGen()
        for name, load in loaders.items():
            getattr(blueprint, name)(load)
        if owned:
            app.secret_key = "a secret of the host"
            blueprint.owner_loader(lambda: request.headers.get("X-User"))
        app.register_blueprint(blueprint)
        return app

    return host_of
