"""The recipes whose page a browser has to try."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_heygen.simulator import Simulator
from tests.requirements import module, skip_or_fail
from tests.servers.machines import answers, lasting_port, wait_until
from tests.servers.recipes import RECIPES, Shop

REACT = RECIPES / "react"
TEXT = "Tell me about yourself."
CDN = "https://cdn.jsdelivr.net/**"


@pytest.fixture
def complaints() -> list[str]:
    """Collect what the page's console says in red or yellow."""
    return []


@pytest.fixture
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    client = module("livekit-client/dist/livekit-client.esm.mjs")
    with browser.new_context(reduced_motion="reduce") as context:
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", functools.partial(_collect, complaints))
        page.route(
            CDN,
            lambda route: route.fulfill(
                path=client,
                content_type="text/javascript",
                headers={"Access-Control-Allow-Origin": "*"},
            ),
        )
        yield page


def _collect(complaints: list[str], message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        complaints.append(message.text)


def wait_for(page: Page, holds: Callable[[], bool]) -> None:
    """Wait without `wait_for_function`, which a policy without 'unsafe-eval' forbids."""
    for _ in range(500):
        if holds():
            return
        page.wait_for_timeout(20)
    pytest.fail("It did not come about.")


def interview(page: Page, url: str, simulator: Simulator, path: str = "") -> None:
    """Sign in, start the page's avatar, and wait until it has spoken and is seen."""
    page.goto(f"{url}login?user=ada")
    page.goto(f"{url}{path}")
    page.get_by_role("button", name="Start").click()
    wait_for(page, lambda: page.evaluate("document.querySelector('video').videoWidth") > 0)
    wait_for(page, lambda: bool(simulator.texts))
    assert simulator.texts == (TEXT,)


class TestTalisman:
    @pytest.fixture
    def rooms(self, simulator: Simulator) -> list[str]:
        return [simulator.url, simulator.url.replace("http:", "ws:")]

    @pytest.fixture
    def app(self, simulator: Simulator, rooms: list[str]) -> Flask:
        return Shop("talisman", simulator, ROOMS=rooms).app

    def test_lets_page_and_room_work(
        self, page: Page, url: str, simulator: Simulator, complaints: list[str]
    ) -> None:
        """Nothing that the page needs is blocked by the policy."""
        interview(page, url, simulator)

        policy = requests.get(url, timeout=10).headers["Content-Security-Policy"]
        assert "'nonce-" in policy
        assert "unsafe" not in policy
        assert complaints == []

    @pytest.mark.parametrize("rooms", [[]], ids=["no room"])
    def test_is_what_blocks_the_room(
        self, page: Page, url: str, simulator: Simulator, complaints: list[str]
    ) -> None:
        """Without the room in connect-src the avatar is not seen: the policy is in force."""
        page.goto(f"{url}login?user=ada")
        page.goto(url)
        page.get_by_role("button", name="Start").click()

        wait_for(page, lambda: any("connect-src" in each for each in complaints))
        assert page.evaluate("document.querySelector('video').videoWidth") == 0


class TestSubPath:
    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        """Return what a proxy serves that passes on all below ``/shop``, without that path."""
        shop = Shop("sub_path", simulator).app

        def below(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            environ.update(SCRIPT_NAME="", HTTP_X_FORWARDED_PREFIX="/shop")
            return shop.wsgi_app(environ, start_response)

        app = Flask("proxy")
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/shop": below})  # type: ignore[method-assign]
        return app

    def test_is_that_of_page_module_and_routes(
        self, page: Page, url: str, simulator: Simulator, complaints: list[str]
    ) -> None:
        """All that the page calls is below it."""
        paths: list[str] = []
        page.on("request", lambda each: paths.append(each.url))

        interview(page, f"{url}shop/", simulator)

        ours = {each for each in paths if each.startswith(url) and "/shop/" not in each}
        assert ours <= {f"{url}favicon.ico"}
        assert f"{url}shop/api/heygen/task" in paths


class TestCsrfToken:
    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        return Shop("csrf_token", simulator).app

    def test_is_sent_by_the_module(self, page: Page, url: str, simulator: Simulator) -> None:
        """The page's meta element is all that it needs."""
        interview(page, url, simulator)
        page.goto("about:blank")

        wait_for(page, lambda: [each.state for each in simulator.sessions.values()] == ["closed"])


class TestLivekit:
    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        return Shop("livekit", simulator).app

    def test_comes_from_the_same_server(self, page: Page, url: str, simulator: Simulator) -> None:
        """No other server is asked for anything but the room."""
        urls: list[str] = []
        page.on("request", lambda each: urls.append(each.url))

        interview(page, url, simulator)

        assert all(each.startswith((url, simulator.url)) for each in urls)
        assert f"{url}livekit-client.mjs" in urls


@pytest.mark.ci
@pytest.mark.parametrize("vite", ["vite", "vite-oldest"])
class TestReact:
    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        return Shop("csrf_exempt", simulator).app

    @pytest.fixture
    def dev_server(self, url: str, vite: str, tmp_path: Path) -> Iterator[str]:
        """Run Vite's dev server before Flask."""
        program = REACT / f"node_modules/{vite}/bin/vite.js"
        if not program.is_file():
            skip_or_fail(f"There is no {vite}: npm ci --prefix example_app/recipes/react.")
        config = tmp_path / "vite.config.mjs"  # the recipe's, with a cache for this version alone
        config.write_text(
            f'import recipe from "{(REACT / "vite.config.js").as_uri()}";\n'
            f'export default {{ ...recipe, cacheDir: "{tmp_path}/cache" }};\n'
        )
        port = lasting_port()
        address = f"http://127.0.0.1:{port}/"
        command = ["node", str(program), "--config", str(config), "--host", "127.0.0.1"]
        server = subprocess.Popen(
            [*command, "--port", str(port), "--strictPort"],
            cwd=REACT,
            env={**os.environ, "FLASK_URL": url},
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: answers(address))
            yield address
        finally:
            server.terminate()
            server.wait(30)

    def test_component_asks_each_question_once(
        self, page: Page, dev_server: str, simulator: Simulator
    ) -> None:
        """In strict mode, through the dev server's proxy, and it ends its one session."""
        interview(page, dev_server, simulator)
        page.get_by_role("button", name="Next").click()
        wait_for(page, lambda: len(simulator.texts) == 2)
        page.get_by_role("button", name="Next").click()
        wait_for(page, lambda: [each.state for each in simulator.sessions.values()] == ["closed"])

        assert simulator.texts == (TEXT, "Why Flask?")
