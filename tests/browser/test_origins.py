"""A page of another origin, in a real browser: refused until it is named, then allowed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from example_app import create_app
from flask_heygen.simulator import Simulator
from tests.constants import KEY

#: What a front end of its own does, with the cookie of the back end's signed-in user.
INTERVIEW = """
async (base) => {
  const post = async (route, body) => {
    const answer = await fetch(`${base}api/heygen/${route}`, {
      method: "POST",
      credentials: "include",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return [answer.status, await answer.json()];
  };
  try {
    const [started, { data }] = await post("start", {});
    const { session_id } = data;
    const [spoken] = await post("task", { session_id, text: "Hello from elsewhere." });
    const [stopped] = await post("stop", { session_id });
    return [started, spoken, stopped];
  } catch (error) {
    return error.name;
  }
}
"""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def front_end() -> Iterator[str]:
    """Serve a page from a port of its own."""
    app = Flask("front_end")
    app.add_url_rule("/", "page", lambda: "<!doctype html><title>A front end</title>")
    with served(app) as url:
        yield url


@pytest.fixture
def signed_in(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        yield context.new_page()


def visit(page: Page, back_end: str, front_end: str) -> Any:
    """Sign in at the back end, then have the front end's page hold an interview there."""
    page.goto(f"{back_end}sign-in")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(back_end)
    page.goto(front_end)
    return page.evaluate(INTERVIEW, back_end)


class TestAnotherPort:
    @pytest.fixture
    def config(self, simulator: Simulator) -> dict[str, Any]:
        return {"HEYGEN_API_KEY": KEY, "HEYGEN_BASE_URL": simulator.url}

    def test_is_refused(
        self, signed_in: Page, simulator: Simulator, config: dict[str, Any], front_end: str
    ) -> None:
        """Its page learns nothing, though its user is signed in, and the vendor hears nothing."""
        with served(create_app(config)) as back_end:
            seen = visit(signed_in, back_end, front_end)

        assert seen == "TypeError"
        assert simulator.calls == ()

    def test_speaks_once_it_is_named(
        self, signed_in: Page, simulator: Simulator, config: dict[str, Any], front_end: str
    ) -> None:
        """With its origin in HEYGEN_CORS_ORIGINS it starts, speaks and stops, with its cookie."""
        config["HEYGEN_CORS_ORIGINS"] = [front_end.rstrip("/")]
        with served(create_app(config)) as back_end:
            seen = visit(signed_in, back_end, front_end)

        assert seen == [200, 200, 200]
        assert simulator.texts == ("Hello from elsewhere.",)
        assert [each.state for each in simulator.sessions.values()] == ["closed"]
