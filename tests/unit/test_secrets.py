"""The API key, session tokens and texts appear in no error, log, repr or answer."""

from __future__ import annotations

import html
import http.client
import inspect
import json
import logging
import signal
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests
from flask import Flask, got_request_exception

from flask_heygen import (
    HeyGen,
    HeyGenClient,
    HeyGenError,
    heygen_bp,
    task_sent,
    upstream_failed,
)
from flask_heygen.backends.token_pool import Token, TokenPool
from flask_heygen.errors import NotConfigured
from flask_heygen.http.deadline import Timestamp
from flask_heygen.settings import Settings
from flask_heygen.simulator import Fault, Simulator
from tests.object_walker import reachable_texts

KEY = "Zm9sbG93LXRoZS13aGl0ZS1yYWJiaXQ6MTIzNDU2"
TEXT = 'Why did you leave “Cyberdyne” & Sons?\nWas it <b>the "machine"</b>, 100 % of it?'
#: Characters; so many of a secret in a row are a leak of it.
PIECE = 12

CALLS = ("create_token", "new", "start", "task", "interrupt", "keep_alive", "stop")
#: One for each way to fail: test_faults.py meets all of them, and the leak detector hears it.
FAULTS = (
    Fault.UNAUTHORIZED,
    Fault.ECHO,
    Fault.INVALID_JSON,
    Fault.TRUNCATED,
    Fault.RESET_BEFORE,
    Fault.NO_RESPONSE,
)

#: Modules whose frames are not searched: those of the tests and of the page.
OWN = ("test_secrets.py", "werkzeug/test.py", "flask/testing.py")

Client = Callable[[], HeyGenClient]


@pytest.fixture
def config(sim: Simulator) -> dict[str, Any]:
    return {
        "HEYGEN_API_KEY": KEY,
        "HEYGEN_BASE_URL": sim.url,
        "HEYGEN_TIMEOUT": 3,
        "HEYGEN_SPARE_TOKENS": 0,
    }


@pytest.fixture
def app(config: dict[str, Any]) -> Flask:
    app = Flask(__name__)
    app.config.update(config)
    app.register_blueprint(heygen_bp)
    return app


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], Iterator[str]]:
    """Everything that anyone logs, as a file and as a structured log would have it."""
    caplog.set_level(logging.DEBUG)

    def log() -> Iterator[str]:
        for record in caplog.records:
            yield logging.Formatter().format(record)
            yield from reachable_texts(vars(record))

    return log


Log = Callable[[], Iterator[str]]


def shown(error: BaseException) -> Iterator[str]:
    """Yield what a reporter of errors shows: the variables of each frame, but of these tests'."""
    links: list[BaseException | None] = [error]
    while links:
        link = links.pop()
        if link is None:
            continue
        links += [link.__cause__, link.__context__]
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if not frame.f_code.co_filename.endswith(OWN):
                for name, value in frame.f_locals.items():
                    yield f"{frame.f_code.co_name} {name} = {value!r}"


def leaks(sim: Simulator, texts: Iterator[str]) -> list[str]:
    """Return the texts that hold a piece of the key, of any token or of what was to be spoken."""
    pieces = set()
    for secret in (KEY, TEXT, *(token.value for token in sim.tokens)):
        for form in (
            secret,
            repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
            html.escape(secret),
            quote(secret),
            quote_plus(secret),
            " ".join(secret.split()),
        ):
            pieces |= {form[i : i + PIECE] for i in range(len(form) - PIECE + 1)}
    # The tokens' beginning, which is Base64 of '{"token":"', is no secret.
    pieces = {piece for piece in pieces if not piece.startswith(("eyJ0b2tl", "yJ0b2tl"))}
    return [
        text
        for text in texts
        if any(text[i : i + PIECE] in pieces for i in range(len(text) - PIECE + 1))
    ]


def act(client: HeyGenClient, call: str, session_id: str) -> object:
    """Do what makes an upstream call of this name."""
    if call in ("new", "start"):
        return client.start()
    if call in ("keep_alive", "stop"):
        return getattr(client, call)(session_id)
    return client.task(session_id, TEXT, interrupt=call == "interrupt")


class TestSearch:
    """The search for secrets that the other tests here use."""

    def test_it_sees_what_an_error_of_requests_holds(self, sim: Simulator) -> None:
        """An error of requests holds the request with its headers and body, besides its message."""
        request = requests.Request("POST", sim.url, {"X-Api-Key": KEY}, json={"text": TEXT})

        error = requests.ConnectionError("Broken.", request=request.prepare())

        assert not leaks(sim, iter([str(error), repr(error)]))
        assert leaks(sim, reachable_texts(error))

    def test_it_sees_what_an_error_was_raised_in_place_of(self, sim: Simulator) -> None:
        """``from None`` hides it from a traceback, and keeps it."""
        error = NotConfigured()

        error.__context__ = ValueError(KEY)

        assert not leaks(sim, iter([str(error), repr(error)]))
        assert leaks(sim, reachable_texts(error))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.value)
class TestFaults:
    def test_neither_errors_nor_logs_tell(
        self, config: dict[str, Any], sim: Simulator, log: Log, call: str, fault: Fault
    ) -> None:
        """Neither the messages nor the attached objects contain a secret."""
        settings = Settings.from_mapping({**config, "HEYGEN_TIMEOUT": 10})
        session_id = HeyGenClient(settings).start()["session_id"]
        timeout = 0.4 if fault is Fault.NO_RESPONSE else 10
        client = HeyGenClient(replace(settings, timeout=timeout))
        sim.fault(call, fault, times=None)

        texts: list[str] = []
        try:
            texts += reachable_texts(act(client, call, session_id))
        except HeyGenError as error:
            texts += [*reachable_texts(error), *shown(error)]

        assert not leaks(sim, iter(texts))
        assert not leaks(sim, log())


class TestReports:
    """Error reporters, which show all that a traceback holds."""

    def test_the_search_covers_the_variables_of_a_frame(self, sim: Simulator) -> None:
        """Such as those of a function that another library calls."""
        with pytest.raises(ZeroDivisionError) as caught:
            json.loads(json.dumps({"text": TEXT}), object_hook=lambda _: 1 // 0)

        assert leaks(sim, shown(caught.value))

    @pytest.mark.parametrize("call", ["create_token", "task"])
    @pytest.mark.parametrize("fault", [Fault.ECHO, Fault.RESET_BEFORE, Fault.SERVER_ERROR])
    def test_a_signal_does_not_tell(
        self, app: Flask, sim: Simulator, call: str, fault: Fault
    ) -> None:
        """An error that a receiver reports comes without the frames of a request."""
        reports: list[str] = []

        def report(_: Flask, error: HeyGenError, **__: object) -> None:
            reports.extend([error.code, *shown(error)])

        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        sim.fault(call, fault, times=None)
        with upstream_failed.connected_to(report, app):
            page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})

        assert reports
        assert not leaks(sim, iter(reports))

    @pytest.mark.parametrize("wrong", [list, str.encode])
    def test_a_text_loader_of_a_wrong_type_does_not_tell(
        self, config: dict[str, Any], sim: Simulator, wrong: Callable[[str], Any]
    ) -> None:
        """The error is ours, and so are its frames."""
        app, heygen = Flask(__name__), HeyGen()
        reports: list[str] = []
        app.config.update(config)
        heygen.text_loader(wrong)
        app.register_blueprint(heygen)

        def report(_: Flask, exception: BaseException) -> None:
            reports.extend(shown(exception))

        with got_request_exception.connected_to(report, app):
            page = app.test_client()
            answer = page.post("/api/heygen/task", json={"session_id": "a", "text": TEXT})

        assert answer.status_code == 500
        assert reports
        assert not leaks(sim, iter(reports))


class TimeLimit(Exception):
    """An exception that a worker raises in mid-call, as Celery's soft time limit does."""


class Interruption(BaseException):
    """Likewise, as gevent.Timeout and KeyboardInterrupt, which few handlers catch."""


@pytest.fixture
def interrupt_with() -> Iterator[Callable[[type[BaseException]], None]]:
    """Return a function that has an exception raised in this thread in 0.3 seconds."""

    def arm(kind: type[BaseException]) -> None:
        def interrupt(*_: object) -> None:
            raise kind

        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.3)

    before = signal.getsignal(signal.SIGALRM)
    yield arm
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


class TestForeignExceptions:
    """Exceptions that are not ours, in the middle of a call."""

    @pytest.mark.parametrize("kind", [TimeLimit, Interruption])
    @pytest.mark.parametrize("call", ["create_token", "task"])
    def test_their_frames_do_not_tell(
        self,
        config: dict[str, Any],
        sim: Simulator,
        interrupt_with: Callable[[type[BaseException]], None],
        call: str,
        kind: type[BaseException],
    ) -> None:
        """The places are kept, as they are all that there is to find the cause by."""
        config["HEYGEN_TIMEOUT"] = 10
        client = HeyGenClient(Settings.from_mapping(config))
        session_id = client.start()["session_id"]
        sim.fault(call, Fault.NO_RESPONSE)

        interrupt_with(kind)
        with pytest.raises(kind) as caught:
            client.task(session_id, TEXT)

        names = [each.name for each in traceback.extract_tb(caught.value.__traceback__)]
        assert {"task", "urlopen", "readinto"} <= set(names)
        assert not leaks(sim, shown(caught.value))

    def test_a_view_does_not_tell(
        self,
        app: Flask,
        sim: Simulator,
        interrupt_with: Callable[[type[BaseException]], None],
    ) -> None:
        """Nor its frame, through which the exception reaches the server."""
        app.config["HEYGEN_TIMEOUT"] = 10
        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        sim.fault("task", Fault.NO_RESPONSE)

        interrupt_with(Interruption)
        with pytest.raises(Interruption) as caught:
            page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})

        assert not leaks(sim, shown(caught.value))

    def test_a_receiver_does_not_tell(self, app: Flask, sim: Simulator) -> None:
        """Though LiveAvatar's answer, which holds the text, is made by then."""
        app.config.update(HEYGEN_API="liveavatar", HEYGEN_SESSION_DEFAULTS={"is_sandbox": True})

        def interrupt(*_: object, **__: object) -> None:
            raise Interruption

        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        with task_sent.connected_to(interrupt, app), pytest.raises(Interruption) as caught:
            page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})

        assert not leaks(sim, shown(caught.value))

    def test_a_timeout_of_gevent_does_not_tell(self, sim: Simulator) -> None:
        """It is thrown into the greenlet that waits for the vendor."""
        pytest.importorskip("gevent")
        code = """
            from gevent import monkey; monkey.patch_all()
            import sys, traceback, gevent
            from flask_heygen import HeyGenClient
            from flask_heygen.settings import Settings
            url, key, text = sys.argv[1:]
            config = {"HEYGEN_API_KEY": key, "HEYGEN_BASE_URL": url}
            client = HeyGenClient(Settings.from_mapping(config))
            session_id = client.start()["session_id"]
            try:
                with gevent.Timeout(0.5):
                    client.task(session_id, text)
            except gevent.Timeout as error:
                for frame, _ in traceback.walk_tb(error.__traceback__):
                    if frame.f_code.co_filename != "<string>":
                        print(frame.f_code.co_name, frame.f_locals)
        """
        sim.fault("task", Fault.NO_RESPONSE)

        command = [sys.executable, "-c", textwrap.dedent(code), sim.url, KEY, TEXT]
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

        assert "urlopen" in run.stdout
        assert not leaks(sim, iter(run.stdout.splitlines()))


class StackReader(logging.Handler):
    """Notes the variables of the stack below each record, as Sentry's ``attach_stacktrace``."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.variables: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("flask_heygen.simulator"):
            return
        self.messages.append(record.getMessage())
        frame = inspect.currentframe()
        while (frame := frame and frame.f_back) and not frame.f_code.co_filename.endswith(OWN):
            self.variables += map(repr, frame.f_locals.values())


@pytest.fixture
def stack() -> Iterator[StackReader]:
    reader, logger = StackReader(), logging.getLogger("flask_heygen")
    logger.addHandler(reader)
    logger.setLevel(logging.DEBUG)
    yield reader
    logger.removeHandler(reader)
    logger.setLevel(logging.NOTSET)


class TestStacks:
    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            (None, "POST /v1/streaming.task 200 "),
            (Fault.RESET_BEFORE, "POST /v1/streaming.task got no response "),
            (Fault.UNAUTHORIZED, "refused"),
        ],
    )
    def test_a_record_does_not_tell(
        self, app: Flask, sim: Simulator, stack: StackReader, fault: Fault | None, message: str
    ) -> None:
        """It is emitted when the frames that made it are gone."""
        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        if fault:
            sim.fault("task", fault)

        page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})

        assert any(message in each for each in stack.messages)
        assert not leaks(sim, iter(stack.variables))

    def test_a_handler_that_fails_loses_no_session(
        self, app: Flask, stack: StackReader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The record is emitted when the session runs: its id is the answer in any case."""

        def fail(record: logging.LogRecord) -> bool:
            if record.name == "flask_heygen.http.client":
                raise ZeroDivisionError(record.name)
            return True

        stack.addFilter(fail)

        started = app.test_client().post("/api/heygen/start", json={})

        assert started.status_code == 200
        assert started.get_json()["data"]["session_id"]
        assert "ZeroDivisionError: flask_heygen.http.client" in capsys.readouterr().err

    def test_a_warning_of_a_setting_does_not_tell(
        self, app: Flask, sim: Simulator, stack: StackReader
    ) -> None:
        """Nor the frame that has read all settings, the key among them."""
        app.config["HEYGEN_TIMOUT"] = 3

        app.test_client().post("/api/heygen/keep-alive", json={})

        assert any("HEYGEN_TIMOUT is not a setting" in each for each in stack.messages)
        assert not leaks(sim, iter(stack.variables))

    def test_the_token_of_a_session_of_the_page_is_dropped(
        self, app: Flask, sim: Simulator, stack: StackReader
    ) -> None:
        """A page that has made its session itself sends it, and it is not used."""
        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        made = {"session_id": session_id, "session_token": sim.tokens[0].value}
        page.post("/api/heygen/start", json=made)

        assert sum("streaming.start" in each for each in stack.messages) == 2
        assert not leaks(sim, iter(stack.variables))

    def test_a_spare_token_does_not_tell(
        self, app: Flask, sim: Simulator, stack: StackReader, wait_idle: Callable[[], None]
    ) -> None:
        """Nor the thread that mints it."""
        app.config["HEYGEN_SPARE_TOKENS"] = 1
        app.test_client().post("/api/heygen/start", json={})
        wait_idle()

        assert sum("create_token" in each for each in stack.messages) == 2
        assert not leaks(sim, iter(stack.variables))

    def test_http_client_prints_nothing(
        self,
        config: dict[str, Any],
        sim: Simulator,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """Its ``debuglevel``, which hosts set to see their own calls, prints all that is sent."""
        monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
        client = HeyGenClient(Settings.from_mapping(config))

        client.task(client.start()["session_id"], TEXT)

        assert capsys.readouterr().out == ""


class TestAnswers:
    @pytest.mark.parametrize(
        "fault", [Fault.SLOW_BODY, Fault.ECHO, Fault.TRUNCATED, Fault.UNAUTHORIZED]
    )
    @pytest.mark.parametrize("call", ["create_token", "task"])
    def test_they_do_not_tell(
        self, app: Flask, sim: Simulator, log: Log, fault: Fault, call: str
    ) -> None:
        """Neither body nor headers of an answer contain a secret, nor does the log."""
        page = app.test_client()
        started = page.post("/api/heygen/start", json={})
        task = {"session_id": started.get_json()["data"]["session_id"], "text": TEXT}
        sim.fault(call, fault, times=None)

        failed = page.post("/api/heygen/task", json=task)
        sim.clear()
        spoken = page.post("/api/heygen/task", json=task)

        assert failed.status_code >= 429
        assert spoken.status_code == 200
        for answer in (started, failed, spoken):
            assert not leaks(sim, reachable_texts((answer.get_data(), list(answer.headers))))
        assert not leaks(sim, log())

    def test_a_refused_text_is_not_repeated(self, app: Flask, sim: Simulator, log: Log) -> None:
        """Too long a one, one in the wrong place, and one that is no text."""
        app.config["HEYGEN_MAX_TEXT"] = 10
        page = app.test_client()

        for body in (
            {"session_id": "a-session", "text": TEXT},
            {"session_id": TEXT, "text": "Hello."},
            {"session_id": "a-session", "text": [TEXT]},
            {"session_id": "a-session", "text": "Hello.", "task_type": TEXT},
            {"session_id": "a-session", "text": "Hello.", "interrupt": TEXT},
        ):
            answer = page.post("/api/heygen/task", json=body)
            assert 400 <= answer.status_code < 500
            assert not leaks(sim, iter([answer.get_data(as_text=True)]))

        assert not leaks(sim, log())

    def test_an_echo_is_cut_out_and_the_rest_is_kept(self, app: Flask, sim: Simulator) -> None:
        """The vendor's reason is what the page's developer needs."""
        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        sim.fault("task", Fault.ECHO)

        answer = page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})

        upstream = answer.get_json()["error"]["upstream"]
        assert (upstream["status"], upstream["code"]) == (400, 400006)
        assert upstream["message"].startswith("Invalid params: ")
        assert "[…]" in upstream["message"]


class TestBackground:
    @pytest.mark.parametrize(
        "fault", [Fault.ECHO, Fault.RESET_BEFORE, Fault.INVALID_JSON, Fault.NO_DATA]
    )
    def test_a_failed_mint_does_not_tell(
        self, app: Flask, sim: Simulator, log: Log, wait_idle: Callable[[], None], fault: Fault
    ) -> None:
        """Its warning is all that there is of it."""
        app.config.update(HEYGEN_SPARE_TOKENS=1, HEYGEN_TIMEOUT=10)
        page = app.test_client()
        session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
        wait_idle()  # the token of the task is there; the next mint is the one ordered after it

        sim.fault("create_token", fault, times=None)
        page.post("/api/heygen/task", json={"session_id": session_id, "text": TEXT})
        wait_idle()

        assert sim.texts == (TEXT,)
        assert any("session token ahead failed" in text for text in log())
        assert not leaks(sim, log())


class TestObjects:
    def test_their_reprs_do_not_tell(self, app: Flask, sim: Simulator) -> None:
        """Those of settings, client, tokens and blueprint, which a debugger or a log may show."""
        settings = Settings.from_mapping(app.config)
        token = Token(KEY, Timestamp())
        with app.app_context():
            client = heygen_bp.client
        client.start()

        things = [settings, client, token, [token], heygen_bp, app.extensions["heygen"]]
        things.append(TokenPool(lambda: token, size=1, max_age=1))
        assert not leaks(sim, iter([*map(repr, things), *map(str, things)]))

    @pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
    def test_a_wrong_setting_is_not_repeated(self, name: str, sim: Simulator) -> None:
        """The error does not repeat the value, which may be the key in the wrong line."""
        config = {"HEYGEN_API_KEY": "another-key", f"HEYGEN_{name.upper()}": f"{KEY} {KEY}"}

        with pytest.raises(NotConfigured, match=f"HEYGEN_{name.upper()}") as caught:
            Settings.from_mapping(config)

        assert not leaks(sim, reachable_texts(caught.value))
        assert not leaks(sim, shown(caught.value))

    def test_a_wrong_setting_shows_no_other(self, app: Flask, sim: Simulator) -> None:
        """A client that cannot be made reports the setting, and not the config that it is of."""
        app.config["HEYGEN_TIMEOUT"] = "soon"

        with app.app_context(), pytest.raises(NotConfigured) as caught:
            _ = heygen_bp.client

        assert not leaks(sim, shown(caught.value))
