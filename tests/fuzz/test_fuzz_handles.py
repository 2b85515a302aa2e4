"""A forged handle is never read as another session's or another owner's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from flask_heygen import errors
from flask_heygen.signing import SessionSigner

PREFIX = "/api/heygen/"
COMMANDS = ("task", "stop", "interrupt", "keep-alive")
ADA, EVE = (
    SessionSigner(owner, ["a secret of the host"], "streaming.HEYGEN.heygen", 3600)
    for owner in ("ada", "eve")
)
#: The true handles that a forger may hold: of Ada's sessions and of their own.
HELD = {
    **{ADA.sign(session): ("ada", session) for session in ("s", "6a4d9f3e-8a01-11f0")},
    **{EVE.sign(session): ("eve", session) for session in ("s", "another")},
}

#: What a forger may insert in a handle.
written = st.text(max_size=8) | st.sampled_from(
    [".", "=", "\n", "\0", "-", "_", *"".join(HELD).split(".")]
)
#: Parts of true handles, joined with insertions.
collages = st.lists(
    st.tuples(st.sampled_from(sorted(HELD)), st.integers(0, 160), st.integers(0, 160), written),
    min_size=1,
    max_size=3,
).map(lambda cuts: "".join(held[start:end] + more for held, start, end, more in cuts))
#: True handles with a part of another.
grafts = st.tuples(*[st.sampled_from(sorted(HELD))] * 3).map(
    lambda three: ".".join(held.split(".")[place] for place, held in enumerate(three))
)
#: True handles with a few characters changed.
changed = st.tuples(st.sampled_from(sorted(HELD)), st.integers(0, 160), written).map(
    lambda it: it[0][: it[1]] + it[2] + it[0][it[1] + len(it[2]) :]
)
#: The payload of a handle, unsigned or with a wrong signature.
unsigned = st.tuples(
    st.text(max_size=8), st.sampled_from(["", ".", ".a.b", ".AAAA." + "A" * 43])
).map(lambda it: base64.urlsafe_b64encode(json.dumps([it[0], "ada"]).encode()).decode() + it[1])
forgeries = changed | collages | grafts | unsigned | st.text(max_size=60)


def signed(handle: str) -> str:
    """Return what is signed of a handle; the signature itself may be spelled in several ways."""
    return handle.rpartition(".")[0]


def read(signer: SessionSigner, handle: Any, *, to_stop: bool) -> str | None:
    """Return the session that a handle names to an owner, None where it is refused."""
    try:
        return str(signer.unsign(handle, to_stop=to_stop))
    except errors.NotYourSession:
        return None


class TestAForgery:
    @given(handle=forgeries, to_stop=st.booleans())
    def test_names_no_session_but_its_own(self, handle: str, *, to_stop: bool) -> None:
        """A handle that is read has its payload and time, and names the same to its owner."""
        named = {
            "ada": read(ADA, handle, to_stop=to_stop),
            "eve": read(EVE, handle, to_stop=to_stop),
        }

        true = {whose for held, whose in HELD.items() if signed(held) == signed(handle)}
        assert {(owner, each) for owner, each in named.items() if each is not None} <= true

    @given(
        handle=st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.binary()
        | st.lists(st.text()),
        to_stop=st.booleans(),
    )
    def test_is_a_text_at_least(self, handle: Any, *, to_stop: bool) -> None:
        """Nothing else is looked at."""
        assert read(ADA, handle, to_stop=to_stop) is None


class TestTheCommandLine:
    @given(handle=forgeries)
    def test_reads_no_forgery(self, app: Flask, handle: str) -> None:
        """It reads every owner's handle, for an operator, and takes other ids as they are."""
        true = {session for held, (_, session) in HELD.items() if signed(held) == signed(handle)}

        with app.app_context():
            client = app.blueprints["heygen"].client  # type: ignore[attr-defined]
            try:
                session_id = client.session_id(handle)
            except errors.InvalidField:
                return

        assert session_id in true | {handle}


@pytest.fixture(scope="module")
def app(host_of: Callable[..., Flask]) -> Flask:
    return host_of(owned=True)


class TestARoute:
    @pytest.mark.parametrize("route", COMMANDS)
    def test_passes_on_a_handle(self, app: Flask, attacker: Any, hostile: Any, route: str) -> None:
        """Those that the forgeries are made of are good."""
        for handle, (user, session) in HELD.items():
            body = {"session_id": handle} | ({"text": "Hello."} if route == "task" else {})

            answer = attacker.send(
                app, PREFIX + route, method="POST", json=body, headers={"X-User": user}
            )

            assert answer.status_code == 200
            assert json.loads(hostile.heard)["session_id"] == session

    @given(handle=forgeries, route=st.sampled_from(COMMANDS), user=st.sampled_from(["ada", "eve"]))
    def test_passes_on_no_forgery(
        self, app: Flask, attacker: Any, hostile: Any, *, handle: str, route: str, user: str
    ) -> None:
        """The vendor hears of a session from its owner alone."""
        body = {"session_id": handle} | ({"text": "Hello."} if route == "task" else {})
        hostile.heard = b"{}"

        answer = attacker.send(
            app, PREFIX + route, method="POST", json=body, headers={"X-User": user}
        )

        passed_on = (user, json.loads(hostile.heard).get("session_id"))
        true = {whose for held, whose in HELD.items() if signed(held) == signed(handle)}
        assert answer.status_code == (403 if passed_on[1] is None else 200)
        assert passed_on in true | {(user, None)}
