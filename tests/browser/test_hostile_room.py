"""A room in which another participant floods the page while the avatar speaks."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, Page

from example_app.livekit import livekit_client
from flask_heygen import heygen_bp
from flask_heygen.simulator import Simulator, joinable
from flask_heygen.simulator.signaling_endpoint import INSTALL_HINT
from tests.constants import KEY
from tests.requirements import CI

pytestmark = pytest.mark.skipif(not joinable() and not CI, reason=INSTALL_HINT)

AVATAR = "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"
TEXT = "Hello, I am the interviewer. Tell me about yourself."
PAGE = """
<!doctype html>
<title>A page</title>
<video autoplay playsinline muted></video>
<script src="/livekit-client.js"></script>
<script type="module">
import { HeyGenAvatar } from "/api/heygen/heygen-avatar.js";

const { DataReceived } = LivekitClient.RoomEvent;
const seen = { events: [], received: 0, spoken: null };
const avatar = new HeyGenAvatar({ livekit: LivekitClient, video: document.querySelector("video") });
for (const type of ["speaking", "words", "silent", "heard", "closed", "error"]) {
  avatar.addEventListener(type, ({ detail: { error, message, text } }) => {
    seen.events.push([type, String(error ?? message ?? text)]);
  });
}

/** Emit another participant's messages, faster than the simulator sends them:
 *  10,000 a second for a while, one in each 100 of 1 MB. */
function flood(message, ms) {
  const bytes = (object) => new TextEncoder().encode(JSON.stringify(object));
  const small = bytes(message), large = bytes({ ...message, text: "x".repeat(1_000_000) });
  const end = performance.now() + ms;
  const timer = setInterval(() => {
    for (let count = 0; count < 100; count++) {
      avatar.room.emit(DataReceived, count ? small : large, { identity: "guest" });
    }
    if (performance.now() > end) clearInterval(timer);
  }, 10);
}

async function begin(text) {
  await avatar.start();
  avatar.room.on(DataReceived, (_, sender) => (seen.received += sender?.identity === "guest"));
  avatar.speak(text).catch(String).then((by) => (seen.spoken = by));
}
Object.assign(window, { avatar, begin, flood, seen });
</script>
"""


@pytest.fixture
def vendor() -> dict[str, object]:
    return {"joined": False}


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    app = Flask("page")
    app.config.update(
        HEYGEN_API="liveavatar",
        HEYGEN_API_KEY=KEY,
        HEYGEN_BASE_URL=simulator.url,
        HEYGEN_SESSION_DEFAULTS={"avatar_id": AVATAR},
        TESTING=True,
    )
    app.register_blueprint(heygen_bp)
    app.add_url_rule("/", view_func=lambda: Response(PAGE, mimetype="text/html"))
    app.add_url_rule("/livekit-client.js", view_func=livekit_client)
    return app


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_function("!!window.begin")
        yield page


def flood(simulator: Simulator, session_id: str, task_id: str, ended: threading.Event) -> None:
    """Send the room what the avatar sends, and what breaks a parser, as another participant."""
    end: dict[str, object] = {"event_type": "avatar.speak_ended", "source_event_id": task_id}
    deep: object = 0
    for _ in range(500):
        deep = [deep]
    broken: list[dict[str, object]] = [
        {**end, "text": deep},
        {**end, "text": "x" * 30_000},
        {"event_type": {"a": 1}},
    ]
    while not ended.is_set():
        for message in (*[end] * 97, *broken):
            simulator.send(session_id, message, "guest")


class TestRoom:
    def test_with_a_flood_lets_the_avatar_speak_on(self, page: Page, simulator: Simulator) -> None:
        """The page answers, and the text is spoken to its end, which is the avatar's word alone."""
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.evaluate("text => begin(text)", TEXT)
        page.wait_for_function("seen.events.length")
        ((session_id, _),) = simulator.sessions.items()
        task_id = simulator.spoken[0].task_id
        ended = threading.Event()
        flooding = threading.Thread(
            target=flood, args=(simulator, session_id, task_id, ended), daemon=True
        )
        flooding.start()
        message = {"event_type": "avatar.speak_ended", "source_event_id": task_id}
        page.evaluate("message => flood(message, 1500)", message)
        page.wait_for_function("seen.received > 5000")
        ended.set()
        flooding.join()
        page.wait_for_function("seen.spoken")
        seen = page.evaluate("seen")

        assert seen["spoken"] == "avatar"
        kinds, texts = zip(*seen["events"], strict=True)
        assert kinds == ("speaking", *["words"] * (len(kinds) - 2), "silent")
        assert "".join(texts[1:-1]) == TEXT
        assert complaints == []
