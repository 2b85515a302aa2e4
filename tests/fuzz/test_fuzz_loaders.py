"""Whatever a loader returns, the server's choice stands, and the page gets a proper answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from flask_heygen.backends.fields import LIVEAVATAR_FIELDS, STREAMING_FIELDS
from flask_heygen.backends.liveavatar_messages import SANDBOX_AVATAR

PREFIX = "/api/heygen/"
NDJSON = "application/x-ndjson"
StatusOf = Callable[[TestResponse], int]

words = st.text(st.characters(exclude_categories=()), max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
values = scalars | st.lists(scalars, max_size=2) | st.dictionaries(words, scalars, max_size=1)
names = st.sampled_from(sorted(STREAMING_FIELDS.keys() | LIVEAVATAR_FIELDS.keys())) | words
accepts = st.sampled_from(["", NDJSON])

#: What the loaders return, which each example sets.
loaded: dict[str, Any] = {"text": None, "session": None}


@pytest.fixture(scope="module", params=["streaming", "liveavatar"])
def app(request: pytest.FixtureRequest, host_of: Callable[..., Flask]) -> Flask:
    return host_of(
        HEYGEN_API=request.param,
        HEYGEN_SESSION_DEFAULTS={"avatar_id": SANDBOX_AVATAR},
        HEYGEN_SESSION_ALLOWED=["avatar_id", "language"],
        loaders={
            "text_loader": lambda _: loaded["text"],
            "session_loader": lambda: loaded["session"],
        },
    )


class TestTextLoader:
    @given(sent=words, text=st.none() | words | st.text(min_size=1), accept=accepts)
    def test_chooses_the_text(
        self,
        app: Flask,
        attacker: Any,
        hostile: Any,
        status_of: StatusOf,
        *,
        sent: str,
        text: str | None,
        accept: str,
    ) -> None:
        """The vendor gets the loader's text or none, and the page's never."""
        loaded["text"], hostile.heard = text, b""
        task = {"session_id": "a-session", "text": sent}

        answer = attacker.send(
            app, f"{PREFIX}task", method="POST", json=task, headers={"Accept": accept}
        )

        heard = json.loads(hostile.heard) if hostile.heard else {}
        assert status_of(answer) in ({403} if text is None else {200, 413, 422})
        assert heard.get("text") in (text, None)
        if status_of(answer) != 200:
            assert hostile.heard == b""


class TestSessionLoader:
    @given(
        session=st.none() | st.dictionaries(names, values, max_size=3),
        sent=st.dictionaries(st.sampled_from(["avatar_id", "language"]), words, max_size=2),
        accept=accepts,
    )
    def test_chooses_the_fields(
        self,
        app: Flask,
        attacker: Any,
        hostile: Any,
        status_of: StatusOf,
        *,
        session: dict[str, Any] | None,
        sent: dict[str, str],
        accept: str,
    ) -> None:
        """A page cannot set a field that the loader returns."""
        loaded["session"], hostile.heard = session, b""

        answer = attacker.send(
            app, f"{PREFIX}start", method="POST", json=sent, headers={"Accept": accept}
        )

        assert status_of(answer) in {200, 413, 422, 503}
        if sent.keys() & (session or {}).keys():
            assert status_of(answer) != 200
            assert hostile.heard == b""
