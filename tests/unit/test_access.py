"""Access: which pages may call, and the CORS headers that they get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_cors import CORS
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.simulator import Simulator
from tests.constants import KEY

OURS = "http://localhost"
NAMED = "https://app.example.com"

# What Chromium sends with a fetch of JSON by POST, from each place.
SAME_ORIGIN = {"Origin": OURS, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
ANOTHER_PORT = {"Origin": OURS + ":8080", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
ANOTHER_SITE = {
    "Origin": "https://evil.example",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
}
SANDBOXED = {"Origin": "null", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
THE_NAMED = {"Origin": NAMED, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    running_simulator.reset()
    return running_simulator


def page_of(simulator: Simulator, *origins: str, **config: Any) -> FlaskClient:
    app = Flask(__name__)
    app.config.update(
        TESTING=True,
        HEYGEN_API_KEY=KEY,
        HEYGEN_BASE_URL=simulator.url,
        HEYGEN_CORS_ORIGINS=origins,
        **config,
    )
    app.register_blueprint(HeyGen())
    return app.test_client()


def code(answer: TestResponse) -> Any:
    assert answer.json is not None
    return answer.json.get("error", {}).get("code")


class TestAPage:
    @pytest.mark.parametrize(
        ("headers", "allowed"),
        [
            pytest.param(SAME_ORIGIN, True, id="same origin"),
            pytest.param(ANOTHER_PORT, False, id="another port"),
            pytest.param(ANOTHER_SITE, False, id="another site"),
            pytest.param(SANDBOXED, False, id="null"),
            pytest.param(THE_NAMED, True, id="a named one"),
            pytest.param({}, True, id="no browser"),
            pytest.param({"Sec-Fetch-Site": "none"}, True, id="typed by the user"),
            pytest.param({"Sec-Fetch-Site": "same-origin"}, True, id="site alone"),
            pytest.param({"Sec-Fetch-Site": "cross-site"}, False, id="cross site, no origin"),
            pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="same site, no origin"),
            pytest.param({"Sec-Fetch-Site": "nonsense"}, False, id="an unknown site"),
            pytest.param({"Origin": OURS}, True, id="old browser, same host"),
            pytest.param({"Origin": "https://localhost"}, True, id="old browser, TLS in front"),
            pytest.param({"Origin": OURS + ":8080"}, False, id="old browser, another port"),
            pytest.param({"Origin": "https://evil.example"}, False, id="old browser, another site"),
            pytest.param({"Origin": "null"}, False, id="old browser, null"),
            pytest.param({"Origin": ""}, False, id="empty origin"),
            pytest.param({"Origin": "http://["}, False, id="no URL"),
            pytest.param({"Origin": NAMED + ".evil.example"}, False, id="a longer name"),
            pytest.param({"Origin": NAMED.upper()}, False, id="another spelling"),
            # Behind a proxy that changes the host, the page is still of the same site.
            pytest.param(
                {"Origin": "https://public.example", "Sec-Fetch-Site": "same-origin"},
                True,
                id="same origin, host changed by a proxy",
            ),
        ],
    )
    def test_may_call(self, simulator: Simulator, headers: dict[str, str], allowed: bool) -> None:
        """A page of this site or of a named one may; another gets 403, and nothing is sent."""
        page = page_of(simulator, NAMED)

        for route in ("start", "task", "stop", "interrupt", "keep-alive"):
            answer = page.post(f"/api/heygen/{route}", json={"a": 1}, headers=headers)

            assert (code(answer) == "cross_site") is not allowed
            assert (answer.status_code == 403) is not allowed
        assert simulator.calls == ()

    @pytest.mark.parametrize(
        ("origin", "url", "allowed"),
        [
            ("http://host.test", "https://host.test", False),
            ("https://host.test", "https://host.test", True),
            ("https://host.test", "http://host.test", True),
            ("capacitor://host.test", "http://host.test", False),
        ],
    )
    def test_has_the_scheme_of_the_request(
        self, simulator: Simulator, origin: str, url: str, allowed: bool
    ) -> None:
        """A page over http is not of the https site; https may end at a proxy before the app."""
        page = page_of(simulator)

        answer = page.post("/api/heygen/start", headers={"Origin": origin}, base_url=url)

        assert (answer.status_code == 200) is allowed

    @pytest.mark.parametrize(
        "origin", ["capacitor://localhost", "ionic://app", "tauri://localhost"]
    )
    def test_may_have_any_scheme_if_it_is_named(self, simulator: Simulator, origin: str) -> None:
        """The pages of an app on a phone have schemes of their own."""
        page = page_of(simulator, origin)

        answer = page.post("/api/heygen/start", headers={"Origin": origin})

        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == origin

    def test_that_is_refused_is_logged_once(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The log names each origin in one line, and no more than 100 of them."""
        page = page_of(simulator)

        for origin in ["https://a.test", "https://b.test", "https://a.test"]:
            page.post("/api/heygen/start", headers={"Origin": origin})
        for number in range(200):
            page.post("/api/heygen/start", headers={"Origin": f"https://{number}.test"})

        assert caplog.messages[0] == (
            "Refused a request of a page at 'https://a.test' to the host 'localhost': "
            "HEYGEN_CORS_ORIGINS does not name the page's origin. If it is the app's own, a proxy "
            "hides it: see ProxyFix."
        )
        assert len([each for each in caplog.messages if "a.test" in each]) == 1
        assert len(caplog.messages) == 100


class TestAPreflight:
    ASKS: ClassVar = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }

    def test_lets_a_named_page_call(self, simulator: Simulator) -> None:
        """The page may post JSON with its cookies."""
        page = page_of(simulator, NAMED)

        answer = page.options("/api/heygen/task", headers={**THE_NAMED, **self.ASKS})

        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == NAMED
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
        assert answer.headers["Access-Control-Allow-Methods"] == "POST"
        assert answer.headers.getlist("Vary") == ["Origin"]

    @pytest.mark.parametrize("headers", [ANOTHER_SITE, ANOTHER_PORT, SANDBOXED])
    def test_lets_no_other_page_call(
        self, simulator: Simulator, headers: dict[str, str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """The browser gets no CORS header, and sends nothing; the log says why."""
        page = page_of(simulator, NAMED)

        answer = page.options("/api/heygen/task", headers={**headers, **self.ASKS})

        assert answer.status_code == 200
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]
        [line] = caplog.messages
        assert "HEYGEN_CORS_ORIGINS does not name the page's origin" in line


class TestAnAnswer:
    @pytest.mark.parametrize("body", [{"session_id": "gone"}, {}, {"session_id": "a/b"}])
    def test_is_readable_to_a_named_page(self, simulator: Simulator, body: dict[str, Any]) -> None:
        """Successes and errors alike, and Retry-After with them, once."""
        page = page_of(simulator, "https://other.example", NAMED)

        answer = page.post("/api/heygen/stop", json=body, headers=THE_NAMED)

        assert answer.headers.getlist("Access-Control-Allow-Origin") == [NAMED]
        assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert answer.headers.getlist("Vary") == ["Origin"]

    def test_has_no_header_more_where_no_page_is_named(self, simulator: Simulator) -> None:
        """Without HEYGEN_CORS_ORIGINS the host's own CORS is left alone."""
        answer = page_of(simulator).post("/api/heygen/stop", json={}, headers=SAME_ORIGIN)

        assert "Vary" not in answer.headers
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]

    def test_takes_an_address_for_what_it_is(self, simulator: Simulator) -> None:
        """The brackets of an IPv6 origin are no pattern."""
        page = page_of(simulator, "http://[::1]:3000")

        allowed = page.post("/api/heygen/stop", json={}, headers={"Origin": "http://[::1]:3000"})
        refused = page.post("/api/heygen/stop", json={}, headers={"Origin": "http://:3000"})

        assert allowed.headers["Access-Control-Allow-Origin"] == "http://[::1]:3000"
        assert refused.status_code == 403


class TestAHostsOwnCORS:
    #: What an app sets for the routes that it has Flask-CORS open.
    CONFIG: ClassVar = {
        "CORS_ORIGINS": ["https://other.example"],
        "CORS_METHODS": ["GET"],
        "CORS_ALLOW_HEADERS": ["X-Other"],
        "CORS_EXPOSE_HEADERS": ["X-Other"],
        "CORS_SUPPORTS_CREDENTIALS": False,
        "CORS_AUTOMATIC_OPTIONS": True,
        "CORS_VARY_HEADER": True,
    }

    @pytest.mark.parametrize("method", ["OPTIONS", "POST"])
    def test_leaves_ours_alone(self, simulator: Simulator, method: str) -> None:
        """Its rules for other routes neither open nor close those of the blueprint."""
        headers = {**THE_NAMED, **TestAPreflight.ASKS}
        bare, hosting = (
            page_of(simulator, NAMED, **config).open(
                "/api/heygen/stop", method=method, json={"session_id": "gone"}, headers=headers
            )
            for config in ({}, self.CONFIG)
        )

        assert bare.headers["Access-Control-Allow-Origin"] == NAMED
        for each in (bare, hosting):
            each.headers.pop("Server-Timing")
        assert list(hosting.headers) == list(bare.headers)

    @pytest.mark.parametrize("origins", [(), (NAMED,)])
    @pytest.mark.parametrize(
        ("path", "body"),
        [("stop", {"session_id": "gone"}), ("stop", {}), ("task", {}), ("nowhere", {})],
    )
    def test_sets_each_header_once(
        self, simulator: Simulator, origins: tuple[str, ...], path: str, body: dict[str, Any]
    ) -> None:
        """Browsers refuse an answer, or an error, that allows its origin twice."""
        page = page_of(simulator, *origins)
        CORS(page.application, supports_credentials=True)

        answer = page.post(f"/api/heygen/{path}", json=body, headers=THE_NAMED)

        names = [name for name, _ in answer.headers if name.startswith("Access-Control")]
        assert answer.headers.getlist("Access-Control-Allow-Origin") == [NAMED]
        assert len(names) == len(set(names))


class TestTwoApps:
    def test_never_share_their_origins(self, simulator: Simulator) -> None:
        """One instance, two apps: what one allows the other refuses."""
        blueprint = HeyGen()
        apps = []
        for origin in (NAMED, "https://other.example"):
            app = Flask(__name__)
            app.config.update(
                TESTING=True,
                HEYGEN_API_KEY=KEY,
                HEYGEN_BASE_URL=simulator.url,
                HEYGEN_CORS_ORIGINS=[origin],
            )
            app.register_blueprint(blueprint)
            apps.append(app)

        answers = [
            app.test_client().post("/api/heygen/stop", json={"session_id": "x"}, headers=THE_NAMED)
            for app in apps
        ]

        assert [answer.status_code for answer in answers] == [200, 403]
