"""A witness of the whole run: what it says by log, answer, error or output tells no secret.

It hears the secrets where they go over the wire to the vendor, or stand in the vendor's stand-ins,
and never asks the code that has to keep them. At the end of the run it looks for each piece of
them in all that was said, by any test, and has the run fail where there is one.

It listens by the hooks that Python, Flask and pytest have for it; where there is none, see below.

Left out, as they do not leave the process or are meant to be read:

- the frames of a traceback, which no error can do without;
- texts in the pages of a host, and in what LiveAvatar's page is to publish (``deliver``);
- keys, tokens and texts of fewer than 18 characters, and single words of a text, which are said
  by chance;
- what a test itself reads of a process or prints by ``capsys``, and looks through.
"""

from __future__ import annotations

import html
import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import pytest
import requests_mock
from flask import Flask, Response, request, request_finished

from flask_heygen import HeyGen, HeyGenError

#: Characters; so many of a secret in a row are a leak of it. Fewer may be chance in a long run: an
#: address with its port has 15, the moment of a token in Base64 up to 17.
PIECE = 18

#: What a JWT says before its signature; the room's, which a page is to have, says much the same.
_SIGNED = re.compile(r"^eyJ[\w-]+\.eyJ[\w-]+\.")
_CREDENTIALS = re.compile(r"(?im)^(?:X-API-KEY|Authorization): *(?:Bearer +)?(\S+)")


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
        self._said: dict[tuple[str, bool], Said] = {}

    def say(self, where: str, what: str, *, texts_too: bool = False) -> None:
        """Note what was said, once."""
        self._said.setdefault((what, texts_too), Said(self._test, where, what, texts_too))

    def hear(self, sent: str) -> None:
        """Note what is secret in a request's headers or body."""
        self._credentials.update(_CREDENTIALS.findall(sent))
        with suppress(ValueError, AttributeError, RecursionError):  # headers, or another body
            self._texts.add(str(json.loads(sent).get("text", "")))

    def leaks(self) -> Iterator[str]:
        """Tell of each thing said that holds a piece of a secret, without repeating it."""
        credentials = dict.fromkeys(_pieces(self._credentials), "a key or a token")
        words = (piece for piece in _pieces(self._texts) if re.search(r"\w\W+\w", piece))
        everything = {**dict.fromkeys(words, "a text"), **credentials}
        for said in list(self._said.values()):  # some thread may have a last word
            secrets = credentials if said.texts_too else everything
            found = {
                secrets.get(said.what[i : i + PIECE]) for i in range(len(said.what) - PIECE + 1)
            }
            if found - {None}:
                kinds = " and ".join(sorted(filter(None, found)))
                yield f"{said.test}: {said.where} tells {kinds}"

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
            self._credentials.update(token.value for token in made.tokens)
            self._texts.update(made.texts)
        elif fixturedef.argname == "tmp_path" and made:
            for log in made.glob("*.log"):
                self.say("a server's log", log.read_text(errors="replace"))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._found = sorted(set(self.leaks()))
        if self._found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._found:
            terminalreporter.section("secrets that were told", red=True, bold=True)
        for leak in self._found:
            terminalreporter.line(leak)


def pytest_configure(config: pytest.Config) -> None:
    """Have a witness listen from now on."""
    witness = Witness()
    config.pluginmanager.register(witness)
    _listen_to_the_wire(witness)
    _listen_to_logs(witness)
    _listen_to_answers(witness)
    _listen_to_errors(witness)


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
    make = HeyGenError.__init__

    def noted(self: HeyGenError, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        kept, chain = sys.exc_info()[1], []
        while kept is not None:  # what was being handled will hang on it
            chain.append(repr(kept))
            kept = kept.__cause__ or kept.__context__
        witness.say("a HeyGenError", f"{self.answer()} {chain}")

    HeyGenError.__init__ = noted  # type: ignore[method-assign]


def _pieces(secrets: set[str]) -> Iterator[str]:
    spells = (str, lambda text: repr(text)[1:-1], lambda text: json.dumps(text)[1:-1], html.escape)
    for secret in list(secrets):
        for spell in (*spells, quote, quote_plus, lambda text: " ".join(text.split())):
            form = spell(_SIGNED.sub("", secret).encode(errors="replace").decode())
            pieces = (form[i : i + PIECE] for i in range(len(form) - PIECE + 1))
            yield from (piece for piece in pieces if len(set(piece)) > 3)  # no "------------"
