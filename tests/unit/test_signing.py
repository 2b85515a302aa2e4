"""Signed session ids: who may command a session, with nothing stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from flask_heygen import errors
from flask_heygen.signing import SessionSigner, UnsignedSessions

SESSION = "6a4d9f3e-8a01-11f0-9d7a-0242ac120002"
#: Ada's handle of it, as it was issued by the release 0.1.0 on New Year 2026.
ISSUED = (
    "WyI2YTRkOWYzZS04YTAxLTExZjAtOWQ3YS0wMjQyYWMxMjAwMDIiLCI4UVgwZFUyekRmREowQnZsODlxTzQzeF9zZkI0"
    "d3hYYXBzeUJrdGtRSzFnIl0.aVW5AA.1YGBG_MYomv5myOez42hxg8n6LlgNACLKSBReg2rLEU"
)


def signer_of(owner: str | None, **changes: Any) -> SessionSigner:
    options = {"keys": ["key"], "salt": "streaming.HEYGEN", "max_age": 3600, **changes}
    return SessionSigner(owner, **options)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Stop the clock, and set it on: in seconds from now, which is whole as it is in a handle."""
    now = int(time.time())

    def set_clock(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: now + seconds)

    set_clock(0)
    return set_clock


class TestAHandle:
    def test_names_the_session_to_its_owner(self) -> None:
        """The owner who started a session reads its id from the handle."""
        handle = signer_of("ada").sign(SESSION)

        assert signer_of("ada").unsign(handle) == SESSION

    def test_hides_the_owner(self) -> None:
        """The owner's id stands in no handle, and two handles of one owner share no digest."""
        one, two = (signer_of("ada@example.com").sign(each) for each in ("one", "two"))

        assert "ada" not in one
        assert len({one.split(".")[0], two.split(".")[0]}) == 2

    @pytest.mark.parametrize("to_stop", [False, True])
    def test_is_refused_to_another_owner(self, to_stop: bool) -> None:
        """Another user who is signed in can neither command nor stop the session."""
        handle = signer_of("ada").sign(SESSION)

        with pytest.raises(errors.NotYourSession):
            signer_of("eve").unsign(handle, to_stop=to_stop)

    @pytest.mark.parametrize(
        "changes",
        [
            {"keys": ["another key"]},
            {"salt": "streaming.COACH"},
            {"salt": "liveavatar.HEYGEN"},
        ],
        ids=["another key", "another account", "another API"],
    )
    @pytest.mark.parametrize("to_stop", [False, True])
    def test_is_refused_where_it_was_not_issued(
        self, changes: dict[str, Any], to_stop: bool
    ) -> None:
        """A handle is good for one secret, one account and one vendor API, after logout too."""
        handle = signer_of("ada").sign(SESSION)

        with pytest.raises(errors.NotYourSession):
            signer_of("ada", **changes).unsign(handle, to_stop=to_stop)
        with pytest.raises(errors.NotYourSession):
            signer_of(None, **changes).unsign(handle, to_stop=True)

    @pytest.mark.parametrize(
        "forge",
        [
            lambda handle: handle[:-1],
            lambda handle: handle[1:],
            lambda handle: handle + "x",
            lambda handle: handle.replace(".", "", 1),
            lambda _: SESSION,
            lambda _: "",
            lambda _: "..",
            lambda _: "é" * 40,
            lambda _: "\ud800",
            lambda _: None,
            lambda _: 7,
            lambda handle: [handle],
        ],
    )
    @pytest.mark.parametrize("to_stop", [False, True])
    def test_is_refused_unless_whole(self, forge: Callable[[str], Any], to_stop: bool) -> None:
        """A forged, truncated or raw id, or something else altogether, is nobody's session.

        Its parts are not quoted by the error's context either: it may be a text in a wrong field.
        """
        handle = forge(signer_of("ada").sign(SESSION))

        with pytest.raises(errors.NotYourSession) as refused:
            signer_of("ada").unsign(handle, to_stop=to_stop)

        assert refused.value.__context__ is None

    def test_outlives_a_release(self) -> None:
        """A page that holds one while the host is updated goes on with it, as its owner alone."""
        assert signer_of("ada", max_age=float("inf")).unsign(ISSUED) == SESSION
        with pytest.raises(errors.NotYourSession):
            signer_of("eve", max_age=float("inf")).unsign(ISSUED)


class TestAnOwner:
    @pytest.mark.parametrize(
        "owner", ["", "ada@example.com", "Zoë", "\ud800", "a\n\0b", "7" * 9999]
    )
    def test_may_have_any_text_for_an_id(self, owner: str) -> None:
        """Half of a surrogate pair too, which no encoding of UTF-8 takes."""
        handle = signer_of(owner).sign(SESSION)

        assert signer_of(owner).unsign(handle) == SESSION
        with pytest.raises(errors.NotYourSession):
            signer_of(f"{owner}\udc00").unsign(handle)


class TestTime:
    def test_ends_it(self, at: Callable[[float], None]) -> None:
        """Past an hour the handle is good for nothing but to stop the session."""
        handle = signer_of("ada").sign(SESSION)
        at(3600.5)

        with pytest.raises(errors.SessionExpired):
            signer_of("ada").unsign(handle)
        assert signer_of("ada").unsign(handle, to_stop=True) == SESSION

    @pytest.mark.parametrize("skew", [-60, -30, 0, 3600])
    def test_may_differ_between_machines(self, at: Callable[[float], None], skew: float) -> None:
        """A handle from a clock up to a minute ahead works, and one that is just an hour old."""
        handle = signer_of("ada").sign(SESSION)
        at(skew)

        assert signer_of("ada").unsign(handle) == SESSION

    def test_does_not_come_from_the_future(self, at: Callable[[float], None]) -> None:
        """A handle from a clock more than a minute ahead was not issued by us."""
        handle = signer_of("ada").sign(SESSION)
        at(-60.5)

        with pytest.raises(errors.NotYourSession):
            signer_of("ada").unsign(handle)


class TestLogout:
    def test_leaves_the_right_to_stop(self) -> None:
        """A request without a user may end the session of any handle."""
        handle = signer_of("ada").sign(SESSION)

        assert signer_of(None).unsign(handle, to_stop=True) == SESSION


class TestRotation:
    def test_keeps_handles(self) -> None:
        """A handle, and the owner in it, outlive the key that signed them as a fallback."""
        handle = signer_of("ada", keys=["old"]).sign(SESSION)

        assert signer_of("ada", keys=["old", "new"]).unsign(handle) == SESSION
        with pytest.raises(errors.NotYourSession):
            signer_of("eve", keys=["old", "new"]).unsign(handle)

    def test_signs_with_the_last_key(self) -> None:
        """A handle that is signed after a rotation is read without the old key."""
        handle = signer_of("ada", keys=["old", b"new"]).sign(SESSION)

        assert signer_of("ada", keys=["new"]).unsign(handle) == SESSION


class TestUnsignedSessions:
    def test_are_the_vendors_ids(self) -> None:
        """Where nobody is asked who they are, nothing is signed."""
        signer = UnsignedSessions()

        assert signer.sign(SESSION) == signer.unsign(SESSION) == SESSION
        assert signer.unsign(SESSION, to_stop=True) == SESSION
        assert signer.owner is None
