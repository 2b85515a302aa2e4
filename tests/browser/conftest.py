"""A real browser, in front of a real server, in front of the simulator."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from werkzeug.serving import make_server

from example_app import create_app
from flask_heygen.simulator import Simulator
from tests.requirements import program

#: A browser that calls nobody by itself: what it asks for, the page asked for.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Milliseconds; a page that is slow because the machine is has nothing wrong with it.
PATIENCE = 10_000


@dataclass
class Visit:
    """A page that was opened at the interview, and all that it did."""

    page: Page
    url: str
    requests: list[Request] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Milliseconds that what is waited for may take.
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
        """Wait until the page is in a state, which the visitor is told."""
        main = self.page.locator(f"main[data-state={state}]")
        expect(main).to_be_visible()
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
        """Answer the question, and wait for what comes after it."""
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
        """Wait for what only the server's side shows."""
        for _ in range(int(self.patience / 20)):
            if true():
                return
            self.page.wait_for_timeout(20)
        pytest.fail(f"In vain was waited until {what}.")


@pytest.fixture(scope="module")
def patience() -> float:
    """Say how many milliseconds what is waited for may take; modules set it."""
    return PATIENCE


@pytest.fixture(scope="module", autouse=True)
def patient(patience: float) -> None:
    """Have whatever is expected of a page waited for as long."""
    expect.set_options(timeout=patience)


@pytest.fixture(scope="module")
def browser_options() -> dict[str, Any]:
    """Say how the browser differs from the usual; modules and tests set it."""
    return {}


@pytest.fixture(scope="module")
def browser(browser_options: dict[str, Any]) -> Iterator[Browser]:
    chromium = program("chromium", "chromium")
    with sync_playwright() as playwright:
        arguments = (*QUIET, *browser_options.get("args", ()))
        options = {**browser_options, "executable_path": chromium, "args": arguments}
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


@pytest.fixture
def vendor() -> dict[str, float]:
    """Say how the vendor differs from the usual; tests set it by their parameters."""
    return {}


@pytest.fixture
def simulator(vendor: dict[str, float]) -> Iterator[Simulator]:
    options: dict[str, Any] = {"token_seconds": 2, "ms_per_character": 1, **vendor}
    with Simulator(**options) as simulator:
        yield simulator


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
    """Say what the visitor looks at; tests set it by their parameters."""
    return {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def visit(browser: Browser, url: str, screen: dict[str, Any]) -> Iterator[Visit]:
    """Open a page whose browser can join no room, as behind many a firewall."""
    with browser.new_context(**screen) as context:
        context.route_web_socket("**", lambda socket: socket.close())
        yield Visit(context.new_page(), url)


@pytest.fixture
def visit_type() -> type[Visit]:
    """Hand the class to modules that make visits of their own: tests are no package."""
    return Visit
