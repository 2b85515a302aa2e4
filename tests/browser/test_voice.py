"""Answers by voice: a microphone in the simulator's rooms, fed from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect

from example_app import create_app
from example_app.interview import INTERVIEW, Interview
from flask_heygen.simulator import Simulator
from tests.browser.interviews import BRIEF
from tests.requirements import module

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit

pytest.importorskip("aiortc", reason="pip install 'flask-heygen[avatar]'")

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
WORDS = "I would look at the logs first."
LONG_TEXT = "One moment, please, this is a rather long text. " * 8
#: Its second question lasts until it has been seen that the microphone is off.
LONG_QUESTION = replace(BRIEF, questions=(BRIEF.questions[0], *INTERVIEW.questions[1:]))

#: Remembers the tracks that the page got.
MICROPHONES = """
globalThis.microphones = [];
const { mediaDevices } = navigator;
const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
mediaDevices.getUserMedia = async (wish) => {
  const stream = await getUserMedia(wish);
  microphones.push(...stream.getAudioTracks());
  return stream;
};
"""
#: Remembers the object that the page listens to, and where sound is sent to.
LOUDSPEAKERS = """
globalThis.sinks = [];
const { addEventListener } = EventTarget.prototype;
EventTarget.prototype.addEventListener = function (type, ...rest) {
  if (type === "quality") globalThis.avatarOfThePage = this;
  return addEventListener.call(this, type, ...rest);
};
const { setSinkId } = HTMLMediaElement.prototype;
HTMLMediaElement.prototype.setSinkId = function (id) {
  sinks.push(id);
  return setSinkId.call(this, id);
};
"""
CHOOSE_LOUDSPEAKER = """
async () => {
  const devices = await navigator.mediaDevices.enumerateDevices();
  const id = devices.filter(({ kind }) => kind === "audiooutput").at(-1).deviceId;
  await avatarOfThePage.setSpeaker(id);
  return { id, sinks, active: avatarOfThePage.room.getActiveDevice("audiooutput") };
}
"""
#: Listens while the avatar speaks, and resolves once the user was heard and no text is left.
BARGE_IN = """
async (texts) => {
  const avatar = avatarOfThePage;
  const next = (type) => new Promise((resolve) =>
    avatar.addEventListener(type, ({ detail }) => resolve(detail), { once: true }));
  const speaking = next("speaking"), silent = next("silent");
  const spoken = Promise.all(texts.map((text) => avatar.speak(text)));
  await speaking;
  const heard = next("heard");
  await avatar.listen({ bargeIn: true });
  return { spoken: await spoken, cutShort: (await silent).cutShort, heard: (await heard).text };
}
"""
#: What the browser does with the track of a microphone that is unplugged.
UNPLUGGED = """
const microphone = microphones.at(-1);
microphone.stop();
microphone.dispatchEvent(new Event("ended"));
"""
#: A user who does not allow the microphone.
DENIED = """
navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Permission denied", "NotAllowedError");
};
"""


@pytest.fixture(scope="module")
def browser_options(media_options: dict[str, Any]) -> dict[str, Any]:
    return media_options


@pytest.fixture
def vendor() -> dict[str, Any]:
    return {"joined": False, "hears": [WORDS]}


@pytest.fixture
def interview() -> Interview:
    """Return the interview that is held; tests set it by their parameters."""
    return BRIEF


@pytest.fixture(
    params=[
        "liveavatar",
        pytest.param("streaming", marks=pytest.mark.ci),
        pytest.param("push-to-talk", marks=pytest.mark.ci),
    ]
)
def app(request: pytest.FixtureRequest, simulator: Simulator, interview: Interview) -> Flask:
    defaults: dict[str, Any] = {"avatar_id": AVATAR, "voice": {"rate": 1.5}}
    if request.param == "streaming":
        defaults["ia_is_livekit_transport"] = True
    else:
        defaults["voice"] = {"provider": "elevenLabs", "speed": 1.2}
    if request.param == "push-to-talk":
        defaults["interactivity_type"] = "PUSH_TO_TALK"
    return create_app(
        {
            "HEYGEN_API": "streaming" if request.param == "streaming" else "liveavatar",
            "HEYGEN_API_KEY": "a-key-that-no-browser-sees",
            "HEYGEN_BASE_URL": simulator.url,
            "HEYGEN_SESSION_DEFAULTS": defaults,
            "INTERVIEW": interview,
            "INTERVIEW_SIGN_IN": False,
        }
    )


@pytest.fixture
def visit(
    browser: Browser, url: str, screen: dict[str, Any], visit_type: type[Visit]
) -> Iterator[Visit]:
    with browser.new_context(**screen, permissions=["microphone"]) as context:
        context.add_init_script(MICROPHONES)
        yield visit_type(context.new_page(), url, patience=30_000)


@pytest.fixture(scope="module")
def patience() -> float:
    """Leave pages time for pictures and sound, with which a busy machine is slow."""
    return 30_000


@pytest.mark.slow
class TestAnswer:
    @pytest.mark.parametrize("interview", [LONG_QUESTION], ids=["long question"])
    def test_is_heard_by_the_avatar(self, visit: Visit) -> None:
        """The words are written as the answer; the microphone rests while the avatar speaks."""
        visit.start()
        visit.press("Answer by voice")
        expect(visit.page.locator("#level")).to_be_visible()
        expect(visit.page.get_by_label("Your answer")).to_have_value(re.compile(WORDS))
        visit.press("Next question")
        expect(visit.page.locator("main[data-state=speaking]:not(.waiting)")).to_be_visible()
        expect(visit.page.locator("#room .turns")).to_contain_text(WORDS)
        visit.until(lambda: muted(visit), "the microphone rests")
        visit.until(lambda: level(visit) == "0", "its level is nothing")
        visit.reach("listening")
        visit.until(lambda: not muted(visit), "the microphone is on again")
        visit.press("Mute")
        visit.until(lambda: muted(visit), "the microphone is muted")

        expect(visit.page.get_by_text("The microphone is muted.")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Unmute")).to_be_visible()
        assert violations(visit) == []
        visit.press("End interview")
        with visit.page.expect_download() as download:
            visit.press("Download transcript")
        assert WORDS in Path(download.value.path()).read_text()

    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_is_heard_through_the_microphone_that_is_chosen(self, visit: Visit) -> None:
        """The one before is released, and what it heard stays."""
        visit.start()
        visit.press("Answer by voice")
        expect(visit.page.get_by_label("Your answer")).to_have_value(re.compile(WORDS))
        choice = visit.page.get_by_label("Microphone", exact=True)
        chosen = choice.locator("option").last.get_attribute("value")
        choice.select_option(chosen)
        visit.until(lambda: len(microphones(visit)) == 2, "there is another microphone")

        before, after = microphones(visit)
        assert before["state"] == "ended"
        assert after == {"id": chosen, "state": "live"}
        expect(choice).to_have_value(chosen or "")
        expect(visit.page.locator("#level")).to_be_visible()
        expect(visit.page.get_by_label("Your answer")).to_have_value(re.compile(WORDS))

    @pytest.mark.ci
    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_leaves_the_choice_of_a_loudspeaker(self, visit: Visit) -> None:
        """The voice that is playing moves to the device, which the page chooses by itself."""
        visit.page.add_init_script(LOUDSPEAKERS)
        visit.start()
        chosen = visit.page.evaluate(CHOOSE_LOUDSPEAKER)

        assert chosen["id"]
        assert chosen["sinks"] == [chosen["id"]]
        assert chosen["active"] == chosen["id"]

    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_interrupts_the_avatar(self, visit: Visit, simulator: Simulator) -> None:
        """The vendor does so by itself: the page knows, sends no interrupt, and listens on."""
        visit.page.add_init_script(LOUDSPEAKERS)
        visit.start()
        interrupted = visit.page.evaluate(BARGE_IN, [LONG_TEXT, "And then?"])

        assert interrupted == {"spoken": [None, None], "cutShort": True, "heard": WORDS}
        assert (simulator.texts[-1], simulator.spoken[-1].interrupted) == (LONG_TEXT, True)
        assert [each.url for each in visit.requests if each.url.endswith("/interrupt")] == []
        assert not muted(visit)

    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_is_typed_where_the_microphone_is_denied(self, visit: Visit) -> None:
        """It is said in words, and the interview goes on."""
        visit.page.add_init_script(DENIED)
        visit.start()
        visit.press("Answer by voice")

        expect(visit.page.get_by_text("The microphone is not allowed")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Answer by voice")).to_be_visible()
        visit.answer("Typed instead.")

    @pytest.mark.parametrize("app", ["liveavatar"], indirect=True)
    def test_is_typed_where_the_microphone_is_unplugged(self, visit: Visit) -> None:
        """It is said in words, and no other microphone is left on in its place."""
        visit.start()
        visit.press("Answer by voice")
        expect(visit.page.locator("#level")).to_be_visible()
        visit.page.evaluate(UNPLUGGED)

        expect(visit.page.get_by_text("No microphone was found. Type your answer")).to_be_visible()
        visit.answer("Typed instead.")

        expect(visit.page.get_by_role("button", name="Answer by voice")).to_be_visible()
        assert visit.page.evaluate("microphones.every((each) => each.readyState === 'ended')")


def microphones(visit: Visit) -> list[dict[str, str]]:
    """Return each track that the page got: its device's id, and whether it is live."""
    tracks = (
        "microphones.map((each) => ({id: each.getSettings().deviceId, state: each.readyState}))"
    )
    return list(visit.page.evaluate(tracks))


def muted(visit: Visit) -> bool:
    """Return whether the page's only microphone is switched off."""
    return bool(visit.page.evaluate("!microphones.at(-1).enabled"))


def level(visit: Visit) -> str:
    """Return how loud the page shows the microphone to be."""
    return str(
        visit.page.evaluate("document.querySelector('#level').style.getPropertyValue('--level')")
    )


def violations(visit: Visit) -> list[str]:
    """Return the violations that axe-core finds grave."""
    visit.page.evaluate(module("axe-core/axe.min.js").read_text())
    found = visit.page.evaluate("axe.run()")["violations"]
    return [each["id"] for each in found if each["impact"] in {"serious", "critical"}]
