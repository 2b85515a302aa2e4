"""The interviewer, seen and heard: the page in the simulator's rooms, over WebRTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, render_template_string
from playwright.sync_api import Browser, expect

from example_app import create_app
from example_app.interview import INTERVIEW, Interview
from flask_heygen import heygen_bp
from flask_heygen.simulator import Fault, Simulator, joinable
from flask_heygen.simulator.signaling_endpoint import INSTALL_HINT
from tests.browser.interviews import BRIEF, lines
from tests.constants import KEY
from tests.requirements import CI, module, program

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit

pytestmark = pytest.mark.skipif(not joinable() and not CI, reason=INSTALL_HINT)

README = Path(__file__).parent.parent.parent / "README.md"
LINES = lines(BRIEF)
#: What takes so long to speak that its end is not taken for an interrupt.
LONG = " ".join(lines(INTERVIEW))

#: A voice that takes little of the tests' time.
FAST = {"streaming": {"rate": 1.5}, "liveavatar": {"provider": "elevenLabs", "speed": 1.2}}

#: Measures picture and sound without touching the page's own code.
#: An avatar that both of the simulated APIs know.
AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
WITNESS = """
globalThis.witness = {
  captions: [], events: [],

  // Which part of the mouth moves, and how loud the voice is, on average over some time.
  async attend(ms) {
    const video = document.querySelector("video");
    const canvas = new OffscreenCanvas(80, 45).getContext("2d", { willReadFrequently: true });
    const look = () => {
      canvas.drawImage(video, 280, 185, 80, 45, 0, 0, 80, 45);
      return canvas.getImageData(0, 0, 80, 45).data;
    };
    const moved = [], loud = [];
    let before = look();
    for (const end = performance.now() + ms; performance.now() < end; ) {
      await new Promise((resolve) => setTimeout(resolve, 80));
      const now = look();
      // A still picture flickers a little as its quality rises; a mouth makes skin of teeth.
      moved.push(now.filter((value, at) => Math.abs(value - before[at]) > 24).length / now.length);
      loud.push(this.loudness());
      before = now;
    }
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    return { moved: mean(moved), loud: mean(loud) };
  },

  loudness() {
    const samples = new Float32Array(2048);
    this.ear.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
  },

  listen(track) {
    const context = (this.context ??= new AudioContext());
    this.ear = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(new MediaStream([track])).connect(this.ear);
  },

  read() {
    const said = [...document.querySelectorAll("#caption .said")].map((word) => word.textContent);
    const line = document.querySelector("#caption").dataset.line;
    const text = document.querySelector("#spoken").textContent;
    if (said.length && text) (((this.captions[text] ??= {}))[line] = said.join(""));
  },
};

const Connection = RTCPeerConnection;
globalThis.RTCPeerConnection = class extends Connection {
  constructor(...options) {
    super(...options);
    this.addEventListener("track", ({ track }) => track.kind === "audio" && witness.listen(track));
  }
};
addEventListener("DOMContentLoaded", () => {
  if (!document.querySelector("#caption")) return;
  const watch = { subtree: true, childList: true, attributes: true };
  new MutationObserver(() => witness.read()).observe(document.querySelector("#caption"), watch);
});
"""

#: Notes every 10 ms how loud the voice is, and how many words of the greeting are shown.
TRACE = """
const trace = () => {
  const [caption, { textContent: text }] = document.querySelectorAll("#caption, #spoken");
  if (text) witness.spoken ??= text;
  if (text && text !== witness.spoken) return;
  const shown = text ? Number(caption.dataset.line) + caption.querySelectorAll(".said").length : 0;
  if (witness.ear) (witness.trace ??= []).push([performance.now(), witness.loudness(), shown]);
  setTimeout(trace, 10);
};
addEventListener("DOMContentLoaded", trace);
"""

#: A voice for a browser that has none, and a list of what it said.
VOICE = """
globalThis.said = [];
Object.defineProperty(globalThis, "speechSynthesis", { value: Object.assign(new EventTarget(), {
  getVoices: () => [{ name: "A voice of the browser's" }],
  speak(speech) {
    if (speech.volume === 0) return;
    said.push(speech.text);
    setTimeout(() => speech.onend(), 300);
  },
  cancel() {},
}) });
globalThis.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
"""


@pytest.fixture
def vendor() -> dict[str, Any]:
    """Rooms as the vendor has them: a session waits until somebody joins."""
    return {"joined": False}


@pytest.fixture(scope="module")
def patience() -> float:
    """Leave pages time for pictures and sound, with which a busy machine is slow."""
    return 30_000


@pytest.fixture
def api() -> str:
    """Say which vendor API is spoken; tests set it by their parameters."""
    return "streaming"


@pytest.fixture
def interview() -> Interview:
    """Return the interview that is held; tests set it by their parameters."""
    return BRIEF


@pytest.fixture
def app(simulator: Simulator, api: str, interview: Interview) -> Flask:
    return create_app(
        {
            "HEYGEN_API": api,
            "HEYGEN_API_KEY": "a-key-that-no-browser-sees",
            "HEYGEN_BASE_URL": simulator.url,
            "HEYGEN_SESSION_DEFAULTS": {"avatar_id": AVATAR, "voice": FAST[api]},
            "INTERVIEW": interview,
            "INTERVIEW_SIMULATED": True,
            "INTERVIEW_SIGN_IN": False,
        }
    )


@pytest.fixture
def visit(
    browser: Browser, url: str, screen: dict[str, Any], patience: float, visit_type: type[Visit]
) -> Iterator[Visit]:
    with browser.new_context(**screen) as context:
        context.add_init_script(WITNESS)
        yield visit_type(context.new_page(), url, patience=patience)


def begin(visit: Visit) -> None:
    """Have the first words spoken."""
    visit.open()
    visit.press("Start interview")
    expect(visit.page.locator("main[data-state=speaking]:not(.waiting)")).to_be_visible()
    expect(visit.page.locator("main[data-picture=live]")).to_be_visible()


def speaks(seen: dict[str, float]) -> bool:
    return seen["moved"] > 0.01 and seen["loud"] > 0.02


def rests(seen: dict[str, float]) -> bool:
    return seen["moved"] < 0.003 and seen["loud"] < 0.001


def attend(visit: Visit, comes: Callable[[dict[str, float]], bool]) -> None:
    """Wait until ``comes`` holds for picture and sound, which may come after their messages."""
    there = "globalThis.witness.ear && document.querySelector('video')?.videoWidth"
    # The page's policy lets no function wait in it.
    visit.until(lambda: visit.page.evaluate(f"Boolean({there})"), "there is somebody to attend to")
    for _ in range(10):
        seen = visit.page.evaluate("witness.attend(500)")
        if comes(seen):
            return
    pytest.fail(f"In vain was waited until the avatar {comes.__name__}: {seen}")


#: For what a page must see alike, whichever vendor API is behind it.
either = pytest.mark.parametrize("api", ["streaming", "liveavatar"])
#: For long tests: with LiveAvatar always, with the streaming API in ``-m ci``.
either_at_length = pytest.mark.parametrize(
    "api", ["liveavatar", pytest.param("streaming", marks=pytest.mark.ci)]
)
#: For what is said about the picture.
moving = pytest.mark.parametrize("vendor", [{"joined": False, "frame_rate": 25}], ids=["moving"])
#: For what happens while the avatar speaks its first words, which last some seconds.
GREETING = INTERVIEW.greeting
greeted_at_length = pytest.mark.parametrize(
    "interview", [replace(BRIEF, greeting=GREETING)], ids=["long greeting"]
)


def states(simulator: Simulator) -> list[str]:
    return [session.state for session in simulator.sessions.values()]


@pytest.mark.slow
class TestInterviewer:
    @either_at_length
    @greeted_at_length
    @moving
    def test_is_seen_and_heard_speaking(self, visit: Visit) -> None:
        """The mouth moves and the voice is loud while a text is spoken; then both rest."""
        begin(visit)
        attend(visit, speaks)
        visit.reach("listening")
        attend(visit, rests)

        assert visit.complaints == []

    @either
    def test_asks_three_questions_in_order_with_captions_that_match(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Each word that was spoken has been shown, line by line."""
        visit.start()
        for answer in ("One.", "Two."):
            visit.answer(answer)

        assert simulator.texts == LINES[:4]
        captions = visit.page.evaluate("Object.entries(witness.captions)")
        shown = {text: re.sub(r"\s+", " ", " ".join(lines.values())) for text, lines in captions}
        assert {text: shown[text].strip() for text in shown} == {text: text for text in LINES[:4]}

    @either_at_length
    @greeted_at_length
    def test_shows_each_word_while_it_is_heard(
        self, visit: Visit, api: str, record_property: Callable[[str, object], None]
    ) -> None:
        """Each is within half a second of its place in the sound, the last as the first."""
        sound = pytest.importorskip("flask_heygen.simulator.avatar.sound", reason=INSTALL_HINT)
        visit.page.add_init_script(TRACE)
        begin(visit)
        expect(visit.page.locator("#spoken")).not_to_have_text(GREETING)
        trace = visit.page.evaluate("witness.trace")

        made = sound.record(GREETING, "en", rate=1.5 if api == "streaming" else 1.2)
        first = next(at for at, block in enumerate(made.blocks) if sound.loudness(block) > 0.01)
        heard = next(at for at, loudness, _ in trace if loudness > 0.01)
        ahead, number = {}, 0
        for block, words in made.words:
            shown = next(at for at, _, count in trace if count > number)
            ahead[words] = round(heard + sound.milliseconds(block - first) - shown)
            number += len(words.split())
        # How long the page, which a busy machine halts, was unable to see or hear.
        halted = max(later[0] - earlier[0] for earlier, later in pairwise(trace))
        record_property("ms_by_which_captions_are_ahead", str(ahead))
        assert number == len(GREETING.split())
        assert max(map(abs, ahead.values())) <= 500 + halted

    @greeted_at_length
    @moving
    def test_is_joined_by_the_client_that_the_vendors_sdk_pins(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """livekit-client 2.11.3 does as well as the newest."""
        client = module("livekit-client-2.11.3/dist/livekit-client.umd.js")
        visit.page.add_init_script(path=client)
        visit.page.route("**/livekit-client.js", lambda route: route.abort())
        begin(visit)
        attend(visit, speaks)

        assert visit.page.evaluate("LivekitClient.version") == "2.11.3"
        assert states(simulator) == ["connected"]

    def test_falls_silent_when_interrupted(
        self, visit: Visit, simulator: Simulator, record_property: Callable[[str, object], None]
    ) -> None:
        """The voice ends soon after the page has asked for it."""
        visit.open()
        waited = visit.page.evaluate(
            """async (text) => {
              const { HeyGenAvatar } = await import("/api/heygen/heygen-avatar.js");
              const avatar = new HeyGenAvatar({ livekit: LivekitClient });
              const silence = async () => {
                const began = performance.now();
                // A tenth of a second of silence: a voice pauses between words, too.
                for (let since = began; performance.now() - since < 100; ) {
                  await new Promise((resolve) => setTimeout(resolve, 10));
                  if (witness.loudness() > 0.001) since = performance.now();
                }
                return performance.now() - began - 100;
              };
              await avatar.start();
              const spoken = avatar.speak(text);
              await new Promise((resolve) => avatar.addEventListener("speaking", resolve));
              await new Promise((resolve) => setTimeout(resolve, 700));
              avatar.interrupt();
              const waited = await silence();
              if (await spoken !== null) throw new Error("It was spoken to its end.");
              await avatar.stop();
              return waited;
            }""",
            LONG,
        )

        record_property("ms_from_interrupt_to_silence", round(waited))
        (speech,) = simulator.spoken
        assert speech.duration_ms > 20_000
        assert waited < speech.duration_ms / 4
        assert speech.interrupted
        assert states(simulator) == ["closed"]


@pytest.mark.slow
class TestSession:
    @greeted_at_length
    def test_ends_with_its_room(self, visit: Visit, simulator: Simulator) -> None:
        """The end of the interview leaves the room, and the drawing is back."""
        begin(visit)
        visit.press("End interview")
        visit.reach("ended")
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")

        expect(visit.page.locator("main[data-picture]")).not_to_be_attached()
        assert simulator.count("stop", status=200) == 1

    @greeted_at_length
    def test_ends_with_the_tab(self, visit: Visit, simulator: Simulator) -> None:
        """A closed tab stops the session."""
        begin(visit)
        other = visit.page.context.new_page()
        visit.page.close(run_before_unload=True)
        for _ in range(int(visit.patience / 20)):
            if states(simulator) == ["closed"]:
                break
            other.wait_for_timeout(20)

        assert states(simulator) == ["closed"]
        assert simulator.count("stop", status=200) == 1

    @greeted_at_length
    def test_is_a_new_one_after_a_reload(self, visit: Visit, simulator: Simulator) -> None:
        """A reload stops the session; the next begins with the same question."""
        begin(visit)
        visit.page.reload()
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")
        visit.press("Continue with question 1")
        visit.reach("listening")

        assert states(simulator) == ["closed", "connected"]
        assert simulator.texts == (GREETING, LINES[1])

    def test_is_replaced_once_where_the_other_side_ends_it(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """The first loss is mended by itself, the second is a person's to mend."""
        visit.start()
        visit.page.evaluate(
            """() => {
              globalThis.links = [];
              const main = document.querySelector("main");
              const watch = { attributeFilter: ["data-link"] };
              new MutationObserver(() => links.push(main.dataset.link)).observe(main, watch);
            }"""
        )
        for number in (1, 2):
            expect(visit.page.locator("main[data-link=live]")).to_be_attached()
            assert len(simulator.sessions) == number
            visit.page.evaluate("links.length = 0")
            simulator.close_session(list(simulator.sessions)[-1])
            visit.until(
                lambda: visit.page.evaluate("links.some((link) => link !== 'live')"),
                "the link was lost",
            )
            if number == 1:
                expect(visit.page.locator("main[data-picture=live]")).to_be_attached()
        visit.press("Next question")
        visit.reach("error")
        visit.press("Reconnect")
        visit.reach("listening")

        assert states(simulator) == ["closed", "closed", "connected"]
        assert simulator.texts == LINES[:3]

    @pytest.mark.ci
    @greeted_at_length
    def test_is_each_tabs_own(self, visit: Visit, simulator: Simulator) -> None:
        """Two tabs are two interviews: the end of one is not the other's."""
        other = type(visit)(visit.page.context.new_page(), visit.url, patience=visit.patience)
        begin(visit)
        begin(other)
        visit.press("End interview")
        visit.until(lambda: states(simulator) == ["closed", "connected"], "one is closed")
        other.page.bring_to_front()
        other.reach("listening")
        other.answer("I am still here.")

        _, session_id = simulator.sessions
        texts = [each.text for each in simulator.spoken if each.session_id == session_id]
        assert texts == [GREETING, *LINES[1:3]]


class TestVoice:
    def test_of_the_browser_helps_out(self, visit: Visit, simulator: Simulator) -> None:
        """A text that the avatar cannot speak is read aloud, and the interview goes on."""
        visit.page.add_init_script(VOICE)
        visit.start()
        simulator.fault("task", Fault.RATE_LIMITED, retry_after=9)
        visit.answer("One.")
        note = visit.page.get_by_text("your browser reads her words aloud")
        expect(note).to_be_visible()
        expect(visit.page.locator("main[data-picture=live]")).to_be_attached()
        visit.answer("Two.")
        expect(note).to_be_hidden()

        assert visit.page.evaluate("said.join('')") == LINES[2]
        assert simulator.texts == (*LINES[:2], LINES[3])
        expect(visit.page.get_by_role("alert")).to_be_hidden()


class TestSound:
    def test_that_the_browser_holds_back_is_played_at_a_click(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """Without a gesture there is no sound, but a button for it."""
        # The page presses its own button, and nothing is asked of it until the sound is held
        # back: what is evaluated from outside counts as a gesture.
        visit.page.add_init_script(
            """addEventListener("load", () => setTimeout(() => {
              document.querySelector("#start").click();
              document.querySelector("#sound").addEventListener("click",
                () => (witness.active = navigator.userActivation.isActive));
            }, 200))"""
        )
        visit.page.goto(visit.url)
        visit.until(lambda: len(simulator.texts) > 0, "something is spoken")
        visit.page.wait_for_timeout(500)  # nothing was looked at so far
        button = visit.page.get_by_role("button", name="Turn on sound")
        expect(button).to_be_visible()
        button.click()

        expect(button).to_be_hidden()
        assert visit.page.evaluate("witness.active")


class TestReadme:
    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        """Serve the README's page for a host, from an app that has only the blueprint."""
        page = re.search(r"```html\n(.*?)```", README.read_text(), re.DOTALL)
        assert page
        app = Flask("host")
        app.config.update(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url)
        app.config["HEYGEN_SESSION_DEFAULTS"] = {"voice": {"rate": 0.5}}
        app.register_blueprint(heygen_bp)
        app.add_url_rule("/", "page", lambda: render_template_string(page[1]))
        return app

    @moving
    def test_shows_a_page_that_speaks(self, visit: Visit, simulator: Simulator) -> None:
        """A dozen lines are enough for a face and a voice."""
        client = module("livekit-client/dist/livekit-client.esm.mjs")
        visit.page.route(
            "https://cdn.jsdelivr.net/**",
            lambda route: route.fulfill(path=client, content_type="text/javascript"),
        )
        visit.page.goto(visit.url)
        visit.press("Start")
        visit.until(lambda: simulator.texts == ("Tell me about yourself.",), "it speaks")
        for _ in range(3):  # so that it speaks as long as is waited for picture and sound
            visit.press("Start")
        attend(visit, speaks)

        assert visit.page.evaluate("document.querySelector('video').videoWidth") == 640


class TestCdn:
    @pytest.fixture
    def app(self, app: Flask) -> Flask:
        """Have the page as it is where npm has put nothing."""
        app.config["INTERVIEW_CDN"] = True
        return app

    @pytest.mark.parametrize(("more", "pictures"), [("", 1), ("// and more", 0)])
    def test_is_trusted_with_one_file_alone(self, visit: Visit, more: str, pictures: int) -> None:
        """A file with another hash does not run, and the interview is held without a picture."""
        client = module("livekit-client/dist/livekit-client.umd.js").read_text()
        visit.page.route(
            "https://cdn.jsdelivr.net/**",
            lambda route: route.fulfill(
                body=client + more,
                content_type="text/javascript",
                headers={"Access-Control-Allow-Origin": "*"},
            ),
        )
        visit.open()
        visit.press("Start interview")
        expect(visit.page.locator("main[data-link=live]")).to_be_attached()

        assert visit.page.evaluate("'LivekitClient' in globalThis") == bool(pictures)
        expect(visit.page.locator("main[data-picture=live]")).to_have_count(pictures)


@pytest.mark.ci
class TestReturn:
    @pytest.fixture
    def browser(self, launch: Callable[[dict[str, Any]], Browser]) -> Browser:
        """Return a Chromium with windows: without them it has no such cache."""
        return launch({"executable_path": program("chromium", "chromium")})

    def test_out_of_the_browsers_cache_begins_a_new_session(
        self, visit: Visit, simulator: Simulator
    ) -> None:
        """A page that is left stops the session, and starts another one when it comes back."""
        visit.start()
        visit.page.evaluate("document.title = 'kept'")
        visit.page.goto(f"{visit.url}livekit-client.js")
        visit.until(lambda: states(simulator) == ["closed"], "the session is closed")
        visit.page.go_back(wait_until="commit")
        visit.until(lambda: states(simulator) == ["closed", "connected"], "there is a new one")

        assert visit.page.title() == "kept"
        expect(visit.page.locator("main[data-picture=live]")).to_be_attached()
        visit.answer("Where were we?")
        assert simulator.texts == LINES[:3]
