"""The page in Firefox, whose network, media and speech are another browser's than Chromium's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from flask import Flask

from example_app import create_app
from flask_heygen.simulator import Simulator
from tests.browser.interviews import BRIEF, lines

if TYPE_CHECKING:  # it needs websockets
    from tests.browser.firefox import Tab

pytestmark = pytest.mark.ci
pytest.importorskip("aiortc", reason="pip install 'flask-heygen[avatar]'")

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"

SIGN_IN = """
(name) => {
  document.querySelector("input[name=name]").value = name;
  // Later, as a page that has gone answers nothing.
  setTimeout(() => document.querySelector("form").requestSubmit());
}
"""
ANSWER = """
(text) => {
  const box = document.querySelector("#answer");
  box.value = text;
  box.dispatchEvent(new Event("input"));
  document.querySelector("#next").click();
}
"""


@pytest.fixture
def vendor() -> dict[str, object]:
    return {"joined": False}


@pytest.fixture(params=["liveavatar", "streaming"])
def app(request: pytest.FixtureRequest, simulator: Simulator) -> Flask:
    return create_app(
        {
            "HEYGEN_API": request.param,
            "HEYGEN_API_KEY": "a-key-that-no-browser-sees",
            "HEYGEN_BASE_URL": simulator.url,
            "HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR},
            "INTERVIEW": BRIEF,
        }
    )


class TestInterview:
    def test_is_held_from_the_sign_in_to_the_transcript(
        self, tab: Tab, url: str, simulator: Simulator
    ) -> None:
        """The avatar is seen, every text is spoken once, and the answers are on the page."""
        tab.goto(url)
        tab.evaluate(SIGN_IN, "Ada")
        tab.wait_for_load()
        tab.until("document.querySelector('main[data-state=intro] #start:enabled')")
        tab.evaluate("document.querySelector('#start').click()")
        tab.until("document.querySelector('main[data-picture=live]')")
        for number in range(1, 6):
            tab.until("document.querySelector('main[data-state=listening]')")
            progress = tab.evaluate("document.querySelector('#progress').textContent")
            assert progress == f"Question {number} of 5"
            tab.evaluate(ANSWER, f"Answer {number}.")
        tab.until("document.querySelector('main[data-state=ended]')")

        said = tab.evaluate("document.querySelector('main').textContent")
        assert all(f"Answer {number}." in said for number in range(1, 6))
        assert simulator.texts == lines(BRIEF)
