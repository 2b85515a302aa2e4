"""A session's room, as an unmodified livekit-client meets it in a real browser."""

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

#: The one that HeyGen's SDK pins, and the newest.
VERSIONS = ("livekit-client-2.11.3", "livekit-client")
TEXT = "Hello, I am the simulated interviewer. Tell me about yourself."
ROOM_DELETED = 5


@pytest.fixture(scope="module")
def browser_options(media_options: dict[str, Any]) -> dict[str, Any]:
    return media_options


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page beside a version of livekit-client: from another origin than the simulator."""
    folder = tmp_path_factory.mktemp("site")
    client = module(f"{getattr(request, 'param', VERSIONS[-1])}/dist/livekit-client.umd.js")
    shutil.copy(client, folder / "livekit-client.js")
    shutil.copy(Path(__file__).with_name("room.html"), folder)

    with served(folder) as url:
        yield f"{url}/room.html"


class Visit:
    """A page in a session's room, and the host's server that calls the API for it."""

    def __init__(self, sim: Simulator, page: Page) -> None:
        self.sim = sim
        self.page = page
        self.session = self.post("new")["data"]
        self.session_id = self.session["session_id"]
        self.post("start", session_id=self.session_id)

    def post(self, call: str, **body: object) -> Any:
        with requests.Session() as http:
            http.trust_env = False
            base, key = f"{self.sim.url}/v1/streaming.", {"X-Api-Key": KEY}
            reply = http.post(f"{base}create_token", json={}, headers=key, timeout=30)
            bearer = {"Authorization": f"Bearer {reply.json()['data']['token']}"}
            return http.post(base + call, json=body, headers=bearer, timeout=30).json()

    def say(self, text: str) -> str:
        body = {"session_id": self.session_id, "text": text, "task_mode": "async"}
        return str(self.post("task", **body)["data"]["task_id"])

    def join(self) -> None:
        self.page.evaluate(
            "([url, token]) => join(url, token)",
            [self.session["url"], self.session["access_token"]],
        )

    def seen(self, what: str) -> Any:
        return self.page.evaluate(f"seen.{what}")

    def observe(self, milliseconds: int) -> tuple[float, float]:
        seen = self.page.evaluate("observe", milliseconds)
        return seen["moved"], seen["loudest"]

    def until_it_speaks(self) -> None:
        for _ in range(20):
            moved, loudest = self.observe(500)
            if moved > 2 * REST and loudest > 0.03:
                return
        pytest.fail(f"The avatar never spoke: {moved=} {loudest=}")

    def until_at_rest(self) -> None:
        for _ in range(60):
            moved, loudest = self.observe(500)
            if moved < REST and loudest < 0.005:
                return
        pytest.fail(f"The avatar never rested: {moved=} {loudest=}")

    def until(self, true: str) -> None:
        self.page.wait_for_function(true, timeout=30_000)


# How much of the mouth still changes at rest, in shades of 255: the codec sharpens the picture.
REST = 5
SPOKEN = "seen.messages.some((one) => one.type === 'avatar_stop_talking')"


@pytest.fixture
def frame_rate() -> int:
    """Return the pictures per second: few, to save CPU."""
    return 5


@pytest.fixture
def sim(frame_rate: int) -> Iterator[Simulator]:
    with Simulator(joined=False, frame_rate=frame_rate) as sim:
        yield sim


@pytest.fixture
def visit(sim: Simulator, site: str, browser: Browser) -> Iterator[Visit]:
    with browser.new_context(permissions=["microphone"]) as context:
        page = context.new_page()
        page.goto(site)
        yield Visit(sim, page)


@pytest.mark.slow
class TestRoom:
    @pytest.mark.parametrize("frame_rate", [25])
    def test_shows_a_face_that_speaks(self, visit: Visit) -> None:
        """Mouth and sound move while the avatar speaks, and rest before and after."""
        visit.join()
        first_frame = visit.seen("firstFrame")
        print(f"first frame after {first_frame:.0f} ms")  # noqa: T201  with -s
        visit.until_at_rest()
        visit.say(f"{TEXT} {TEXT}")  # time enough for picture and sound, which may be late
        visit.until("seen.messages.length > 0")
        visit.until_it_speaks()
        visit.until(SPOKEN)
        visit.until_at_rest()

    @pytest.mark.parametrize("site", VERSIONS, indirect=True)
    def test_tells_what_is_spoken(self, visit: Visit) -> None:
        """The messages come in order, from heygen and without a topic; heygen is the speaker."""
        visit.join()
        text = "Hello. Tell me about yourself."
        task_id = visit.say(text)
        visit.until(SPOKEN)
        visit.until("seen.speakers.length === 2")

        messages = visit.seen("messages")
        kinds = [message["type"] for message in messages]
        assert kinds[0] == "avatar_start_talking"
        assert kinds[-2:] == ["avatar_end_message", "avatar_stop_talking"]
        assert "".join(message.get("message", "") for message in messages) == text
        assert {message["task_id"] for message in messages} == {task_id}
        assert set(visit.seen("from")) == {"heygen"}
        assert set(visit.seen("topics")) == {""}
        assert visit.seen("speakers") == [["heygen"], []]

    def test_is_left_when_the_session_stops(self, visit: Visit) -> None:
        """The client learns that the room was deleted."""
        visit.join()
        visit.post("stop", session_id=visit.session_id)
        visit.until("seen.reasons.length > 0")

        assert visit.seen("reasons") == [ROOM_DELETED]

    def test_refuses_a_bad_token(self, visit: Visit) -> None:
        """The client learns the status 401, though the page is of another origin."""
        visit.session["access_token"] = "nonsense"
        refusal = visit.page.evaluate(
            "([url, token]) => join(url, token).catch((error) => `${error.name} ${error.status}`)",
            [visit.session["url"], visit.session["access_token"]],
        )

        assert refusal == "ConnectionError 401"

    def test_takes_a_microphone(self, visit: Visit) -> None:
        """A user's voice can be published, while the avatar goes on."""
        visit.join()
        visit.page.evaluate("room.localParticipant.setMicrophoneEnabled(true)")
        visit.say("Yes.")
        visit.until(SPOKEN)

        assert visit.page.evaluate("room.localParticipant.isMicrophoneEnabled")

    def test_lasts(self, visit: Visit) -> None:
        """The connection outlives the signaling's ping timeout of 15 seconds."""
        visit.page.clock.install()
        visit.join()
        for _ in range(22):
            visit.page.clock.run_for(1000)
            visit.page.wait_for_timeout(200)  # for the simulator's pong

        assert visit.page.evaluate("room.state") == "connected"
        assert visit.seen("interruptions") == 0
