"""HeyGen's own v1 SDK, unmodified in a real browser, as a check of the simulator.

Its WebSocket, always wss on port 443, is out of the simulator's reach: here it opens, and is
silent.
"""

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

TEXT = "Hello, please tell me about yourself."


@pytest.fixture(scope="module")
def browser_options(media_options: dict[str, Any]) -> dict[str, Any]:
    return media_options


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a page beside the SDK: from another origin than the simulator."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(module("@heygen/streaming-avatar/lib/index.esm.js"), folder / "sdk.mjs")
    livekit = module("livekit-client-2.11.3/dist/livekit-client.esm.mjs")
    shutil.copy(livekit, folder / "livekit.mjs")
    shutil.copy(Path(__file__).with_name("streaming.html"), folder)

    with served(folder) as url:
        yield f"{url}/streaming.html"


class Visit:
    """A page that was given a session token, and the SDK in it."""

    def __init__(self, sim: Simulator, page: Page) -> None:
        self.sim, self.page = sim, page

    def start(self) -> str:
        """Start a session, and return its id when its picture has come."""
        with requests.Session() as http:
            http.trust_env = False
            url, key = f"{self.sim.url}/v1/streaming.create_token", {"X-Api-Key": KEY}
            token = http.post(url, json={}, headers=key, timeout=30).json()["data"]["token"]
        self.page.evaluate("([token, url]) => start(token, url)", [token, self.sim.url])
        self.page.wait_for_function("document.getElementById('face').videoWidth === 640")
        [session_id] = self.sim.sessions
        return session_id

    def wait_for_event(self, kind: str) -> dict[str, Any]:
        found = f"seen.events.find((each) => each.type === '{kind}')"
        self.page.wait_for_function(found, timeout=30_000)
        return dict(self.page.evaluate(found))


@pytest.fixture
def vendor() -> dict[str, Any]:
    return {"joined": False, "token_seconds": 3600, "hears": ["I like Python."]}


@pytest.fixture
def visit(simulator: Simulator, site: str, browser: Browser) -> Iterator[Visit]:
    with browser.new_context() as context:
        context.route_web_socket("wss://127.0.0.1/**", lambda _: None)
        page = context.new_page()
        page.goto(site)
        yield Visit(simulator, page)


@pytest.mark.ci
class TestSdk:
    def test_speaks(self, visit: Visit) -> None:
        """It gets to its picture, and a text is spoken, with its events."""
        session_id = visit.start()
        visit.page.evaluate("(text) => repeat(text)", TEXT)
        event = visit.wait_for_event("avatar_stop_talking")

        [speech] = visit.sim.spoken
        assert (speech.text, speech.session_id) == (TEXT, session_id)
        assert event["task_id"] == speech.task_id

    def test_is_told_what_its_user_says(self, visit: Visit) -> None:
        """Its voice chat over LiveKit publishes a microphone, and receives the words."""
        visit.start()
        visit.page.evaluate("call('startVoiceChat')")
        event = visit.wait_for_event("user_talking_message")
        visit.wait_for_event("user_end_message")

        assert event["message"] == "I like Python."

    def test_makes_its_other_calls(self, visit: Visit) -> None:
        """Each is answered well, though from another origin."""
        session_id = visit.start()
        verbs = ("keepAlive", "startListening", "stopListening", "interrupt", "stopAvatar")
        for verb in verbs:
            visit.page.evaluate("(verb) => call(verb)", verb)

        names = ("keep_alive", "start_listening", "stop_listening", "interrupt", "stop")
        assert [visit.sim.count(name, status=200) for name in names] == [1] * 5
        assert visit.sim.sessions[session_id].state == "closed"
