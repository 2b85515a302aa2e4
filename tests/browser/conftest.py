"""A real browser in front of a real server in front of the simulator.

A worker starts one browser for each set of options, and one simulator for each module and set of
options: a test gets a context of its own in the browser, and the simulator as new.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from werkzeug.serving import make_server

from example_app import create_app
from flask_heygen.simulator import Simulator
from tests.requirements import module, program

if TYPE_CHECKING:
    from tests.browser.firefox import Firefox, Tab

#: The browser itself makes no request: each is the page's.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Removed from Playwright's arguments: a visitor's browser keeps pages for a return.
VISITORS = ("--disable-back-forward-cache",)

#: A page whose livekit-client did not load.
NO_LIVEKIT = "Object.defineProperty(globalThis, 'LivekitClient', { set() {}, configurable: true });"

#: Milliseconds; long, since a busy machine makes a page slow.
PATIENCE = 10_000


@dataclass
class Visit:
    """A page that was opened at the interview, with its requests and its console messages."""

    page: Page
    url: str
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Milliseconds to wait for a condition.
    patience: float = PATIENCE

    def __post_init__(self) -> None:
        self.page.on("request", self._note)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, request: Request) -> None:
        self.requests.append(request)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self) -> None:
        self.page.goto(self.url)
        self.reach("intro")

    def start(self) -> None:
        self.open()
        self.page.get_by_role("button", name="Start interview").click()
        self.reach("listening")

    def reach(self, state: str) -> None:
        """Wait until the page is in a state and its status line names it."""
        # Unlike expect, which looks once a second after a while, this notices it at once.
        self.page.locator(f"main[data-state={state}]").wait_for(timeout=self.patience)
        status = {
            "intro": "Ready",
            "starting": "Connecting",
            "speaking": "Maya is speaking",
            "listening": "Your turn",
            "error": "Connection trouble",
            "ended": "Interview over",
        }
        expect(self.page.get_by_role("status")).to_contain_text(status[state])

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def answer(self, text: str) -> None:
        """Answer the question, and wait for the next one or the end."""
        progress = self.page.locator("#progress").text_content()
        last = progress == "Question 5 of 5"
        self.page.get_by_label("Your answer").fill(text)
        self.press("Finish interview" if last else "Next question")
        if last:
            self.reach("ended")
        else:
            expect(self.page.locator("#progress")).not_to_have_text(progress or "")
            self.reach("listening")

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for a condition that the page cannot show."""
        for _ in range(int(self.patience / 50)):
            if true():
                return
            self.page.wait_for_timeout(50)
        pytest.fail(f"Timed out waiting until {what}.")


@pytest.fixture(scope="module")
def patience() -> float:
    """Return the milliseconds to wait for a condition; a module may change it."""
    return PATIENCE


@pytest.fixture(scope="module", autouse=True)
def patient(patience: float) -> None:
    """Set the timeout of Playwright's assertions."""
    expect.set_options(timeout=patience)


@pytest.fixture(scope="module")
def browser_options() -> dict[str, Any]:
    """Return the launch options that a module changes."""
    return {}


@pytest.fixture(scope="session")
def media_options(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return launch options that allow sound, and repeat a sentence into the microphone."""
    from tests.browser.microphone import write_answer  # noqa: PLC0415  it needs an extra

    recording = tmp_path_factory.mktemp("microphone") / "answer.wav"
    write_answer(recording)
    return {
        "args": (
            "--autoplay-policy=no-user-gesture-required",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={recording}",
        ),
        "ignore_default_args": (*VISITORS, "--mute-audio"),
    }


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[[dict[str, Any]], Browser]]:
    """Return a function that starts a browser, or returns one that runs with these options."""
    # The same browser without windows, where Debian's package is installed: a third of the CPU.
    chromium = shutil.which("chromium-headless-shell") or program("chromium", "chromium")
    module("livekit-client/dist/livekit-client.umd.js")
    browsers: dict[str, Browser] = {}
    with sync_playwright() as playwright:

        def launch(options: dict[str, Any]) -> Browser:
            arguments = (*QUIET, *options.get("args", ()))
            options = {
                "executable_path": chromium,
                "ignore_default_args": VISITORS,
                **options,
                "args": arguments,
            }
            key = repr(sorted(options.items()))
            if key not in browsers:
                browsers[key] = playwright.chromium.launch(**options)
            return browsers[key]

        yield launch
        for browser in browsers.values():
            browser.close()


@pytest.fixture(scope="module")
def browser(
    launch: Callable[[dict[str, Any]], Browser], browser_options: dict[str, Any]
) -> Browser:
    return launch(browser_options)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    from tests.browser.firefox import running  # noqa: PLC0415  it needs websockets

    with running(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


@pytest.fixture
def tab(firefox: Firefox) -> Iterator[Tab]:
    """Open a tab in Firefox."""
    with firefox.tab() as tab:
        yield tab


@pytest.fixture
def vendor() -> dict[str, Any]:
    """Return the options of the simulator that a test or a module changes."""
    return {}


@pytest.fixture(scope="module")
def simulators() -> Iterator[Callable[[dict[str, Any]], Simulator]]:
    """Return a function that starts a simulator, or returns one that runs with these options."""
    running: dict[str, Simulator] = {}
    with ExitStack() as stack:

        def simulate(options: dict[str, Any]) -> Simulator:
            key = repr(sorted(options.items()))
            if key not in running:
                running[key] = stack.enter_context(Simulator(**options))
            running[key].reset()
            return running[key]

        yield simulate


@pytest.fixture
def simulator(
    simulators: Callable[[dict[str, Any]], Simulator], vendor: dict[str, Any]
) -> Simulator:
    """Return a simulator that saves time and, with few pictures, CPU."""
    return simulators({"token_seconds": 2, "ms_per_character": 1, "frame_rate": 5, **vendor})


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    return create_app(
        {
            "HEYGEN_API_KEY": "a-key-that-no-browser-sees",
            "HEYGEN_BASE_URL": simulator.url,
            "INTERVIEW_SIGN_IN": False,
        }
    )


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def screen() -> dict[str, Any]:
    """Return the options of the browser context; tests set it by their parameters.

    A page without animations takes half the CPU.
    """
    return {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"}


@pytest.fixture
def visit(browser: Browser, url: str, screen: dict[str, Any]) -> Iterator[Visit]:
    """Open a page without livekit-client: it joins no room, and texts last as long as planned."""
    with browser.new_context(**screen) as context:
        context.add_init_script(NO_LIVEKIT)
        yield Visit(context.new_page(), url)


@pytest.fixture
def visit_type() -> type[Visit]:
    """Return the class, for modules that make their own visits: tests are no package."""
    return Visit
