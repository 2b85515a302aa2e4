"""What a page is answered when a connection fails, or has ended by the next call."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.constants import question

from .call import Reply
from .certificates import HOST, Certificate
from .host import FAILED, SHORT, SUCCESS, TIMED_OUT, Code, Host
from .proxy import Proxy


class Path(NamedTuple):
    """Everything that a connection needs, to be broken and mended."""

    proxy: Proxy
    names: set[str]
    good: Certificate
    expired: Certificate

    def mend(self) -> None:
        self.names.add(HOST)
        self.proxy.tls = self.good.context
        self.proxy.mend()


@pytest.fixture
def path(
    secure_host: Host, names: set[str], certificate: Certificate, expired: Certificate
) -> Path:
    return Path(secure_host.proxy, names, certificate, expired)


def refused(path: Path) -> None:
    path.proxy.refuse()


def unresolved(path: Path) -> None:
    path.names.clear()


def out_of_date(path: Path) -> None:
    path.proxy.tls = path.expired.context


def cut_in_the_handshake(path: Path) -> None:
    path.proxy.accept = path.proxy.cut_handshake


def silent_in_the_handshake(path: Path) -> None:
    path.proxy.accept = path.proxy.stay_silent


ROWS: dict[Callable[[Path], None], Code] = {
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
        path: Path,
        act: Callable[[Host], Code],
        break_off: Callable[[Path], None],
    ) -> None:
        """The page is told that it may try again."""
        host = secure_host
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that the task is the first call
        if ROWS[break_off] == TIMED_OUT:
            host.app.config["HEYGEN_TIMEOUT"] = SHORT
        host.start()
        host.wait_idle()
        session_id, calls = host.session_id, host.sim.calls
        break_off(path)
        host.proxy.hang_up()  # or an open connection would be used

        assert act(host) == ROWS[break_off]
        host.wait_idle()
        assert host.sim.calls == calls
        path.mend()
        host.session_id = session_id
        assert host.goes_on()


@pytest.mark.parametrize("kind", ["host", "secure_host"])
class TestIdleConnection:
    @pytest.mark.parametrize("last_words", [b"", Reply(b"Too late.", 408).whole])
    def test_that_the_vendor_has_closed_is_not_used(
        self, request: pytest.FixtureRequest, kind: str, last_words: bytes
    ) -> None:
        """The next task notices before it is sent, and is sent once."""
        host: Host = request.getfixturevalue(kind)
        host.app.config["HEYGEN_SPARE_TOKENS"] = 1  # so that the task is the first call
        host.start()

        for number in range(5):
            host.wait_idle()
            host.proxy.hang_up(last_words)
            assert host.speak(question(number)) == SUCCESS

        host.wait_idle()
        assert host.proxy.count("task") == 5
        assert host.proxy.count("create_token") == 2 + 5
