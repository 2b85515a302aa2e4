"""Connections that are never made, or have ended by the next call: what the page is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.constants import question

from .call import Reply
from .certificates import HOST, Certificate
from .host import FAILED, SHORT, SUCCESS, TIMED_OUT, Answer, Host
from .proxy import Proxy


class Way(NamedTuple):
    """All that a connection needs, to be broken and mended."""

    proxy: Proxy
    names: set[str]
    good: Certificate
    expired: Certificate

    def mend(self) -> None:
        self.names.add(HOST)
        self.proxy.tls = self.good.context
        self.proxy.mend()


@pytest.fixture
def way(secure_host: Host, names: set[str], certificate: Certificate, expired: Certificate) -> Way:
    return Way(secure_host.proxy, names, certificate, expired)


def refused(way: Way) -> None:
    way.proxy.refuse()


def unresolved(way: Way) -> None:
    way.names.clear()


def out_of_date(way: Way) -> None:
    way.proxy.tls = way.expired.context


def cut_in_the_handshake(way: Way) -> None:
    way.proxy.greet = way.proxy.cut_handshake


def silent_in_the_handshake(way: Way) -> None:
    way.proxy.greet = way.proxy.stay_silent


ROWS: dict[Callable[[Way], None], Answer] = {
    refused: FAILED,
    unresolved: FAILED,
    out_of_date: FAILED,
    cut_in_the_handshake: FAILED,
    silent_in_the_handshake: TIMED_OUT,
}


@pytest.mark.parametrize("act", [Host.speak, Host.start, Host.stop])
class TestUnreachableVendor:
    @pytest.mark.parametrize("break_off", ROWS)
    def test_has_done_nothing(
        self,
        secure_host: Host,
        way: Way,
        act: Callable[[Host], Answer],
        break_off: Callable[[Way], None],
    ) -> None:
        """The page may have it sent again, and is told so."""
        host = secure_host
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that a text is what would be sent first
        if ROWS[break_off] == TIMED_OUT:
            host.app.config["HEYGEN_TIMEOUT"] = SHORT
        host.start()
        host.rest()
        session_id, calls = host.session_id, host.sim.calls
        break_off(way)
        host.proxy.hang_up()  # or a connection from better times would be used

        assert act(host) == ROWS[break_off]
        host.rest()
        assert host.sim.calls == calls
        way.mend()
        host.session_id = session_id
        assert host.goes_on()


@pytest.mark.parametrize("kind", ["host", "secure_host"])
class TestIdleConnection:
    @pytest.mark.parametrize("last_words", [b"", Reply(b"Too late.", 408).whole])
    def test_that_the_vendor_has_closed_is_not_used(
        self, request: pytest.FixtureRequest, kind: str, last_words: bytes
    ) -> None:
        """The next task finds out before it is sent, and is sent once."""
        host: Host = request.getfixturevalue(kind)
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that a task is the first to find out
        host.start()

        for number in range(5):
            host.rest()
            host.proxy.hang_up(last_words)
            assert host.speak(question(number)) == SUCCESS

        host.rest()
        assert host.proxy.count("task") == 5
        assert host.proxy.count("create_token") == 2 + 5
