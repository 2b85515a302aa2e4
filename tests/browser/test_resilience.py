"""Interviews under failures of the network, login, account and vendor, and without a user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from example_app import create_app
from example_app.interview import INTERVIEW
from flask_heygen.simulator import Simulator
from tests.browser.interviews import BRIEF, lines

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit

LINES = lines(INTERVIEW)
#: Remembers the object that the page listens to.
AVATAR_OF_THE_PAGE = """
const { addEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (type, ...rest) {
  if (type === "quality") globalThis.avatarOfThePage = this;
  return addEventListener.call(this, type, ...rest);
};
"""
#: LiveKit's server reports it, and the simulator's does not.
REPORT_QUALITY = """
(quality) => void avatarOfThePage.dispatchEvent(new CustomEvent("quality", { detail: { quality } }))
"""
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"


def states(simulator: Simulator) -> list[str]:
    return [session.state for session in simulator.sessions.values()]


class TestSignIn:
    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        return create_app({**app.config, "INTERVIEW_SIGN_IN": True})

    def test_that_has_ended_is_renewed_in_another_tab(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """The page keeps the answers, and asks the question once the candidate is back."""
        sign_in(visit)
        visit.press("Start interview")
        visit.reach("listening")
        visit.page.context.clear_cookies()
        visit.page.get_by_label("Your answer").fill("One.")
        visit.press("Next question")
        visit.reach("error")
        expect(visit.page.get_by_role("alert")).to_contain_text("Sign in")
        with visit.page.expect_popup() as popup:
            visit.page.get_by_role("link", name="Sign in in a new tab").click()
        popup.value.get_by_label("Your name").fill("Ada")
        popup.value.get_by_role("button", name="Sign in").click()
        popup.value.get_by_role("button", name="Start interview").wait_for()
        visit.press("Try again")
        visit.reach("listening")

        expect(visit.page.locator("#room .turns")).to_contain_text("One.")
        assert simulator.texts == LINES[:3]


class TestAccount:
    @pytest.mark.parametrize("vendor", [{"concurrent_limit": 1, "release_seconds": 3}])
    def test_with_room_for_one_session_survives_a_reload(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """The page waits until its own last session has freed the slot."""
        visit.start()
        visit.page.reload()
        visit.press("Continue with question 1")
        visit.reach("listening")

        assert states(simulator) == ["closed", "connected"]
        assert simulator.count("new", status=400) >= 1


class TestSession:
    def test_that_nobody_attends_is_ended_until_somebody_answers(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """After ten minutes nothing is paid for; the next answer brings the interviewer back."""
        visit.page.clock.install()
        visit.start()
        visit.page.clock.fast_forward("10:00")
        visit.until(lambda: states(simulator) == ["closed"], "the session is stopped")
        expect(visit.page.get_by_text("has left, since nobody was here")).to_be_visible()
        expect(visit.page.get_by_role("alert")).to_be_hidden()
        visit.press("Next question")
        visit.until(lambda: len(simulator.texts) == 3, "the next question is asked")

        assert states(simulator) == ["closed", "connected"]
        assert simulator.texts == LINES[:3]

    @pytest.mark.parametrize("vendor", [{"session_seconds": 60}])
    def test_of_a_minute_is_renewed_in_an_interview_of_five(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Each session is replaced in a pause, and no question is lost or cut."""
        visit.page.clock.install()
        visit.start()
        for number in range(2, 6):
            simulator.advance(46)
            visit.page.clock.fast_forward(46_000)
            visit.until(lambda: len(simulator.sessions) == number, "it is renewed")  # noqa: B023
            visit.answer("An answer.")

        assert states(simulator) == [*["closed"] * 4, "connected"]
        assert simulator.texts == LINES[:6]
        assert not any(speech.interrupted for speech in simulator.spoken)


class TestNetwork:
    def test_that_is_down_for_a_while_is_reported_and_recovers(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """The page says what is wrong, and asks the question once the network is back."""
        visit.page.clock.install()
        visit.start()
        visit.page.context.set_offline(True)
        expect(visit.page.get_by_text("You are offline.")).to_be_visible()
        visit.press("Next question")
        visit.reach("error")
        visit.page.clock.fast_forward(20_000)
        expect(visit.page.get_by_role("alert")).to_contain_text("could not be reached")
        visit.page.context.set_offline(False)
        expect(visit.page.get_by_text("You are offline.")).to_be_hidden()
        visit.press("Try again")
        visit.reach("listening")

        assert simulator.texts == LINES[:3]

    def test_that_is_poor_is_named(self, visit: Visit) -> None:
        """The candidate knows why picture and voice falter, as long as they do."""
        visit.page.add_init_script(AVATAR_OF_THE_PAGE)
        visit.start()
        poor = visit.page.get_by_text("Your connection is poor")

        for quality, shown in (("poor", True), ("good", False), ("lost", True)):
            visit.page.evaluate(REPORT_QUALITY, quality)
            expect(poor).to_be_visible(visible=shown)

    def test_that_blocks_rooms_is_named(
        self, browser: Browser, url: str, visit_type: type[Visit], simulator: Simulator
    ) -> None:
        """There is one error, the session is stopped, and the interview goes on in text."""
        with browser.new_context(reduced_motion="reduce") as context:
            context.route_web_socket("**", lambda socket: socket.close())
            visit = visit_type(context.new_page(), url)
            visit.open()
            visit.press("Start interview")
            visit.reach("error")
            expect(visit.page.get_by_role("alert")).to_contain_text("room could not be joined")
            visit.press("Carry on in text")
            visit.answer("One.")
            visit.until(lambda: states(simulator) == ["closed"], "the session is stopped")

            assert simulator.texts == ()


class TestAvatar:
    @pytest.fixture
    def vendor(self) -> dict[str, Any]:
        return {"joined": False}

    @pytest.fixture(params=["liveavatar", "streaming"])
    def app(self, request: pytest.FixtureRequest, simulator: Simulator) -> Flask:
        return create_app(
            {
                "HEYGEN_API": request.param,
                "HEYGEN_API_KEY": "a-key-that-no-browser-sees",
                "HEYGEN_BASE_URL": simulator.url,
                "HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR},
                "INTERVIEW": BRIEF,
                "INTERVIEW_SIGN_IN": False,
            }
        )

    def test_that_leaves_is_replaced(
        self, browser: Browser, url: str, visit_type: type[Visit], simulator: Simulator
    ) -> None:
        """The room stays, and yet the next question is spoken: by the next session's avatar."""
        with browser.new_context(reduced_motion="reduce") as context:
            visit = visit_type(context.new_page(), url, patience=30_000)
            visit.open()
            visit.press("Start interview")
            visit.until(lambda: len(simulator.texts) == 1, "the greeting is spoken")
            (session_id,) = simulator.sessions
            simulator.latency["*"] = 0.5
            simulator.avatar_leaves(session_id)
            expect(visit.page.get_by_role("status")).to_have_text("Connecting…")
            visit.until(lambda: len(simulator.sessions) == 2, "there is a new session")
            simulator.latency.clear()
            expect(visit.page.locator("main[data-link=live]")).to_be_attached(timeout=30_000)

            visit.until(lambda: len(simulator.texts) == 2, "the question is spoken")
            assert states(simulator) == ["closed", "connected"]
            assert simulator.texts == lines(BRIEF)[:2]

    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_that_the_account_cannot_pay_for_is_missed_in_words(
        self, browser: Browser, url: str, visit_type: type[Visit], simulator: Simulator
    ) -> None:
        """Nobody is asked to try again what must fail: the interview goes on in text."""
        with browser.new_context() as context:
            visit = visit_type(context.new_page(), url, patience=30_000)
            visit.open()
            visit.press("Start interview")
            visit.until(lambda: len(simulator.texts) == 1, "the greeting is spoken")
            simulator.close_session(next(iter(simulator.sessions)), "NO_CREDITS")
            visit.reach("error")

            alert = visit.page.get_by_role("alert")
            expect(alert).to_contain_text("no credits left")
            expect(alert).to_contain_text("Carry on in text. Your answers are safe.")
            assert len(simulator.sessions) == 1


def sign_in(visit: Visit) -> None:
    visit.page.goto(visit.url)
    visit.page.get_by_label("Your name").fill("Ada")
    visit.press("Sign in")
    visit.reach("intro")
    visit.page.wait_for_load_state()
