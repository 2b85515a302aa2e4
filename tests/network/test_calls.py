"""Each call, each way in which it breaks: what the page is told, and what was done in truth."""

from __future__ import annotations

import tracemalloc
from typing import NamedTuple

import pytest

from . import faults
from .call import Fault
from .host import FAILED, REFUSED, SHORT, SUCCESS, TEXT, TIMED_OUT, UNKNOWN, Answer, Host
from .proxy import Proxy


class Row(NamedTuple):
    """A fault, and what becomes of the calls that meet it for as long as it lasts."""

    fault: Fault
    #: Whether the vendor acts on the call.
    acted: bool
    #: What a page is told where a repeat would speak, or cost, twice.
    harmful: Answer
    #: What it is told where a repeat does no harm.
    harmless: Answer


ROWS = {
    "reset before": Row(faults.reset_before, False, UNKNOWN, FAILED),
    "reset after": Row(faults.reset_after, True, UNKNOWN, FAILED),
    "closed before": Row(faults.close_before, False, UNKNOWN, FAILED),
    "closed after": Row(faults.close_after, True, UNKNOWN, FAILED),
    "closed on reuse": Row(faults.close_on_reuse, False, UNKNOWN, SUCCESS),
    "reset on reuse": Row(faults.reset_on_reuse, False, UNKNOWN, SUCCESS),
    "last of its connection": Row(faults.say_goodbye, True, SUCCESS, SUCCESS),
    "half a head": Row(faults.half_head, True, UNKNOWN, FAILED),
    "half a body": Row(faults.half_body, True, UNKNOWN, FAILED),
    "half a body of no length": Row(faults.half_body_of_no_length, True, UNKNOWN, FAILED),
    "slow head": Row(faults.drip_head, True, UNKNOWN, TIMED_OUT),
    "slow body": Row(faults.drip_body, True, UNKNOWN, TIMED_OUT),
    "interim reply": Row(faults.hint_first, True, SUCCESS, SUCCESS),
    "chunk": Row(faults.chunk_of(""), True, SUCCESS, SUCCESS),
    "chunk of less than nothing": Row(faults.chunk_of("-5"), True, UNKNOWN, FAILED),
    "chunk of all": Row(faults.chunk_of("-1"), True, UNKNOWN, FAILED),
    "chunk of no size": Row(faults.chunk_of("many"), True, UNKNOWN, FAILED),
    "chunk too long": Row(faults.chunk_of("7fffffffffffffffffff"), True, UNKNOWN, TIMED_OUT),
    "another language": Row(faults.speak_another_language, True, UNKNOWN, FAILED),
    "two replies": Row(faults.answer_twice, True, SUCCESS, SUCCESS),
    "gzip bomb": Row(faults.bomb, True, UNKNOWN, FAILED),
    "50 MB": Row(faults.huge, True, UNKNOWN, FAILED),
    "HTML in name": Row(faults.labelled("text/html"), True, SUCCESS, SUCCESS),
    "unknown charset": Row(
        faults.labelled("application/json; charset=klingon"), True, SUCCESS, SUCCESS
    ),
    "no content type": Row(faults.labelled(None), True, SUCCESS, SUCCESS),
    "Latin-1": Row(faults.in_latin_1, True, UNKNOWN, FAILED),
}
SLOW = {"slow head", "slow body", "chunk too long"}


@pytest.fixture(params=ROWS)
def row(request: pytest.FixtureRequest, host: Host) -> Row:
    """Take a row; the host's page has started a session, and nothing is broken yet."""
    assert host.start() == SUCCESS
    if request.param in SLOW:
        host.app.config["HEYGEN_TIMEOUT"] = SHORT
    return ROWS[request.param]


class TestTask:
    def test_is_spoken_as_the_page_is_told(self, host: Host, row: Row) -> None:
        """Once or never, and it is never sent twice."""
        host.proxy.fault("task", row.fault)

        assert host.speak() == row.harmful
        assert host.sim.texts == ((TEXT,) if row.acted else ())
        assert host.proxy.count("task") <= 1
        assert host.goes_on()


class TestToken:
    def test_is_asked_for_twice_at_most(self, host: Host, row: Row) -> None:
        """Where none is to be had the text is not sent, and may be sent again."""
        host.proxy.fault("create_token", row.fault)
        before = host.proxy.count("create_token")

        answer = host.speak()

        assert answer == row.harmless
        assert host.sim.texts == ((TEXT,) if answer == SUCCESS else ())
        assert host.proxy.count("create_token") - before <= 2
        assert host.goes_on()


class TestNewSession:
    def test_is_asked_for_once(self, host: Host, row: Row) -> None:
        """It costs money, whether or not the page has heard of it."""
        host.proxy.fault("new", row.fault)
        before = host.proxy.count("new")

        assert host.start() == row.harmful
        assert len(host.sim.sessions) == (2 if row.acted else 1)
        assert host.proxy.count("new") - before <= 1
        host.mend()
        assert host.start() == SUCCESS
        assert host.goes_on()


class TestStop:
    def test_is_sent_once_more(self, host: Host, row: Row) -> None:
        """What was done unheard by the first is what the second finds."""
        host.proxy.fault("stop", row.fault, times=1)

        assert host.stop() == (TIMED_OUT if row.harmless == TIMED_OUT else SUCCESS)
        assert 1 <= host.proxy.count("stop") <= 2
        assert host.sim.sessions[host.session_id].state == "closed"
        host.mend()
        assert host.start() == SUCCESS
        assert host.goes_on()


class TestSecureReply:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.close_after,
            faults.reset_after,
            faults.half_head,
            faults.half_body,
            faults.half_body_of_no_length,
        ],
    )
    def test_that_is_cut_is_none(self, secure_host: Host, fault: Fault) -> None:
        """Without TLS's own word for the end, whatever had come by then."""
        secure_host.start()
        secure_host.proxy.fault("task", fault)

        assert secure_host.speak() == UNKNOWN
        assert secure_host.sim.texts == (TEXT,)
        assert secure_host.proxy.count("task") == 1
        assert secure_host.goes_on()


class TestLargeReply:
    @pytest.mark.parametrize("fault", [faults.bomb, faults.huge])
    def test_takes_little_memory(self, host: Host, fault: Fault) -> None:
        """Neither is it read to its end, nor unpacked, as packed it was not asked for."""
        host.start()
        host.speak("A first one, for which modules are loaded.")
        host.proxy.fault("task", fault)

        tracemalloc.start()
        answer = host.speak()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert answer == UNKNOWN
        assert peak < 8 << 20
        assert host.proxy.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("call", ["create_token", "task", "new", "stop"])
class TestRedirect:
    def test_is_not_followed(self, host: Host, names: set[str], status: int, call: str) -> None:
        """Neither the key nor a token nor a text reaches whoever is named there."""
        host.start()
        names.add("stranger.test")
        with Proxy(host.proxy.onward) as stranger:
            location = f"http://stranger.test:{stranger.port}/v1/streaming.{call}"
            host.proxy.fault(call, faults.redirect(status, location))
            act = {"new": host.start, "stop": host.stop}.get(call, host.speak)

            assert act() == REFUSED
            assert stranger.connections == 0

        assert host.sim.texts == ()
        host.mend()
        assert host.start() == SUCCESS
        assert host.goes_on()
