"""Pytest plugin that fails a run in which a key, a session token or a spoken text leaks.

It records the secrets as they are sent to the vendor, passed to a process or stored in the
simulator, independently of the code that has to keep them. At the end of the run it searches
every recorded log line, answer, error and output for pieces of them; one match fails the run. So
does a key or a token that is too short to search for. Under pytest-xdist each worker searches its
own tests, and the controller collects the results.

It listens by hooks of Python, Flask and pytest, and patches where no hook exists (see below). Of a
process it records what ``communicate`` returns and the log files below the test's ``tmp_path``;
other folders have to be passed to ``leak_detector.read_logs``.

An error is searched with everything that hangs on it, such as a request of requests, and its
causes: each HeyGenError as it is made and as Flask answers it, and whatever ``pytest.raises``
catches, except the errors of requests from a test's own calls.

Not searched, because it does not leave the process or is meant to be read:

- the frames of a traceback (``test_secrets.py`` searches those);
- other errors that are caught;
- texts in the pages of a host, in ``deliver`` (which LiveAvatar's page publishes), and in what a
  process prints to its standard output;
- texts shorter than 18 characters, and single words of a text, which occur by chance;
- what a test itself reads of a process, or prints by ``capsys``, and checks.

Not reachable: the logs of the bench's servers (``tests/bench`` without the soak), which are
programs started by a program. Those of them that are part of the package run in other tests, too.
"""

from __future__ import annotations

import contextlib
import html
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest
import requests
import requests_mock
from flask import Flask, Response, request, request_finished

from flask_heygen import HeyGen, HeyGenError
from tests.object_walker import reachable_texts

#: Length of a piece of a secret, in characters; a shorter match may be chance in a long run: an
#: address with its port has 15, the time of a token in Base64 up to 17.
PIECE = 18
#: Half of it.
BLOCK = PIECE // 2

#: A JWT up to its signature; the room's, which a page may see, begins much the same.
_SIGNED = re.compile(r"^eyJ[\w-]+\.eyJ[\w-]+\.")
_CREDENTIALS = re.compile(r"(?im)^(?:X-API-KEY|Authorization): *(?:\w+ +)?(\S+)")
#: The environment variables that hold a key.
_KEY = re.compile(r"(?:HEYGEN|LIVEAVATAR)_API_KEY$")

#: Tests whose credentials may be shorter than a piece, by the beginnings of their ids, and why.
SHORT = {
    "tests/fuzz/test_fuzz_replies.py::": "the vendor's replies are any JSON, and so are tokens",
    "tests/simulator/test_simulator.py::TestCreateToken::test_key_missing": "a wrong place",
    "tests/simulator/test_simulator.py::TestTokens::test_bad": "no token was ever minted so",
    "tests/simulator/test_simulator_liveavatar.py::TestStart::test_needs_the_token": "it is none",
    "tests/simulator/test_simulator_liveavatar.py::TestToken::test_needs_the_key": "a wrong place",
    "tests/simulator/test_simulator_interface.py::TestRecords::test_call": "never minted",
}


class Record(NamedTuple):
    """A text that was observed, in which test and where."""

    test: str
    where: str
    text: str
    #: Whether it may contain the texts that are spoken.
    texts_allowed: bool


class LeakDetector:
    """Records the secrets of a run and what could reveal them."""

    def __init__(self) -> None:
        self._test = "before the tests"
        self._credentials: set[str] = set()
        self._texts: set[str] = set()
        self._too_short: set[str] = set()
        self._records: dict[tuple[str, bool], Record] = {}
        self._leaks: set[str] = set()

    def record(self, where: str, text: str, *, texts_allowed: bool = False) -> None:
        """Record a text that could reveal a secret, once."""
        self._records.setdefault(
            (text, texts_allowed), Record(self._test, where, text, texts_allowed)
        )

    def record_error(self, where: str, error: object) -> None:
        """Record an error with everything that hangs on it."""
        for text in reachable_texts(error):
            self.record(where, re.sub(" at 0x[0-9a-f]+", "", text))  # a new address each time

    def read_logs(self, folder: Path) -> None:
        """Record the log files below a folder, before it is deleted."""
        for log in [*folder.rglob("*.log"), *folder.rglob("log")]:
            self.record("a server's log", log.read_text(errors="replace"))

    def add_request(self, sent: str) -> None:
        """Add the secrets in a request's headers or body."""
        for credential in _CREDENTIALS.findall(sent):
            self.add_credential(credential)
        with suppress(ValueError, AttributeError, RecursionError):  # headers, or another body
            self._texts.add(str(json.loads(sent).get("text", "")))

    def add_credential(self, credential: str) -> None:
        """Add a key or a token, or note that it is too short to search for."""
        if any(_pieces({credential})):
            self._credentials.add(credential)
        elif not self._test.startswith(tuple(SHORT)):
            self._too_short.add(self._test)

    def find_leaks(self) -> Iterator[str]:
        """Yield a line for each record that contains a piece of a secret, without repeating it."""
        credentials = dict.fromkeys(_pieces(self._credentials), "a key or a token")
        words = (piece for piece in _pieces(self._texts) if re.search(r"\w\W+\w", piece))
        everything = {**dict.fromkeys(words, "a text"), **credentials}
        # A piece in a text covers one of the text's blocks: most texts have none of a secret.
        forms = {*_forms(self._texts), *_forms(self._credentials)}
        blocks = {form[i : i + BLOCK] for form in forms for i in range(len(form) - BLOCK + 1)}
        for each in list(self._records.values()):  # a thread may still add one
            starts = range(0, len(each.text), BLOCK)
            if blocks.isdisjoint(each.text[i : i + BLOCK] for i in starts):
                continue
            secrets = credentials if each.texts_allowed else everything
            found = {
                secrets.get(each.text[i : i + PIECE]) for i in range(len(each.text) - PIECE + 1)
            }
            if found - {None}:
                kinds = " and ".join(sorted(filter(None, found)))
                yield f"{each.test}: {each.where} leaks {kinds}"
        for test in self._too_short:
            yield f"{test}: a key or a token is shorter than {PIECE} characters"

    # The hooks of pytest:

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.record("stdout", report.capstdout)
        self.record("stderr", report.capstderr)

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        made: Any = fixturedef.cached_result[0] if fixturedef.cached_result else None
        if isinstance(made, requests_mock.Mocker):
            for call in made.request_history:
                headers = (f"{name}: {value}" for name, value in call.headers.items())
                self.add_request("\n".join(headers))
                self.add_request(call.text or "")
        elif hasattr(made, "tokens") and hasattr(made, "texts"):
            # The simulator, which other processes call, too.
            for token in made.tokens:
                self.add_credential(token.value)
            self._texts.update(made.texts)
        elif fixturedef.argname == "tmp_path" and made:
            self.read_logs(made)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Collect the leaks that a worker of pytest-xdist has found."""
        worker, output = node.gateway.id, getattr(node, "workeroutput", {})
        self._leaks.update(output.get(_LEAKS, [f"worker {worker}: not searched for leaks"]))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._leaks.update(self.find_leaks())
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_LEAKS] = sorted(self._leaks)
        elif self._leaks and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._leaks:
            terminalreporter.section("leaked secrets", red=True, bold=True)
        for leak in sorted(self._leaks):
            terminalreporter.line(leak)


#: The detector's name as a plugin; its module is another plugin.
_NAME = "leak detector"
#: The key of its result in the output of a worker.
_LEAKS = "flask_heygen_leaks"


def pytest_configure(config: pytest.Config) -> None:
    """Start the detector."""
    leak_detector = LeakDetector()
    config.pluginmanager.register(leak_detector, _NAME)
    _listen_to_requests(leak_detector)
    _listen_to_logs(leak_detector)
    _listen_to_answers(leak_detector)
    _listen_to_errors(leak_detector)
    _listen_to_processes(leak_detector)


@pytest.fixture(scope="session")
def leak_detector(pytestconfig: pytest.Config) -> LeakDetector:
    """Return the detector, for what it cannot observe by itself."""
    leak_detector = pytestconfig.pluginmanager.get_plugin(_NAME)
    assert isinstance(leak_detector, LeakDetector)
    return leak_detector


def _listen_to_requests(leak_detector: LeakDetector) -> None:
    # Patched, though send raises an audit event: before Python 3.12, an audit hook written in
    # Python makes a thread die now and then as it starts while coverage traces it.
    send = HTTPConnection.send

    def heard(self: HTTPConnection, data: Any) -> None:
        if isinstance(data, bytes):
            leak_detector.add_request(data.decode(errors="replace"))
        send(self, data)

    HTTPConnection.send = heard  # type: ignore[method-assign]


def _listen_to_logs(leak_detector: LeakDetector) -> None:
    make = logging.getLogRecordFactory()

    def noted(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        leak_detector.record(f"the log {record.name}", logging.Formatter().format(record))
        record.exc_text = None  # as before it was formatted
        return record

    logging.setLogRecordFactory(noted)


def _listen_to_answers(leak_detector: LeakDetector) -> None:
    def answered(app: Flask, response: Response, **_: object) -> None:
        a_file = response.direct_passthrough or response.mimetype == "text/javascript"
        body = "" if a_file or not response.is_sequence else response.get_data(as_text=True)
        ours = isinstance(app.blueprints.get(str(request.blueprint)), HeyGen)
        texts_allowed = not ours or '"deliver"' in body
        where = f"an answer of {quote(request.path)}"
        leak_detector.record(where, f"{response.headers}{body}", texts_allowed=texts_allowed)
        if response.mimetype == "application/x-ndjson":
            response.response = recorded(where, response.response)

    def recorded(where: str, lines: Any) -> Iterator[str]:
        with contextlib.closing(lines):
            for line in lines:
                allowed = '"deliver"' in line
                leak_detector.record(where, line, texts_allowed=allowed)
                yield line

    request_finished.connect(answered, weak=False)


def _listen_to_errors(leak_detector: LeakDetector) -> None:
    # Patched, as no hook reports an exception that is caught.
    make, answer, catch = (
        HeyGenError.__init__,
        Flask.handle_user_exception,
        pytest.ExceptionInfo.fill_unfilled,
    )

    def made(self: HeyGenError, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        leak_detector.record_error("a HeyGenError", self)
        leak_detector.record_error("a HeyGenError", sys.exc_info()[1])  # becomes its context

    def answered(self: Flask, error: Exception) -> Any:
        if isinstance(error, HeyGenError):
            leak_detector.record_error("a HeyGenError", error)
        return answer(self, error)

    def caught(self: pytest.ExceptionInfo[Any], info: Any) -> None:
        if not isinstance(info[1], requests.RequestException):  # of a call that a test made
            leak_detector.record_error("an error that was caught", info[1])
        catch(self, info)

    HeyGenError.__init__ = made  # type: ignore[method-assign]
    Flask.handle_user_exception = answered  # type: ignore[method-assign,assignment]
    pytest.ExceptionInfo.fill_unfilled = caught  # type: ignore[method-assign,assignment]


def _listen_to_processes(leak_detector: LeakDetector) -> None:
    # Patched, as HTTPConnection.send is.
    start, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate

    def started(self: subprocess.Popen[Any], *args: Any, **options: Any) -> None:
        environment = options.get("env")
        for name, value in (os.environ if environment is None else environment).items():
            if _KEY.search(name):
                leak_detector.add_credential(value)
        start(self, *args, **options)

    def heard(self: subprocess.Popen[Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        output = communicate(self, *args, **options)
        for where, what in zip(("stdout", "stderr"), output, strict=True):
            text = what.decode(errors="replace") if isinstance(what, bytes) else what or ""
            leak_detector.record(f"the {where} of a process", text, texts_allowed=where == "stdout")
        return output

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]
    subprocess.Popen.communicate = heard  # type: ignore[method-assign]


#: How a secret may be written.
_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: repr(text)[1:-1],
    lambda text: json.dumps(text)[1:-1],
    html.escape,
    quote,
    quote_plus,
    lambda text: " ".join(text.split()),
)


def _forms(secrets: set[str]) -> set[str]:
    plain = [_SIGNED.sub("", each).encode(errors="replace").decode() for each in list(secrets)]
    return {escape(each) for each in plain for escape in _ESCAPES}


def _pieces(secrets: set[str]) -> Iterator[str]:
    for form in _forms(secrets):
        pieces = (form[i : i + PIECE] for i in range(len(form) - PIECE + 1))
        yield from (piece for piece in pieces if len(set(piece)) > 3)  # no "------------"
