"""The recipe for a page that makes its session itself: each step works, and its diffs are true."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from flask_heygen import HeyGen
from flask_heygen.simulator import Simulator
from tests import constants
from tests.requirements import program
from tests.servers.recipes import RECIPES

MOVING = RECIPES / "moving"
STEPS = ("before", "step-1", "step-2")
TEXT = "Tell me about yourself."
#: A browser's idea of addresses; the simulator stands in for the vendor.
DRIVER = """
const { KEY, SHOP, SIMULATOR, STEP, TEXT } = process.env;
const fetched = globalThis.fetch;

/** The route of such a page's server that hands out session tokens. */
async function sessionToken() {
  const headers = { "Content-Type": "application/json", "X-Api-Key": KEY };
  const url = `${SIMULATOR}/v1/streaming.create_token`;
  const minted = await fetched(url, { method: "POST", headers, body: "{}" });
  return new Response((await minted.json()).data.token);
}

globalThis.fetch = (url, options) =>
  url === "/session-token"
    ? sessionToken()
    : fetched(new URL(url.replace("https://api.heygen.com", SIMULATOR), SHOP), options);
const page = await import(STEP);
const room = await page.startSession();
await page.sendTextToAvatar(TEXT);
await page.stopSession();
console.log(JSON.stringify([Boolean(room.url), Boolean(room.access_token)]));
"""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def shop(simulator: Simulator) -> Iterator[str]:
    """Serve an app that has the blueprint, without an owner_loader."""
    app = Flask("shop")
    app.config.update(HEYGEN_API_KEY=constants.KEY, HEYGEN_BASE_URL=simulator.url)
    app.register_blueprint(HeyGen())
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.shutdown()
    thread.join()
    server.server_close()


class TestMoving:
    @pytest.mark.parametrize("step", STEPS)
    def test_works_after_each_step(self, simulator: Simulator, shop: str, step: str) -> None:
        """The page starts its session, speaks and stops."""
        ran = subprocess.run(
            [program("node", "nodejs"), "--input-type=module", "--eval", DRIVER],
            env={
                **os.environ,
                "KEY": constants.KEY,
                "SHOP": shop,
                "SIMULATOR": simulator.url,
                "STEP": (MOVING / f"{step}.js").as_uri(),
                "TEXT": TEXT,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert ran.stdout == "[true,true]\n", ran.stderr
        assert simulator.texts == (TEXT,)
        assert [each.state for each in simulator.sessions.values()] == ["closed"]

    @pytest.mark.parametrize(("number", "old", "new"), [(0, 0, 1), (1, 0, 1), (2, 1, 2)])
    def test_shows_true_diffs(self, number: int, old: int, new: int) -> None:
        """Each diff of its prose turns a part of one file into a part of the next."""
        diffs = re.findall(r"```diff\n(.*?)```", (MOVING / "README.md").read_text(), re.DOTALL)
        lines = diffs[number].splitlines(keepends=True)

        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")

        assert len(diffs) == 3
        assert before in (MOVING / f"{STEPS[old]}.js").read_text()
        assert after in (MOVING / f"{STEPS[new]}.js").read_text()
