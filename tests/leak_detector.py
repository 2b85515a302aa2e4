"""A witness of the whole run: what it says by log, answer, error or output tells no secret.

It hears the secrets where they go over the wire to the vendor, are given to a process, or stand
in the vendor's stand-ins, and never asks the code that has to keep them. At the end of the run it
looks for each piece of them in all that was said, by any test, and has the run fail where there is
one; so it does for a key or a token that is too short to be looked for, and so could be told.

It listens by the hooks that Python, Flask and pytest have for it; where there is none, see below.
Of a process it hears what ``communicate`` returns, and what is logged below a test's ``tmp_path``;
other folders are to be handed to ``witness.read``.

Errors are looked through with all that hangs on them, such as a request in one of requests, and
with what they were raised in place of: each HeyGenError as it is made and as Flask answers it, and
whatever ``pytest.raises`` catches, but for requests' own where a test has called by itself.

Left out, as they do not leave the process or are meant to be read:

- the frames of a traceback, which ``test_secrets.py`` looks through;
- other errors that are caught again: nothing tells of them;
- texts in the pages of a host, in what LiveAvatar's page is to publish (``deliver``), and in what a
  process prints to its standard output;
- texts of fewer than 18 characters, and single words of a text, which are said by chance;
- what a test itself reads of a process or prints by ``capsys``, and looks through.

And for want of a way to it: what the bench's servers log (``tests/bench`` without the soak), which
are programs of a program; those of them that are ours serve the soak and other tests, too.
"""

from __future__ import annotations

import html
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
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
from tests.object_walker import said

#: Characters; so many of a secret in a row are a leak of it. Fewer may be chance in a long run: an
#: address with its port has 15, the moment of a token in Base64 up to 17.
PIECE = 18

#: What a JWT says before its signature; the room's, which a page is to have, says much the same.
_SIGNED = re.compile(r"^eyJ[\w-]+\.eyJ[\w-]+\.")
_CREDENTIALS = re.compile(r"(?im)^(?:X-API-KEY|Authorization): *(?:\w+ +)?(\S+)")
#: The variables of a process that hold a key.
_KEY = re.compile(r"(?:HEYGEN|LIVEAVATAR)_API_KEY$")

#: Whose credentials may be shorter than a piece, by the beginnings of their ids, and why.
SHORT = {
    "tests/fuzz/test_fuzz_replies.py::": "the vendor's replies are any JSON, and so are tokens",
    "tests/simulator/test_simulator.py::TestCreateToken::test_key_missing": "a wrong place",
    "tests/simulator/test_simulator.py::TestTokens::test_bad": "no token was ever minted so",
    "tests/simulator/test_simulator_liveavatar.py::TestStart::test_needs_the_token": "it is none",
    "tests/simulator/test_simulator_liveavatar.py::TestToken::test_needs_the_key": "a wrong place",
    "tests/simulator/test_simulator_interface.py::TestRecords::test_call": "never minted",
}


class Said(NamedTuple):
    """Something that was said, by which test, and where."""

    test: str
    where: str
    what: str
    #: Whether it may hold the texts that are spoken.
    texts_too: bool


class Witness:
    """What was secret and what was said in a run."""

    def __init__(self) -> None:
        self._test = "before the tests"
        self._credentials: set[str] = set()
        self._texts: set[str] = set()
        self._too_short: set[str] = set()
        self._said: dict[tuple[str, bool], Said] = {}

    def say(self, where: str, what: str, *, texts_too: bool = False) -> None:
        """Note what was said, once."""
        self._said.setdefault((what, texts_too), Said(self._test, where, what, texts_too))

    def hear(self, sent: str) -> None:
        """Note what is secret in a request's headers or body."""
        for credential in _CREDENTIALS.findall(sent):
            self.keep(credential)
        with suppress(ValueError, AttributeError, RecursionError):  # headers, or another body
            self._texts.add(str(json.loads(sent).get("text", "")))

    def keep(self, credential: str) -> None:
        """Note a key or a token, or that it is none that could be looked for."""
        if any(_pieces({credential})):
            self._credentials.add(credential)
        elif not self._test.startswith(tuple(SHORT)):
            self._too_short.add(self._test)

    def see(self, where: str, error: object) -> None:
        """Note an error, with all that hangs on it."""
        for what in said(error):
            self.say(where, re.sub(" at 0x[0-9a-f]+", "", what))  # each time another

    def read(self, folder: Path) -> None:
        """Note what servers have logged below a folder, before it is gone."""
        for log in [*folder.rglob("*.log"), *folder.rglob("log")]:
            self.say("a server's log", log.read_text(errors="replace"))

    def leaks(self) -> Iterator[str]:
        """Tell of each thing said that holds a piece of a secret, without repeating it."""
        credentials = dict.fromkeys(_pieces(self._credentials), "a key or a token")
        words = (piece for piece in _pieces(self._texts) if re.search(r"\w\W+\w", piece))
        everything = {**dict.fromkeys(words, "a text"), **credentials}
        for each in list(self._said.values()):  # some thread may have a last word
            secrets = credentials if each.texts_too else everything
            found = {
                secrets.get(each.what[i : i + PIECE]) for i in range(len(each.what) - PIECE + 1)
            }
            if found - {None}:
                kinds = " and ".join(sorted(filter(None, found)))
                yield f"{each.test}: {each.where} tells {kinds}"
        for test in self._too_short:
            yield f"{test}: a key or a token has no {PIECE} characters to be looked for"

    # What pytest calls:

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._test = nodeid

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.say("stdout", report.capstdout)
        self.say("stderr", report.capstderr)

    def pytest_fixture_post_finalizer(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        made: Any = fixturedef.cached_result[0] if fixturedef.cached_result else None
        if isinstance(made, requests_mock.Mocker):
            for call in made.request_history:
                self.hear("\n".join(f"{name}: {value}" for name, value in call.headers.items()))
                self.hear(call.text or "")
        elif hasattr(made, "tokens") and hasattr(made, "texts"):
            # The simulator, which also hears other processes.
            for token in made.tokens:
                self.keep(token.value)
            self._texts.update(made.texts)
        elif fixturedef.argname == "tmp_path" and made:
            self.read(made)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._found = sorted(set(self.leaks()))
        if self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._found:
            terminalreporter.section("secrets that were told", red=True, bold=True)
        for leak in self._found:
            terminalreporter.line(leak)


#: By which pytest knows the witness; its module has another.
_NAME = "the witness"


def pytest_configure(config: pytest.Config) -> None:
    """Have a witness listen from now on."""
    witness = Witness()
    config.pluginmanager.register(witness, _NAME)
    _listen_to_the_wire(witness)
    _listen_to_logs(witness)
    _listen_to_answers(witness)
    _listen_to_errors(witness)
    _listen_to_processes(witness)


@pytest.fixture(scope="session")
def witness(pytestconfig: pytest.Config) -> Witness:
    """Return who hears all, for what it cannot hear by itself."""
    witness = pytestconfig.pluginmanager.get_plugin(_NAME)
    assert isinstance(witness, Witness)
    return witness


def _listen_to_the_wire(witness: Witness) -> None:
    # Patched, though send raises an audit event: before Python 3.12, a hook for those that is
    # written in Python has now and then a thread die as it starts, where coverage follows it.
    send = HTTPConnection.send

    def heard(self: HTTPConnection, data: Any) -> None:
        if isinstance(data, bytes):
            witness.hear(data.decode(errors="replace"))
        send(self, data)

    HTTPConnection.send = heard  # type: ignore[method-assign]


def _listen_to_logs(witness: Witness) -> None:
    make = logging.getLogRecordFactory()

    def noted(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        witness.say(f"the log {record.name}", logging.Formatter().format(record))
        record.exc_text = None  # as before it was formatted
        return record

    logging.setLogRecordFactory(noted)


def _listen_to_answers(witness: Witness) -> None:
    def answered(app: Flask, response: Response, **_: object) -> None:
        a_file = response.direct_passthrough or not response.is_sequence
        body = "" if a_file else response.get_data(as_text=True)
        ours = isinstance(app.blueprints.get(str(request.blueprint)), HeyGen)
        texts_too = not ours or '"deliver"' in body
        where = f"an answer of {quote(request.path)}"
        witness.say(where, f"{response.headers}{body}", texts_too=texts_too)

    request_finished.connect(answered, weak=False)


def _listen_to_errors(witness: Witness) -> None:
    # Patched, as nothing tells of an exception that is caught again.
    make, answer, catch = (
        HeyGenError.__init__,
        Flask.handle_user_exception,
        pytest.ExceptionInfo.fill_unfilled,
    )

    def made(self: HeyGenError, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        witness.say("a HeyGenError", str(self.to_dict()))
        witness.see("a HeyGenError", sys.exc_info()[1])  # what is being handled will hang on it

    def answered(self: Flask, error: Exception) -> Any:
        if isinstance(error, HeyGenError):
            witness.see("a HeyGenError", error)
        return answer(self, error)

    def caught(self: pytest.ExceptionInfo[Any], info: Any) -> None:
        if not isinstance(info[1], requests.RequestException):  # of a call that a test made
            witness.see("an error that was caught", info[1])
        catch(self, info)

    HeyGenError.__init__ = made  # type: ignore[method-assign]
    Flask.handle_user_exception = answered  # type: ignore[method-assign,assignment]
    pytest.ExceptionInfo.fill_unfilled = caught  # type: ignore[method-assign,assignment]


def _listen_to_processes(witness: Witness) -> None:
    # Patched, as the wire's send is.
    start, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate

    def started(self: subprocess.Popen[Any], *args: Any, **options: Any) -> None:
        environment = options.get("env")
        for name, value in (os.environ if environment is None else environment).items():
            if _KEY.search(name):
                witness.keep(value)
        start(self, *args, **options)

    def heard(self: subprocess.Popen[Any], *args: Any, **options: Any) -> tuple[Any, Any]:
        output = communicate(self, *args, **options)
        for where, what in zip(("stdout", "stderr"), output, strict=True):
            text = what.decode(errors="replace") if isinstance(what, bytes) else what or ""
            witness.say(f"the {where} of a process", text, texts_too=where == "stdout")
        return output

    subprocess.Popen.__init__ = started  # type: ignore[method-assign]
    subprocess.Popen.communicate = heard  # type: ignore[method-assign]


def _pieces(secrets: set[str]) -> Iterator[str]:
    spells = (str, lambda text: repr(text)[1:-1], lambda text: json.dumps(text)[1:-1], html.escape)
    for secret in list(secrets):
        for spell in (*spells, quote, quote_plus, lambda text: " ".join(text.split())):
            form = spell(_SIGNED.sub("", secret).encode(errors="replace").decode())
            pieces = (form[i : i + PIECE] for i in range(len(form) - PIECE + 1))
            yield from (piece for piece in pieces if len(set(piece)) > 3)  # no "------------"
