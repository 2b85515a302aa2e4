"""The README's part on security: each of its promises is attacked here, as a stranger would."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask, request
from flask.testing import FlaskClient
from flask_cors import CORS
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.simulator import Fault, Simulator
from tests.constants import KEY

README = (Path(__file__).parents[2] / "README.md").read_text()
SECURITY = README.split("\n## Security\n")[1].split("\n## ")[0]
ROUTES = ("start", "task", "interrupt", "keep-alive", "stop")
TEXT = "What is said here is between the two of us."
LIMIT = 60
#: The simulator's names of the calls that make a token and a session.
MINT = {"streaming": "create_token", "liveavatar": "sessions.token"}
OPEN = {"streaming": "new", "liveavatar": "sessions.start"}


@pytest.fixture(params=["streaming", "liveavatar"])
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Simulator]:
    with Simulator(concurrent_limit=100, ms_per_character=0.1) as simulator:
        yield simulator


@pytest.fixture
def simulator(vendor: Simulator) -> Simulator:
    vendor.reset()
    return vendor


@pytest.fixture
def app(simulator: Simulator, api: str) -> Flask:
    """Return an app whose users are named by a cookie, as by a login that works."""
    app = Flask("host")
    app.config.update(
        TESTING=True,
        SECRET_KEY="a secret of the host",
        HEYGEN_API=api,
        HEYGEN_API_KEY=KEY,
        HEYGEN_BASE_URL=simulator.url,
        HEYGEN_MAX_TEXT=LIMIT,
        HEYGEN_SESSION_DEFAULTS={"avatar_id": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"},
        PROPAGATE_EXCEPTIONS=False,
    )
    heygen = HeyGen()
    heygen.owner_loader(lambda: request.cookies.get("user"))
    app.register_blueprint(heygen)
    return app


def page(app: Flask, user: str | None = None) -> FlaskClient:
    """Return the browser of a user, or of somebody who is not signed in."""
    page = app.test_client()
    if user is not None:
        page.set_cookie("user", user)
    return page


def post(page: FlaskClient, route: str, session_id: str = "", **more: Any) -> TestResponse:
    body = {} if route == "start" else {"session_id": session_id, **more.pop("body", {})}
    if route == "task":
        body.setdefault("text", TEXT)
    return page.post(f"/api/heygen/{route}", json=body, **more)


def start(page: FlaskClient) -> str:
    started = post(page, "start")
    assert started.status_code == 200, started.text
    return str(started.get_json()["data"]["session_id"])


def code(response: TestResponse) -> str:
    return str(response.get_json()["error"]["code"])


class TestTheTable:
    ATTACKED: ClassVar = {
        "Anybody who reaches the server",
        "A signed-in user",
        "Another signed-in user",
        "Another site's page in your user's browser",
        "A signed-out person with a user's handle",
        "Somebody with the room's `access_token`",
        "Somebody with your `SECRET_KEY`",
    }
    #: Nothing is promised of those.
    LOST: ClassVar = {"A script injected into your page"}

    def test_has_no_row_that_is_not_tried(self) -> None:
        """A promise that is added needs its attack below."""
        rows = re.findall(r"^\| (.*?) \|", SECURITY, re.MULTILINE)[1:]

        assert set(rows) == self.ATTACKED | self.LOST

    def test_anybody_gets_401s(self, app: Flask, simulator: Simulator) -> None:
        """Without a user nothing is done at the vendor."""
        refused = {route: post(page(app), route, "any").status_code for route in ROUTES}

        assert {refused[each] for each in ROUTES[:4]} == {401}
        assert refused["stop"] == 403
        assert simulator.calls == ()

    def test_a_user_keeps_to_the_limits(self, app: Flask, simulator: Simulator) -> None:
        """A longer text is refused, never cut."""
        ada = page(app, "ada")
        session_id = start(ada)

        refused = post(ada, "task", session_id, body={"text": "x" * (LIMIT + 1)})

        assert code(refused) == "text_too_long"
        assert simulator.texts == ()

    def test_another_user_can_do_nothing(self, app: Flask, simulator: Simulator) -> None:
        """Not with the handle, not with a changed one, and not with the vendor's id."""
        handle = start(page(app, "ada"))
        [raw] = simulator.sessions
        before = len(simulator.calls)
        eve = page(app, "eve")

        for stolen in (handle, handle[:-2] + "AA", raw, f"{raw}.{handle}"):
            for route in ROUTES[1:]:
                assert code(post(eve, route, stolen)) == "not_your_session"
        assert len(simulator.calls) == before

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
        ],
        ids=["cross-site", "same-site", "an older browser", "a sandboxed frame"],
    )
    def test_another_site_can_do_nothing(
        self, app: Flask, simulator: Simulator, headers: dict[str, str]
    ) -> None:
        """Its page sends our user's cookie, gets a refusal, and cannot even read that."""
        ada = page(app, "ada")
        handle = start(ada)
        before = len(simulator.calls)

        for route in ROUTES:
            refused = post(ada, route, handle, headers=headers)

            assert code(refused) == "cross_site"
            assert "Access-Control-Allow-Origin" not in refused.headers
        assert len(simulator.calls) == before

    @pytest.mark.parametrize("accept", ["*/*", "application/x-ndjson"])
    def test_a_cors_of_the_host_shows_another_site_the_refusal_alone(
        self, app: Flask, simulator: Simulator, accept: str
    ) -> None:
        """It lets every site read, and our routes answer none of them."""
        CORS(app, supports_credentials=True)
        ada = page(app, "ada")
        handle = start(ada)
        before = len(simulator.calls)

        for route in ROUTES:
            headers = {"Origin": "https://evil.example", "Accept": accept}
            refused = post(ada, route, handle, headers=headers)

            assert code(refused) == "cross_site"
            assert handle not in refused.text
        assert len(simulator.calls) == before

    def test_a_signed_out_person_can_stop_and_nothing_else(
        self, app: Flask, simulator: Simulator
    ) -> None:
        """The handle alone ends what costs money."""
        handle = start(page(app, "ada"))
        nobody = page(app)

        refused = {post(nobody, route, handle).status_code for route in ROUTES[:4]}
        stopped = post(nobody, "stop", handle)

        assert refused == {401}
        assert stopped.status_code == 200
        assert [each.state for each in simulator.sessions.values()] == ["closed"]

    @pytest.mark.parametrize("api", ["liveavatar"])
    def test_somebody_in_the_room_is_past_every_limit(
        self, app: Flask, simulator: Simulator
    ) -> None:
        """LiveAvatar obeys the room, and the README says so."""
        app.config["HEYGEN_MAX_SESSION_SECONDS"] = 1
        start(page(app, "ada"))
        [session_id] = simulator.sessions
        long = "x" * (LIMIT + 1)

        event = {"event_id": "1", "event_type": "avatar.speak_text", "text": long}
        simulator.publish(session_id, event)

        assert simulator.texts == (long,)
        assert "with LiveAvatar also make the avatar speak" in SECURITY
        assert README.count("(#security)") == 2  # in the rows of the settings that promise less

    def test_somebody_with_the_key_is_everybody(self, app: Flask, simulator: Simulator) -> None:
        """A handle that is signed with it is as good as ours."""
        start(page(app, "ada"))
        [raw] = simulator.sessions
        forger = Flask("forger")
        forger.config.update(app.config)
        heygen = HeyGen()
        heygen.owner_loader(lambda: "ada")
        forger.register_blueprint(heygen)
        with forger.test_request_context():
            forged = start(forger.test_client())

        assert post(page(app, "ada"), "stop", forged).status_code == 200
        assert simulator.sessions[raw].state != "closed"


class TestWhatHolds:
    def test_no_secret_is_shown(
        self, app: Flask, simulator: Simulator, api: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither when all is well nor when the vendor repeats all that it was sent."""
        ada = page(app, "ada")
        with caplog.at_level(logging.DEBUG):
            handle = start(ada)
            shown = [post(ada, "keep-alive", handle).text]
            simulator.fault(MINT[api], Fault.ECHO)
            shown.append(post(ada, "start").text)
            shown.append(repr(app.blueprints["heygen"]))
        with app.app_context():
            shown.append(repr(app.blueprints["heygen"].client.settings))  # type: ignore[attr-defined]

        for secret in (KEY, *(each.value for each in simulator.tokens)):
            assert secret not in caplog.text
            assert not [each for each in shown if secret in each]

    @pytest.mark.parametrize("api", ["streaming"])
    def test_no_text_is_shown_or_sent_twice(
        self, app: Flask, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The vendor speaks it, and its answer is lost."""
        ada = page(app, "ada")
        handle = start(ada)
        simulator.fault("task", Fault.RESET_AFTER)

        with caplog.at_level(logging.DEBUG):
            answer = post(ada, "task", handle)

        assert code(answer) == "outcome_unknown"
        assert simulator.texts == (TEXT,)
        assert simulator.count("task") == 1
        assert TEXT not in caplog.text + answer.text

    def test_no_start_is_sent_twice(self, app: Flask, simulator: Simulator, api: str) -> None:
        """The vendor has made the session, and its answer is lost."""
        simulator.fault(OPEN[api], Fault.RESET_AFTER)

        answer = post(page(app, "ada"), "start")

        assert answer.status_code in (502, 504)
        assert simulator.count(OPEN[api]) == 1

    @pytest.mark.parametrize("fault", [Fault.REDIRECT, Fault.HUGE])
    def test_the_vendor_can_neither_send_away_nor_flood(
        self, app: Flask, simulator: Simulator, api: str, fault: Fault
    ) -> None:
        """No redirect is followed, and 5 MB are not read."""
        simulator.fault(MINT[api], fault, times=None)

        refused = post(page(app, "ada"), "start")

        assert refused.status_code == 502
        assert {each.name for each in simulator.calls} == {MINT[api]}

    def test_a_page_cannot_flood(self, app: Flask, simulator: Simulator) -> None:
        """A body that is longer than any valid one is not read."""
        refused = post(page(app, "ada"), "task", "any", body={"text": "x" * (1 << 20)})

        assert code(refused) == "body_too_large"
        assert simulator.calls == ()
