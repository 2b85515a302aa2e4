"""The interview, as it is held in a browser."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Route, expect

from example_app import create_app
from example_app.interview import INTERVIEW
from flask_heygen.simulator import Fault, Simulator

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit

LINES = (INTERVIEW.greeting, *INTERVIEW.questions, INTERVIEW.closing)
ANSWERS = tuple(f"Answer number {number}." for number in range(1, 6))
SLOW = pytest.mark.parametrize("vendor", [{"ms_per_character": 60}])

#: A browser's speech recognition, which hears what a test says; of the last part it is not certain
#: yet. Stopped, it still reports what it heard before.
RECOGNITION = """
globalThis.webkitSpeechRecognition = globalThis.SpeechRecognition = class {
  start() { globalThis.recognition = this; }
  stop() { this.stopped = true; }
  abort() {}
  hear(...parts) {
    const result = (transcript, at) =>
      Object.assign([{ transcript }], { isFinal: at < parts.length - 1 });
    this.onresult?.({ results: parts.map(result) });
  }
};
"""


#: A voice of the browser's that takes half a second for each sentence.
VOICE = """
Object.defineProperty(globalThis, "speechSynthesis", { value: Object.assign(new EventTarget(), {
  getVoices: () => [{ name: "A voice" }],
  speak(speech) {
    if (speech.volume === 0) return;
    setTimeout(() => speech.onstart?.());
    setTimeout(() => speech.onend?.(), 500);
  },
  cancel() {},
}) });
globalThis.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
"""

#: A room with a picture and a voice, of which a test says what becomes of it.
ROOM = """
Object.defineProperty(globalThis, "LivekitClient", { value: {
  RoomEvent: { TrackSubscribed: 0, Reconnecting: 1, Reconnected: 2 },
  Room: class {
    #heard = {};
    on(event, hear) { this.#heard[event] = hear; return this; }
    tell(event, ...details) { this.#heard[event](...details); }
    async connect() {
      globalThis.room = this;
      const picture = document.createElement("canvas");
      setInterval(() => picture.getContext("2d").fillRect(0, 0, 1, 1), 100);
      const attach = (video) => {
        if (video) Object.assign(video, { srcObject: picture.captureStream(), autoplay: true });
      };
      for (const kind of ["video", "audio"]) {
        this.tell(0, { kind, attach, detach() {} }, null, { identity: "heygen" });
      }
    }
    async disconnect() {}
    removeAllListeners() {}
  },
}});
"""


def tasks(visit: Visit) -> list[Any]:
    return [each.post_data_json for each in visit.requests if each.url.endswith("/task")]


@pytest.mark.slow
class TestInterview:
    def test_goes_from_start_to_the_downloaded_transcript(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Each line is spoken once and in order, though each token has expired by the next.

        What the page posts to the task route is a session, a text and the task type repeat. After
        the thanks the session is stopped.
        """
        visit.start()
        for answer in ANSWERS:
            simulator.advance(3)
            visit.answer(answer)
        with visit.page.expect_download() as download:
            visit.press("Download transcript")
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")

        assert simulator.texts == LINES
        assert len({speech.token for speech in simulator.spoken}) == len(LINES)
        assert simulator.count("stop", status=200) == 1
        assert all(task.keys() == {"session_id", "text", "task_type"} for task in tasks(visit))
        assert [(task["text"], task["task_type"]) for task in tasks(visit)] == [
            (line, "repeat") for line in LINES
        ]
        assert download.value.suggested_filename.startswith("interview-backend-engineer-payments-")
        transcript = Path(download.value.path()).read_text()
        parts = [part for pair in zip(INTERVIEW.questions, ANSWERS, strict=True) for part in pair]
        positions = [transcript.index(part) for part in (INTERVIEW.role, *parts)]
        assert positions == sorted(positions)

    def test_can_be_held_by_keyboard_alone(self, visit: Visit, simulator: Simulator) -> None:
        """Tab, Enter and Ctrl+Enter are enough, from the start to the downloaded transcript."""
        visit.open()
        keyboard = visit.page.keyboard
        keyboard.press("Tab")
        expect(visit.page.locator("#start")).to_be_focused()
        keyboard.press("Enter")
        for answer in ANSWERS:
            visit.reach("listening")
            expect(visit.page.get_by_label("Your answer")).to_be_focused()
            keyboard.type(answer)
            keyboard.press("Control+Enter")
        visit.reach("ended")
        expect(visit.page.get_by_role("heading", name="Thank you")).to_be_focused()
        keyboard.press("Tab")
        with visit.page.expect_download():
            keyboard.press("Enter")

        assert simulator.texts == LINES

    def test_can_be_ended_early(self, visit: Visit, simulator: Simulator) -> None:
        """The content of the answer box counts as the answer, and the session ends."""
        visit.start()
        visit.page.get_by_label("Your answer").fill("Half an answer")
        visit.press("End interview")
        visit.reach("ended")

        expect(visit.page.locator("#summary")).to_contain_text("You were asked 1 of 5 questions.")
        expect(visit.page.locator("#summary")).to_contain_text("Half an answer")
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")

    def test_takes_an_empty_answer_for_a_skipped_question(self, visit: Visit) -> None:
        """An empty answer box leads on, and the transcript says so."""
        visit.start()
        visit.answer("  ")

        expect(visit.page.locator("#room .turns")).to_contain_text("No answer")

    def test_repeats_a_question(self, visit: Visit, simulator: Simulator) -> None:
        """Repeat question has the avatar say the same again."""
        visit.start()
        visit.press("Repeat question")
        visit.until(lambda: len(simulator.texts) == 3, "the question was repeated")

        assert simulator.texts == (INTERVIEW.greeting, *[INTERVIEW.questions[0]] * 2)

    def test_survives_a_reload(self, visit: Visit, simulator: Simulator) -> None:
        """A reload keeps answers and the half-written one, and goes on with the same question."""
        visit.start()
        visit.answer(ANSWERS[0])
        visit.page.get_by_label("Your answer").fill("Half an answer")
        visit.page.reload()
        visit.press("Continue with question 2")
        visit.reach("listening")

        expect(visit.page.get_by_label("Your answer")).to_have_value("Half an answer")
        expect(visit.page.locator("#room .turns")).to_contain_text(ANSWERS[0])
        assert simulator.texts == (*LINES[:3], INTERVIEW.questions[1])

    def test_starts_over(self, visit: Visit) -> None:
        """Start over forgets the interview that was held."""
        visit.start()
        visit.press("End interview")
        visit.press("Start over")
        visit.reach("intro")

        expect(visit.page.get_by_role("button", name="Start interview")).to_be_visible()

    @SLOW
    def test_shows_each_word_in_time_and_tells_the_whole_once(self, visit: Visit) -> None:
        """Words appear one by one for the eye; a screen reader is given the whole text at once."""
        visit.open()
        visit.press("Start interview")
        visit.reach("speaking")

        expect(visit.page.locator("#spoken")).to_have_text(INTERVIEW.greeting)
        expect(visit.page.locator("#caption .said").first).to_have_text("Hello, ")
        expect(visit.page.locator("#caption span:not(.said)").first).to_be_attached()
        expect(visit.page.locator("#caption")).to_have_attribute("aria-hidden", "true")
        expect(visit.page.locator("#question")).to_have_text(INTERVIEW.questions[0])

    @SLOW
    def test_lets_an_answer_cut_the_question_short(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """An answer interrupts the question that is being asked, and the next one follows."""
        visit.open()
        visit.press("Start interview")
        visit.reach("speaking")
        expect(visit.page.locator("#caption .said").first).to_be_attached()
        visit.page.get_by_label("Your answer").fill("I know that one.")
        visit.press("Next question")
        visit.until(lambda: len(simulator.texts) == 2, "the next question is spoken")

        assert simulator.texts == (INTERVIEW.greeting, INTERVIEW.questions[1])
        assert simulator.spoken[0].interrupted

    @SLOW
    def test_takes_no_second_click_for_an_answer(self, visit: Visit, simulator: Simulator) -> None:
        """While a question is spoken an empty answer does not skip it."""
        visit.open()
        visit.press("Start interview")
        visit.reach("speaking")

        expect(visit.page.locator("#next")).to_have_attribute("aria-disabled", "true")
        visit.page.locator("#next").click(force=True)
        expect(visit.page.locator("#progress")).to_have_text("Question 1 of 5")


class TestCandidate:
    """A signed-in user, at a tab where another user may sign in next."""

    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        return create_app({**app.config, "INTERVIEW_SIGN_IN": True})

    def test_finds_their_answers_after_a_reload(self, visit: Visit) -> None:
        """The interview goes on where it was."""
        sign_in_and_answer(visit)
        visit.page.reload()
        visit.press("Continue with question 2")

        expect(visit.page.locator("#room .turns")).to_contain_text(ANSWERS[0])

    @pytest.mark.parametrize(
        "leave",
        [lambda visit: visit.press("Sign out"), lambda visit: visit.page.context.clear_cookies()],
        ids=["signed out", "expired"],
    )
    def test_finds_nothing_of_the_user_before(
        self, visit: Visit, leave: Callable[[Visit], None]
    ) -> None:
        """The next candidate starts afresh, and the tab forgets the answers of the last one."""
        sign_in_and_answer(visit)
        leave(visit)
        sign_in(visit)

        expect(visit.page.get_by_role("button", name="Start interview")).to_be_visible()
        assert ANSWERS[0] not in visit.page.evaluate("JSON.stringify(sessionStorage)")

    @pytest.mark.parametrize("screen", [{"viewport": {"width": 360, "height": 740}}])
    def test_finds_room_for_the_title_on_a_phone(
        self, visit: Visit, screen: dict[str, Any]
    ) -> None:
        """While the interview can be ended there is no place for the sign-out beside it."""
        sign_in_and_answer(visit)

        title = visit.page.locator(".bar__title").bounding_box()
        assert title
        assert title["width"] > screen["viewport"]["width"] / 3
        visit.press("End interview")
        expect(visit.page.get_by_role("button", name="Sign out")).to_be_visible()

    def test_is_not_shown_again_after_the_sign_out(self, visit: Visit) -> None:
        """A candidate who goes back then is asked for a name."""
        sign_in_and_answer(visit)
        visit.press("Sign out")
        expect(visit.page.get_by_label("Your name")).to_be_visible()
        visit.page.go_back(wait_until="commit")

        expect(visit.page.get_by_label("Your name")).to_be_visible()


class TestVoiceAnswers:
    """Without a room, the browser's own recognition hears."""

    def test_writes_what_is_said_into_the_answer(self, visit: Visit) -> None:
        """The typed text stays, and recognised words follow it."""
        visit.page.add_init_script(RECOGNITION)
        visit.start()
        visit.page.get_by_label("Your answer").fill("Well,")
        visit.press("Answer by voice")
        visit.page.evaluate("recognition.hear('I would', 'look at the')")
        expect(visit.page.get_by_label("Your answer")).to_have_value("Well, I would look at the")
        visit.page.evaluate("recognition.hear('I would', 'look at the logs')")
        visit.press("Stop listening")

        expect(visit.page.get_by_label("Your answer")).to_have_value(
            "Well, I would look at the logs"
        )
        expect(visit.page.get_by_role("button", name="Answer by voice")).to_be_visible()

    def test_writes_what_is_recognised_after_it_was_stopped(self, visit: Visit) -> None:
        """Stop listening ends what is said, not the thought about it."""
        visit.page.add_init_script(RECOGNITION)
        visit.start()
        visit.press("Answer by voice")
        visit.press("Stop listening")
        visit.page.evaluate("recognition.hear('I would')")

        expect(visit.page.get_by_label("Your answer")).to_have_value("I would")

    @pytest.mark.parametrize("stopped", [False, True])
    def test_writes_nothing_into_the_next_answer(self, visit: Visit, stopped: bool) -> None:
        """Words that are recognised after the answer was given are dropped."""
        visit.page.add_init_script(RECOGNITION)
        visit.start()
        visit.press("Answer by voice")
        visit.page.evaluate("(globalThis.first = recognition).hear('I would')")
        if stopped:
            visit.press("Stop listening")
        visit.press("Next question")
        visit.page.evaluate("first.hear('I would look')")
        visit.reach("listening")
        visit.page.evaluate("first.hear('I would look at')")

        expect(visit.page.locator("#room .turns")).to_contain_text("I would")
        expect(visit.page.get_by_label("Your answer")).to_have_value("")
        name = "Answer by voice" if stopped else "Stop listening"
        expect(visit.page.get_by_role("button", name=name)).to_be_visible()

    def test_leaves_what_is_typed_meanwhile(self, visit: Visit) -> None:
        """Only the words that were not certain give way to others; the caret stays where it was."""
        visit.page.add_init_script(RECOGNITION)
        visit.start()
        box, keyboard = visit.page.get_by_label("Your answer"), visit.page.keyboard
        visit.press("Answer by voice")
        visit.page.evaluate("recognition.hear('I would', 'look at')")
        box.press("End")
        keyboard.type(" (not only")
        visit.page.evaluate("recognition.hear('I would', 'look at the logs')")
        keyboard.type(")")
        expect(box).to_have_value("I would look at the logs (not only)")
        box.press("Home")
        visit.page.evaluate("recognition.hear('I would', 'look at the logs', 'first')")
        keyboard.type("Well, ")
        visit.page.evaluate("recognition.hear('I would', 'look at the logs', 'first of all')")

        expect(box).to_have_value("Well, I would look at the logs first of all (not only)")

    def test_rests_while_the_question_is_repeated(self, visit: Visit) -> None:
        """The question does not land in the answer."""
        visit.page.add_init_script(RECOGNITION + VOICE)
        visit.start()
        visit.press("Answer by voice")
        visit.page.route("**/task", lambda route: route.fulfill(status=429), times=1)
        visit.press("Repeat question")
        expect(visit.page.locator("main[data-state=speaking]:not(.waiting)")).to_be_visible()
        assert visit.page.evaluate("recognition.stopped")
        visit.page.evaluate("recognition.hear('Tell me about a system')")
        visit.reach("listening")

        expect(visit.page.get_by_label("Your answer")).to_have_value("")

    def test_tells_why_nothing_is_heard(self, visit: Visit) -> None:
        """A microphone that is not allowed is said to be, and typing goes on."""
        visit.page.add_init_script(RECOGNITION)
        visit.start()
        visit.press("Answer by voice")
        visit.page.evaluate("recognition.onerror({ error: 'not-allowed' })")

        expect(visit.page.get_by_text("The microphone is not allowed")).to_be_visible()
        visit.answer(ANSWERS[0])

    def test_is_not_offered_where_the_browser_has_none(self, visit: Visit) -> None:
        """Then there is no button, and no word about it."""
        visit.page.add_init_script(
            "delete globalThis.webkitSpeechRecognition, delete globalThis.SpeechRecognition"
        )
        visit.start()

        expect(visit.page.get_by_role("button", name="Answer by voice")).to_be_hidden()
        expect(visit.page.get_by_text("speech recognition")).to_be_hidden()


class TestTraffic:
    def test_is_with_one_host_and_holds_neither_key_nor_token(
        self, app: Flask, visit: Visit, simulator: Simulator
    ) -> None:
        """All comes from the server of the page, and nothing is missing.

        No request and no answer, in address, headers or body, holds a secret of the server's.
        """
        visit.start()
        for answer in ANSWERS:
            visit.answer(answer)
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")
        responses = [response for each in visit.requests if (response := each.response())]
        seen = " ".join(
            [f"{each.url} {each.all_headers()} {each.post_data}" for each in visit.requests]
            + [f"{each.all_headers()} {each.text()}" for each in responses]
            + [visit.page.content(), str(visit.page.context.cookies())]
        )

        assert {urlsplit(each.url).netloc for each in visit.requests} == {
            urlsplit(visit.url).netloc
        }
        assert ["livekit-client could not be loaded" in each for each in visit.complaints] == [True]
        assert next(iter(simulator.sessions)) in seen
        secrets = [app.config["HEYGEN_API_KEY"], *[token.value for token in simulator.tokens]]
        assert [secret for secret in secrets if secret in seen] == []


@pytest.mark.slow
class TestTrouble:
    def test_is_told_in_the_servers_words_and_mended_by_trying_again(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """A failed task is an error that keeps the answer; trying again speaks the text once.

        That is possible once the time that the server named is over.
        """
        visit.start()
        visit.page.evaluate(
            """() => {
              globalThis.named = [];
              const retry = document.querySelector("#retry");
              const note = () => named.push([retry.textContent, retry.ariaDisabled]);
              new MutationObserver(note).observe(retry, { childList: true });
            }"""
        )
        simulator.fault("task", Fault.RATE_LIMITED, retry_after=3)
        visit.page.get_by_label("Your answer").fill(ANSWERS[0])
        visit.press("Next question")
        visit.reach("error")

        expect(visit.page.get_by_role("alert")).to_contain_text("There were too many requests")
        expect(visit.page.locator("#question")).to_have_text(INTERVIEW.questions[1])
        expect(visit.page.locator("#room .turns")).to_contain_text(ANSWERS[0])
        visit.page.get_by_label("Your answer").fill("Typed meanwhile")
        expect(visit.page.locator("#retry")).to_have_text("Try again")
        waits = [[f"Try again in {seconds} s", "true"] for seconds in (3, 2, 1)]
        assert visit.page.evaluate("named") == [*waits, ["Try again", "false"]]
        visit.press("Try again")
        visit.reach("listening")
        expect(visit.page.get_by_label("Your answer")).to_have_value("Typed meanwhile")
        expect(visit.page.get_by_role("alert")).to_be_hidden()
        assert simulator.texts == LINES[:3]

    def test_of_unknown_outcome_is_not_sent_again(self, visit: Visit, simulator: Simulator) -> None:
        """Where a text may have been spoken, only going on is offered."""
        visit.start()
        simulator.fault("task", Fault.RESET_AFTER)
        visit.press("Next question")
        visit.reach("error")

        expect(visit.page.locator("#retry")).to_be_hidden()
        visit.press("Carry on in text")
        visit.answer(ANSWERS[1])
        assert simulator.texts == LINES[:4]

    def test_that_passes_soon_is_not_told(self, visit: Visit, simulator: Simulator) -> None:
        """A text that the server puts off is sent again, and spoken once."""
        visit.start()
        simulator.fault("task", Fault.RATE_LIMITED, retry_after=1)
        visit.answer(ANSWERS[0])

        assert simulator.texts == LINES[:3]

    def test_of_a_closed_session_is_mended_by_a_new_one(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """When the other side has closed the session, a new one asks what was not asked."""
        visit.start()
        simulator.close_session(next(iter(simulator.sessions)))
        visit.answer(ANSWERS[0])

        assert states(simulator) == ["closed", "connected"]
        assert simulator.texts == LINES[:3]

    def test_of_a_session_that_is_closed_again_and_again_is_told(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """After one new session, a person decides about the next."""

        def close_before(task: Route) -> None:
            session_id = list(simulator.sessions)[-1]
            simulator.close_session(session_id)
            task.continue_()

        visit.start()
        visit.page.route("**/task", close_before, times=2)
        visit.press("Next question")
        visit.reach("error")
        visit.press("Reconnect")
        visit.reach("listening")

        assert simulator.texts == LINES[:3]

    def test_at_the_start_lets_the_interview_be_held_in_text(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Without any session all questions can be read and answered."""
        simulator.fault("create_token", Fault.SUNSET, times=None)
        visit.open()
        visit.press("Start interview")
        visit.reach("error")
        visit.press("Carry on in text")
        for answer in ANSWERS:
            visit.answer(answer)

        expect(visit.page.locator("#summary .turn")).to_have_count(5)
        assert simulator.texts == ()

    def test_at_the_start_is_mended_by_trying_again(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Though nobody knows whether a session was made: nothing was said in it."""
        visit.page.route("**/start", lambda route: route.abort(), times=1)
        visit.open()
        visit.press("Start interview")
        visit.reach("error")
        visit.press("Try again")
        visit.reach("listening")

        assert simulator.texts == LINES[:2]

    def test_of_a_missing_server_is_told(self, visit: Visit, simulator: Simulator) -> None:
        """No network is an error like any other."""
        visit.start()
        visit.page.context.set_offline(True)
        visit.press("Next question")
        visit.reach("error")
        visit.page.context.set_offline(False)
        visit.press("Try again")
        visit.reach("listening")

        assert simulator.texts == LINES[:3]

    def test_of_the_picture_is_told_to_a_screen_reader(self, visit: Visit) -> None:
        """The text below the picture is in a live region, too."""
        visit.start()
        note = visit.page.get_by_text("There is no live picture")

        expect(note).to_be_visible()
        expect(note).to_have_attribute("aria-live", "polite")


class TestPicture:
    def test_is_back_once_the_room_is(self, visit: Visit) -> None:
        """Where the tracks are the same, the browser does not say that they play again."""
        visit.page.add_init_script(ROOM)
        visit.page.route("**/livekit-client.js", lambda route: route.abort())
        visit.open()
        visit.press("Start interview")
        picture = visit.page.locator("#video")

        expect(picture).to_have_css("opacity", "1")
        visit.page.evaluate("room.tell(LivekitClient.RoomEvent.Reconnecting)")
        expect(picture).to_have_css("opacity", "0")
        visit.page.evaluate("room.tell(LivekitClient.RoomEvent.Reconnected)")
        expect(picture).to_have_css("opacity", "1")


class TestText:
    """An interview that goes on without a voice."""

    @pytest.fixture
    def visit(self, visit: Visit, simulator: Simulator) -> Visit:
        simulator.fault("create_token", Fault.SUNSET, times=None)
        visit.open()
        visit.press("Start interview")
        visit.reach("error")
        visit.press("Carry on in text")
        visit.reach("listening")
        return visit

    def test_is_announced(self, visit: Visit) -> None:
        """The page does not announce a connection that is not being made.

        The greeting and each question are given to a screen reader, as where they are spoken.
        """
        spoken = visit.page.locator("#spoken")

        expect(visit.page.get_by_role("status")).to_have_text("Your turn, in text")
        expect(spoken).to_have_text(f"{INTERVIEW.greeting} {INTERVIEW.questions[0]}")
        visit.answer(ANSWERS[0])
        expect(spoken).to_have_text(INTERVIEW.questions[1])

    def test_takes_one_answer_at_a_time(self, visit: Visit) -> None:
        """Ctrl+Enter, however long it is held, and a double click each send one answer."""
        progress, keyboard = visit.page.locator("#progress"), visit.page.keyboard
        keyboard.down("Control")
        for _ in range(3):
            keyboard.down("Enter")
        keyboard.up("Control")
        expect(progress).to_have_text("Question 2 of 5")

        visit.page.locator("#next").dblclick()
        expect(progress).to_have_text("Question 3 of 5")


class TestSession:
    @pytest.mark.parametrize("vendor", [{"latency": {"new": 0.5}}])
    def test_ends_when_it_was_only_being_started(self, visit: Visit, simulator: Simulator) -> None:
        """A session that comes when the interview is over already is stopped."""
        visit.open()
        visit.press("Start interview")
        visit.reach("starting")
        visit.press("End interview")
        visit.reach("ended")
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")

        assert simulator.texts == ()

    @pytest.mark.parametrize("script", ["", "delete Request.prototype.keepalive"])
    def test_ends_with_the_page(self, visit: Visit, simulator: Simulator, script: str) -> None:
        """A closed tab stops the session, by a beacon if fetch cannot outlive a page."""
        visit.page.add_init_script(script)
        visit.start()
        other = visit.page.context.new_page()
        visit.page.close(run_before_unload=True)
        for _ in range(500):
            if states(simulator) == ["closed"]:
                break
            other.wait_for_timeout(20)

        assert states(simulator) == ["closed"]

    def test_is_kept_alive_while_an_answer_is_written(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Each half of the idle time, the page puts the session's end off."""
        visit.page.clock.install()
        visit.start()
        for _ in range(3):
            before = simulator.count("keep_alive", status=200)
            simulator.advance(60)
            visit.page.clock.fast_forward(60_000)
            visit.until(partial(_more_kept_alive, simulator, before), "it is kept alive")

        assert states(simulator) == ["connected"]


class TestLayout:
    def test_fits_the_width(self, visit: Visit, simulator: Simulator) -> None:
        """No state needs to be scrolled sideways."""
        wanted = (320, 360, 1280)

        def widths() -> list[Any]:
            measured = []
            for width in wanted:
                visit.page.set_viewport_size({"width": width, "height": 740})
                measured.append(visit.page.evaluate("document.documentElement.scrollWidth"))
            return measured

        visit.open()
        found = {"intro": widths()}
        visit.press("Start interview")
        visit.reach("listening")
        visit.answer("A" * 300)
        found["listening"] = widths()
        simulator.fault("task", Fault.SERVER_ERROR)
        visit.press("Next question")
        visit.reach("error")
        found["error"] = widths()
        visit.press("End interview")
        visit.reach("ended")
        found["ended"] = widths()

        assert found == {state: [*wanted] for state in ("intro", "listening", "error", "ended")}

    def test_has_main_actions_as_large_as_a_thumb(self, visit: Visit) -> None:
        """Each button that is shown is at least 44 pixels high."""
        visit.start()
        boxes = [each.bounding_box() for each in visit.page.get_by_role("button").all()]

        assert len(boxes) == 4
        assert all(box and box["height"] >= 44 for box in boxes)


def sign_in(visit: Visit) -> None:
    visit.page.goto(visit.url)
    visit.page.get_by_label("Your name").fill("Ada")
    visit.press("Sign in")
    visit.reach("intro")
    visit.page.wait_for_load_state()


def sign_in_and_answer(visit: Visit) -> None:
    sign_in(visit)
    visit.press("Start interview")
    visit.reach("listening")
    visit.answer(ANSWERS[0])


def _more_kept_alive(simulator: Simulator, before: int) -> bool:
    return simulator.count("keep_alive", status=200) > before


def states(simulator: Simulator) -> list[str]:
    return [session.state for session in simulator.sessions.values()]
