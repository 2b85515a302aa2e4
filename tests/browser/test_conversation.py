"""The free talk of ``example_app --conversation``, in a real browser, on LiveAvatar's simulator."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import Page, expect

from example_app import create_app
from flask_heygen.simulator import Simulator
from tests.browser.test_recipes_browser import wait_for
from tests.constants import KEY

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    context = requests.post(
        f"{simulator.url}/v1/contexts",
        json={"name": "Test", "prompt": "Talk.", "opening_text": "Hello."},
        headers={"X-API-KEY": KEY},
        timeout=10,
    )
    defaults = {"avatar_id": AVATAR, "context_id": context.json()["data"]["id"]}
    return create_app(
        {
            "HEYGEN_API": "liveavatar",
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": simulator.url,
            "HEYGEN_SESSION_DEFAULTS": defaults,
            "INTERVIEW_CONVERSATION": True,
            "INTERVIEW_SIGN_IN": False,
        }
    )


@pytest.fixture
def page(browser: Any, url: str) -> Any:
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(url)
        yield page


class TestConversation:
    def test_is_answered_and_written_down(self, page: Page, simulator: Simulator) -> None:
        """The model answers a typed text, and both are in the log; the end stops it."""
        page.get_by_role("button", name="Start conversation").click()
        expect(page.locator("main[data-state=listening]")).to_be_visible()
        said = page.get_by_role("log").locator("li")
        expect(said).to_have_text(["MayaHello."])
        page.get_by_label("Your words").fill("Do you like Flask?")
        page.get_by_role("button", name="Send").click()

        answer = "You said: Do you like Flask?"
        expect(said).to_have_text(["MayaHello.", "YouDo you like Flask?", f"Maya{answer}"])
        assert simulator.texts == ("Hello.", answer)

        page.get_by_role("button", name="End conversation").click()
        wait_for(page, lambda: [each.state for each in simulator.sessions.values()] == ["closed"])

    @pytest.mark.parametrize("vendor", [{"concurrent_limit": 0}], ids=["no room"])
    def test_that_cannot_be_held_can_be_begun_again(self, page: Page) -> None:
        """The page says why, and offers another start."""
        page.get_by_role("button", name="Start conversation").click()

        expect(page.get_by_role("button", name="Start again")).to_be_visible(timeout=40_000)
        expect(page.locator("#note")).not_to_be_empty()

    def test_that_is_broken_off_says_why(self, page: Page, simulator: Simulator) -> None:
        """The page is not left waiting for an avatar that has gone, and offers another start."""
        page.get_by_role("button", name="Start conversation").click()
        expect(page.locator("main[data-state=listening]")).to_be_visible()
        (session_id,) = simulator.sessions
        simulator.close_session(session_id, "NO_CREDITS")

        expect(page.locator("#note")).to_contain_text("no credits left")
        expect(page.get_by_role("button", name="Start again")).to_be_visible()
