"""LiveAvatar's own web SDK, unmodified in a real browser, as a check of the simulator."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page

from flask_heygen.simulator import Simulator
from tests.browser.pages import served
from tests.constants import KEY
from tests.requirements import module

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
CONTEXT = "5b3f9c1e-7c0a-4b5d-9a51-0c2f4f0e7a10"
TEXT = "Hello, I am the simulated interviewer. Tell me about yourself."
LONG = "One moment, please, this is a rather long question. " * 8
VENDOR: dict[str, Any] = {"joined": False, "token_seconds": 3600}
SPOKEN = "avatar.speak_ended"


@pytest.fixture(scope="module")
def browser_options(media_options: dict[str, Any]) -> dict[str, Any]:
    return media_options


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a page beside the SDK: from another origin than the simulator."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(module("@heygen/liveavatar-web-sdk/dist/index.umd.js"), folder / "sdk.js")
    shutil.copy(module("events/events.js"), folder)
    shutil.copy(Path(__file__).with_name("liveavatar.html"), folder)

    with served(folder) as url:
        yield f"{url}/liveavatar.html"


class Visit:
    """A page that was given a session token, and the SDK in it."""

    def __init__(self, sim: Simulator, page: Page) -> None:
        self.sim = sim
        self.page = page
        self.ask_for_token()

    def ask_for_token(self, **options: object) -> None:
        """Ask as the page's server would."""
        persona = {"context_id": CONTEXT}
        body = {"mode": "FULL", "avatar_id": AVATAR, "avatar_persona": persona, **options}
        with requests.Session() as http:
            http.trust_env = False
            url, key = f"{self.sim.url}/v1/sessions/token", {"X-API-KEY": KEY}
            made = http.post(url, json=body, headers=key, timeout=30).json()["data"]
        self.session_id = str(made["session_id"])
        self.token = str(made["session_token"])

    def start(self) -> None:
        self.page.evaluate("([token, url]) => start(token, url)", [self.token, self.sim.url])
        self.until("seen.ready")

    def do(self, verb: str, text: str = "") -> Any:
        return self.page.evaluate("([verb, text]) => session[verb](text)", [verb, text])

    def voice_chat(self, verb: str, config: object = None) -> None:
        self.page.evaluate("([verb, x]) => session.voiceChat[verb](x ?? undefined)", [verb, config])

    def seen(self, what: str) -> Any:
        return self.page.evaluate(f"seen.{what}")

    def until(self, true: str) -> None:
        self.page.wait_for_function(true, timeout=30_000)

    def until_told(self, kind: str, source: str) -> None:
        asked = f"each.event_type === '{kind}' && each.source_event_id === '{source}'"
        self.until(f"seen.events.some((each) => {asked})")

    def until_any(self, kind: str) -> None:
        self.until(f"seen.events.some((each) => each.event_type === '{kind}')")

    def until_called(self, name: str) -> None:
        for _ in range(1500):
            if self.sim.count(f"sessions.{name}", status=200):
                return
            self.page.wait_for_timeout(20)
        pytest.fail(f"There was no call of {name} that was answered well.")

    def until_heard(self) -> None:
        for _ in range(20):
            loudest = self.page.evaluate("loudest(500)")
            if loudest > 0.05:
                return
        pytest.fail(f"The avatar was never heard: {loudest=}")


@pytest.fixture
def vendor() -> dict[str, Any]:
    return VENDOR


@pytest.fixture
def visit(simulator: Simulator, site: str, browser: Browser) -> Iterator[Visit]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site)
        yield Visit(simulator, page)


@pytest.mark.ci
class TestSdk:
    def test_starts(self, visit: Visit) -> None:
        """It starts the session by its token and joins the room."""
        visit.start()

        assert visit.seen("states") == ["CONNECTING", "CONNECTED"]
        assert visit.page.evaluate("[session.mode, session.sessionId]") == [
            "FULL",
            visit.session_id,
        ]
        assert visit.page.evaluate("session.maxSessionDuration") == 600
        assert visit.sim.sessions[visit.session_id].state == "connected"

    @pytest.mark.parametrize("vendor", [{**VENDOR, "agent_seconds": 2}], ids=["late"])
    def test_waits_for_the_agent(self, visit: Visit) -> None:
        """It is connected only when the avatar and its agent have joined, and then hears it."""
        visit.start()
        session = visit.sim.sessions[visit.session_id]
        visit.until_told("avatar.speak_started", visit.do("repeat", TEXT))
        visit.until_heard()

        assert visit.sim.texts == (TEXT,)
        assert visit.sim.spoken[0].at - session.created_at > 2

    def test_speaks(self, visit: Visit) -> None:
        """A text that it has repeated is heard, and its messages have the id of the command."""
        visit.start()
        source = visit.do("repeat", TEXT)
        visit.until_told("avatar.speak_started", source)
        visit.until_heard()
        visit.until_told(SPOKEN, source)

        kinds = [event["event_type"] for event in visit.seen("events")]
        chunks = [event["text"] for event in visit.seen("events") if "chunk" in event["event_type"]]
        assert kinds[:2] == ["avatar.transcription", "avatar.speak_started"]
        assert set(kinds[2:]) == {"avatar.transcription.chunk", SPOKEN}
        assert "".join(chunks) == TEXT
        assert visit.seen("events[0].text") == TEXT
        assert visit.seen("events[0].session_id") == visit.session_id

    def test_answers(self, visit: Visit) -> None:
        """A message is answered, if by a stand-in."""
        visit.start()
        visit.until_told(SPOKEN, visit.do("message", "Who are you?"))

        assert visit.sim.texts == ("You said: Who are you?",)

    def test_interrupts(self, visit: Visit) -> None:
        """Its interrupt silences the avatar."""
        visit.start()
        source = visit.do("repeat", LONG)
        visit.until_told("avatar.speak_started", source)
        visit.do("interrupt")
        visit.until_told(SPOKEN, source)

        assert [speech.interrupted for speech in visit.sim.spoken] == [True]

    def test_listens(self, visit: Visit) -> None:
        """It commands the avatar to listen, which sends no events."""
        visit.start()
        for verb in ("startListening", "stopListening"):
            visit.do(verb)
        visit.until_told(SPOKEN, visit.do("repeat", "Yes."))

        kinds = [event["event_type"] for event in visit.seen("events")]
        assert kinds[-1] == SPOKEN
        assert kinds.count(SPOKEN) == 1

    @pytest.mark.parametrize(
        "vendor", [{**VENDOR, "hears": ["I like Python."]}], ids=["microphone"]
    )
    def test_is_told_what_its_user_says(self, visit: Visit) -> None:
        """Its voice chat publishes a microphone, whose words it is told, and a model answers."""
        visit.start()
        visit.voice_chat("start", {})
        visit.until_any("user.speak_ended")
        visit.voice_chat("mute")
        visit.until_any(SPOKEN)

        events = reversed(visit.seen("events"))  # of each type the first is kept
        texts = {e["event_type"]: e["text"] for e in events if "text" in e}
        assert texts["user.transcription"] == "I like Python."
        assert texts["user.transcription.chunk"] == "I like Python."
        assert visit.sim.texts[0] == "You said: I like Python."

    def test_pushes_to_talk(self, visit: Visit) -> None:
        """Nothing is heard before its start succeeds, and its stop ends the words."""
        visit.ask_for_token(interactivity_type="PUSH_TO_TALK")
        visit.start()
        visit.voice_chat("start", {"mode": "PUSH_TO_TALK", "defaultMuted": True})
        visit.voice_chat("startPushToTalk")
        visit.until_any("user.speak_started")
        visit.voice_chat("stopPushToTalk")
        visit.until_any("user.speak_ended")

        kinds = [e["event_type"] for e in visit.sim.events(visit.session_id)]
        assert kinds[:2] == ["user.push_to_talk_started", "user.speak_started"]

    def test_keeps_alive(self, visit: Visit) -> None:
        """Its keep-alive, which has no body, restarts the idle countdown."""
        visit.start()
        visit.sim.advance(250)
        visit.do("keepAlive")
        visit.until_called("keep_alive")
        visit.sim.advance(250)

        assert visit.sim.sessions[visit.session_id].state == "connected"

    def test_stops(self, visit: Visit) -> None:
        """Its stop, which has no body, ends the session."""
        visit.start()
        visit.do("stop")
        visit.until_called("stop")
        visit.until("seen.ends.length === 1")

        session = visit.sim.sessions[visit.session_id]
        assert (session.state, session.end_reason) == ("closed", "USER_CLOSED")
        assert visit.seen("ends") == ["CLIENT_INITIATED"]

    def test_is_told_that_the_session_ended(self, visit: Visit) -> None:
        """It learns from session.stopped that it was the vendor who ended the session, and why."""
        visit.start()
        visit.sim.close_session(visit.session_id)
        visit.until("seen.ends.length > 0")

        assert visit.seen("ends[0]") == "SERVER_INITIATED"
        assert visit.seen("events.at(-1).stop_reason") == "UNKNOWN"

    def test_understands_a_refusal(self, visit: Visit) -> None:
        """It reads the message and the code of an error, though from another origin."""
        visit.sim.expire_tokens()
        refusal = visit.page.evaluate(
            "([token, url]) => start(token, url)"
            ".catch((error) => [error.message, error.errorCode, error.status])",
            [visit.token, visit.sim.url],
        )

        assert refusal == ["Unauthorized", 4001, 401]
