"""The recipes: each file runs, and does what its docstring says."""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import jwt
import pytest
from flask import Blueprint, Flask, render_template_string, session
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, get_csrf_token
from flask_limiter import Limiter
from flask_login import current_user, login_required
from flask_wtf import CSRFProtect
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.settings import Settings
from flask_heygen.simulator import Simulator
from tests import constants
from tests.servers.machines import (
    Visitor,
    answers,
    children,
    lasting_port,
    redis_server,
    wait_until,
)
from tests.servers.recipes import JWT_KEY, RECIPES, ROOT, Shop, settings_for
from tests.servers.test_two_lines import page_of

TEXT = "Tell me about yourself."
JSON = "application/json"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
README = (ROOT / "README.md").read_text()
#: The back end of a front end that is on another origin.
ORIGIN = "https://api.example.org"


def post(page: FlaskClient, route: str, *, headers: Any = None, **body: Any) -> TestResponse:
    if route == "task":
        body.setdefault("text", TEXT)
    return page.post(f"/api/heygen/{route}", json=body, headers=headers)


def start(page: FlaskClient, headers: Any = None) -> str:
    """Start a session and return its ``session_id``."""
    started = post(page, "start", headers=headers)

    assert started.status_code == 200
    return str(started.get_json()["data"]["session_id"])


def error_of(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code of an error, which must be in JSON."""
    assert answer.mimetype == JSON
    return answer.status_code, answer.get_json()["error"]["code"]


def states(simulator: Simulator) -> list[str]:
    return [each.state for each in simulator.sessions.values()]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(concurrent_limit=100) as simulator:
        yield simulator


#: The recipes that are apps.
APPS = sorted(path.stem for path in RECIPES.glob("*.py") if "def create_app(" in path.read_text())


class TestRecipes:
    @pytest.mark.parametrize("recipe", APPS)
    def test_runs(self, simulator: Simulator, recipe: str) -> None:
        """Its app serves the module and answers in JSON."""
        app = Shop(recipe, simulator).app
        host = app.config["TRUSTED_HOSTS"] or ["localhost"]
        page = app.test_client()
        base_url = f"https://{host[0]}"
        [path] = [
            each.rule for each in app.url_map.iter_rules() if each.endpoint == "heygen.module"
        ]

        with page.get(path, base_url=base_url) as module:
            assert (module.status_code, module.mimetype) == (200, "text/javascript")
        missing = page.post("/api/heygen/nowhere", base_url=base_url)

        assert error_of(missing)[0] in (404, 400)

    def test_is_listed_in_the_readme(self) -> None:
        """Each file of the folder has its link there, and no link leads nowhere."""
        listed = re.findall(r"\(example_app/recipes/([^)#]+)\)", README)

        files = {each.name for each in RECIPES.iterdir()} - {
            "__init__.py",
            "__pycache__",
            "templates",
        }
        assert set(listed) == files

    @pytest.mark.parametrize("path", sorted(RECIPES.glob("*.py")), ids=lambda path: path.stem)
    def test_explains_itself(self, path: Any) -> None:
        """Its prose is on top: a docstring whose first line is a sentence."""
        prose = ast.get_docstring(ast.parse(path.read_text()))

        assert prose is not None
        assert prose.splitlines()[0].endswith(".")


class TestLogin:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        return Shop("login", simulator)

    def test_is_enough(self, shop: Shop, simulator: Simulator) -> None:
        """A signed-in user starts, speaks and stops."""
        page = shop.page("ada")

        session_id = start(page)
        spoken = post(page, "task", session_id=session_id)
        stopped = post(page, "stop", session_id=session_id)

        assert (spoken.status_code, stopped.status_code) == (200, 200)
        assert simulator.texts == (TEXT,)

    def test_is_needed(self, shop: Shop, simulator: Simulator) -> None:
        """Without a user the answer is 401 in JSON, and the vendor is not called."""
        refused = post(shop.page(), "start")

        assert error_of(refused) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_of_another_is_no_good(self, shop: Shop) -> None:
        """Eve speaks in no session of Ada's, and stops none."""
        session_id = start(shop.page("ada"))
        eve = shop.page("eve")

        refused = [error_of(post(eve, route, session_id=session_id)) for route in ("task", "stop")]

        assert refused == [(403, "not_your_session")] * 2

    def test_may_be_over_for_a_stop(self, shop: Shop, simulator: Simulator) -> None:
        """After logout the session can be stopped, and nothing else be done with it."""
        page = shop.page("ada")
        session_id = start(page)
        page.get("/logout")

        spoken = post(page, "task", session_id=session_id)
        stopped = post(page, "stop", session_id=session_id)

        assert error_of(spoken) == (401, "not_signed_in")
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]


class TestLoginRequiredEverywhere:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        """Return an app that has Flask-Login stand before every route."""
        shop = Shop("login", simulator)
        shop.app.get("/account", endpoint="account")(login_required(str))
        shop.app.add_url_rule("/login-form", "login", str)
        login_manager = shop.app.login_manager  # type: ignore[attr-defined]

        @shop.app.before_request
        def sign_in_first() -> Any:
            if not current_user.is_authenticated:
                return login_manager.unauthorized()
            return None

        return shop

    def test_is_a_401_below_our_prefix(self, shop: Shop) -> None:
        """A page's fetch can read it."""
        refused = post(shop.page(), "start")

        assert error_of(refused) == (401, "not_signed_in")

    def test_stays_a_redirect_beyond_it(self, shop: Shop) -> None:
        """The host's own pages lead to its login as before."""
        refused = shop.page().get("/account")

        assert refused.status_code == 302
        assert refused.location.startswith("/login-form")

    def test_is_a_redirect_without_the_line(self, shop: Shop) -> None:
        """That is what the recipe's last line is for."""
        shop.app.login_manager.blueprint_login_views.clear()  # type: ignore[attr-defined]

        assert post(shop.page(), "start").status_code == 302


class TestJwtHeader:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        return Shop("jwt_header", simulator)

    def bearer(self, user: str, **claims: Any) -> dict[str, str]:
        token = jwt.encode({"sub": user, "exp": time.time() + 60, **claims}, JWT_KEY)
        return {"Authorization": f"Bearer {token}"}

    def test_says_whose_session_it_is(self, shop: Shop, simulator: Simulator) -> None:
        """Its subject speaks, and the subject of another does not."""
        page = shop.page()
        session_id = start(page, self.bearer("ada"))

        spoken = post(page, "task", headers=self.bearer("ada"), session_id=session_id)
        refused = post(page, "task", headers=self.bearer("eve"), session_id=session_id)

        assert spoken.status_code == 200
        assert error_of(refused) == (403, "not_your_session")
        assert simulator.texts == (TEXT,)

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("", id="none"),
            pytest.param("Bearer", id="empty"),
            pytest.param("Bearer a.b.c", id="nonsense"),
            pytest.param("Basic YWRhOmFkYQ==", id="another scheme"),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 1}, JWT_KEY)}",
                id="expired",
            ),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 9e9}, JWT_KEY + '!')}",
                id="another key",
            ),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 9e9}, '', algorithm='none')}",
                id="unsigned",
            ),
            pytest.param(f"Bearer {jwt.encode({'sub': 'ada'}, JWT_KEY)}", id="for ever"),
            pytest.param(f"Bearer {jwt.encode({'exp': 9e9}, JWT_KEY)}", id="of nobody"),
        ],
    )
    def test_is_refused(self, shop: Shop, simulator: Simulator, header: str) -> None:
        """A token that is not good is no user."""
        refused = post(shop.page(), "start", headers={"Authorization": header})

        assert error_of(refused) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_is_not_needed_by_a_beacon(self, shop: Shop, simulator: Simulator) -> None:
        """It carries no header, and stops the session all the same."""
        page = shop.page()
        form = {"session_id": start(page, self.bearer("ada"))}

        stopped = page.post("/api/heygen/stop", data=form, content_type=FORM)

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]


class TestJwtExtended:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        return Shop("jwt_extended", simulator)

    def bearer(self, shop: Shop, user: str, seconds: int = 60) -> dict[str, str]:
        with shop.app.app_context():
            token = create_access_token(user, expires_delta=timedelta(seconds=seconds))
        return {"Authorization": f"Bearer {token}"}

    def test_names_the_owner(self, shop: Shop, simulator: Simulator) -> None:
        """Its identity speaks, and another one does not."""
        page = shop.page()
        session_id = start(page, self.bearer(shop, "ada"))

        spoken = post(page, "task", headers=self.bearer(shop, "ada"), session_id=session_id)
        refused = post(page, "task", headers=self.bearer(shop, "eve"), session_id=session_id)

        assert spoken.status_code == 200
        assert error_of(refused) == (403, "not_your_session")
        assert simulator.texts == (TEXT,)

    @pytest.mark.parametrize("header", ["none", "expired", "nonsense"])
    def test_is_needed(self, shop: Shop, simulator: Simulator, header: str) -> None:
        """Without a valid token the answer is ours, in JSON."""
        headers: dict[str, dict[str, str]] = {
            "none": {},
            "expired": self.bearer(shop, "ada", seconds=-60),
            "nonsense": {"Authorization": "Bearer a.b.c"},
        }

        refused = post(shop.page(), "start", headers=headers[header])

        assert error_of(refused) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_may_have_expired_for_a_stop(self, shop: Shop, simulator: Simulator) -> None:
        """An expired token does not keep a session from being stopped."""
        page = shop.page()
        session_id = start(page, self.bearer(shop, "ada"))

        expired = self.bearer(shop, "ada", seconds=-60)
        stopped = post(page, "stop", headers=expired, session_id=session_id)

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

    def test_in_a_cookie_needs_its_csrf_header(self, shop: Shop, simulator: Simulator) -> None:
        """The module's option `headers` sends it; a beacon cannot, and needs none."""
        page = shop.page()
        with shop.app.app_context():
            token = create_access_token("ada")
            csrf = {"X-CSRF-TOKEN": str(get_csrf_token(token))}
        page.set_cookie("access_token_cookie", token)

        refused = post(page, "start")
        form = {"session_id": start(page, csrf)}
        stopped = page.post("/api/heygen/stop", data=form, content_type=FORM)

        assert error_of(refused) == (401, "not_signed_in")
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]


class TestCsrfProtect:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        """Return an app whose CSRFProtect is on for our routes, and a page with its token."""
        shop = Shop("csrf_token", simulator)

        @shop.app.get("/clear")
        def clear() -> str:
            session.clear()
            return "Gone."

        return shop

    def token(self, page: FlaskClient) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', page.get("/").text)
        assert found is not None
        return found[1]

    def test_asks_for_the_token(self, shop: Shop, simulator: Simulator) -> None:
        """Its 400 is JSON, with its own reason."""
        refused = post(shop.page("ada"), "start")

        assert error_of(refused) == (400, "bad_request")
        assert refused.get_json()["error"]["message"] == "The CSRF token is missing."
        assert simulator.calls == ()

    def test_takes_the_token_from_a_header(self, shop: Shop, simulator: Simulator) -> None:
        """The page's fetch starts and speaks."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}

        spoken = post(page, "task", headers=headers, session_id=start(page, headers))

        assert spoken.status_code == 200
        assert simulator.texts == (TEXT,)

    def test_asks_for_none_to_stop(self, shop: Shop, simulator: Simulator) -> None:
        """A page stops its session though the user has logged out, with or without the module."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}
        first, second = start(page, headers), start(page, headers)
        page.get("/clear")

        beacon = page.post("/api/heygen/stop", data={"session_id": first}, content_type=FORM)
        stopped = post(page, "stop", headers=headers, session_id=second)

        assert (beacon.status_code, stopped.status_code) == (200, 200)
        assert states(simulator) == ["closed", "closed"]

    def test_takes_the_token_from_a_beacon(self, simulator: Simulator) -> None:
        """The module's form, sent as a page is left, stops without the exemption, too."""
        shop = Shop("login", simulator)
        CSRFProtect(shop.app)
        template = "{{ csrf_token() }}"
        shop.app.add_url_rule("/token", "token", lambda: render_template_string(template))
        page = shop.page("ada")
        token = page.get("/token").text
        session_id = start(page, {"X-CSRFToken": token})

        bare = page.post("/api/heygen/stop", data={"session_id": session_id}, content_type=FORM)
        form = {"session_id": session_id, "csrf_token": token}
        stopped = page.post("/api/heygen/stop", data=form, content_type=FORM)

        assert error_of(bare) == (400, "bad_request")
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

    def test_lets_no_other_site_stop(self, shop: Shop, simulator: Simulator) -> None:
        """The blueprint refuses its pages by itself."""
        page = shop.page("ada")
        session_id = start(page, {"X-CSRFToken": self.token(page)})
        elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

        refused = post(page, "stop", headers=elsewhere, session_id=session_id)

        assert error_of(refused) == (403, "cross_site")
        assert "closed" not in states(simulator)

    def test_takes_the_token_of_a_long_interview(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A page that was opened two hours ago still speaks."""
        opened = time.time() - 7200
        with monkeypatch.context() as then:
            then.setattr(time, "time", lambda: opened)
            page = shop.page("ada")
            headers = {"X-CSRFToken": self.token(page)}

        assert start(page, headers)

    def test_leaves_the_size_of_a_body_bounded(self, shop: Shop) -> None:
        """It looks for its token in the body, before any blueprint's before_request."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}

        refused = post(page, "task", headers=headers, session_id="any", text="x" * (1 << 20))

        assert error_of(refused) == (413, "body_too_large")

    def test_tells_a_named_origin_too(self, simulator: Simulator) -> None:
        """A page of another origin can read the refusal."""
        shop = Shop("cors", simulator)
        CSRFProtect(shop.app)
        origin = "https://app.example.com"

        refused = post(shop.page(), "start", headers={"Origin": origin})

        assert error_of(refused) == (400, "bad_request")
        assert refused.headers["Access-Control-Allow-Origin"] == origin


class TestCsrfExemption:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        return Shop("csrf_exempt", simulator)

    def test_lets_a_page_call_without_a_token(self, shop: Shop) -> None:
        """Our routes ask for none."""
        assert start(shop.page("ada"))

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "https://evil.example"},
        ],
    )
    def test_leaves_another_site_out(
        self, shop: Shop, simulator: Simulator, headers: dict[str, str]
    ) -> None:
        """The guard does what the token did."""
        refused = post(shop.page("ada"), "start", headers=headers)

        assert error_of(refused) == (403, "cross_site")
        assert simulator.calls == ()

    @pytest.mark.parametrize(("exempt", "status"), [("parent", 400), ("heygen_bp", 200)])
    def test_has_to_be_that_of_the_blueprint_itself(
        self, simulator: Simulator, exempt: str, status: int
    ) -> None:
        """Nested, ours is not exempt with its parent."""
        app = Flask("host")
        app.config.update(
            SECRET_KEY="a secret of the host",
            HEYGEN_API_KEY=constants.KEY,
            HEYGEN_BASE_URL=simulator.url,
        )
        blueprints = {"heygen_bp": HeyGen(), "parent": Blueprint("parent", "parent")}
        blueprints["parent"].register_blueprint(blueprints["heygen_bp"])
        app.register_blueprint(blueprints["parent"], url_prefix="/v1")
        CSRFProtect(app).exempt(blueprints[exempt])

        answer = app.test_client().post("/v1/api/heygen/start", json={})

        assert answer.status_code == status
        assert answer.mimetype == JSON


class TestRateLimit:
    def test_without_redis_fails_and_stop_does_not(self, simulator: Simulator) -> None:
        """Requests that cannot be counted fail; *stop* is not counted."""
        nowhere = "redis+unix:///nowhere/redis.sock"
        shop = Shop(
            "rate_limit", simulator, RATELIMIT_STORAGE_URI=nowhere, PROPAGATE_EXCEPTIONS=False
        )
        page = shop.page("ada")

        failed = [error_of(post(page, route, session_id="any")) for route in ("start", "task")]
        stopped = post(page, "stop", session_id="any")

        assert failed == [(500, "internal_error")] * 2
        assert error_of(stopped) == (403, "not_your_session")

    def test_never_holds_a_stop_up(self, simulator: Simulator) -> None:
        """Not even one that the host has set for all its routes."""
        page = Shop("rate_limit", simulator, RATELIMIT_DEFAULT="2 per day").page("ada")
        session_id = start(page)

        stopped = [post(page, "stop", session_id=session_id).status_code for _ in range(3)]
        kept = [post(page, "keep-alive", session_id=session_id).status_code for _ in range(3)]

        assert stopped == [200] * 3
        assert kept[-1] == 429

    def test_is_not_used_up_by_another_site(self, simulator: Simulator) -> None:
        """A cross-site request does not count against the user whose browser sent it."""
        shop = Shop("csrf_exempt", simulator)
        Limiter(lambda: "ada", app=shop.app, default_limits=["1 per day"], storage_uri="memory://")
        page = shop.page("ada")

        for _ in range(3):
            refused = post(page, "start", headers={"Sec-Fetch-Site": "cross-site"})

            assert error_of(refused) == (403, "cross_site")
        assert start(page)

    def test_of_every_route_tells_a_named_origin_too(self, simulator: Simulator) -> None:
        """A page of another origin can read the 429, and when to come back."""
        shop = Shop("cors", simulator)
        Limiter(
            lambda: "ada",
            app=shop.app,
            default_limits=["1 per day"],
            storage_uri="memory://",
            headers_enabled=True,
        )
        page = shop.page()
        page.get("/login?user=ada", base_url=ORIGIN)
        headers = {"Origin": "https://app.example.com"}
        page.post("/api/heygen/start", base_url=ORIGIN, json={}, headers=headers)

        refused = page.post("/api/heygen/start", base_url=ORIGIN, json={}, headers=headers)

        assert error_of(refused) == (429, "rate_limited")
        assert refused.headers["Access-Control-Allow-Origin"] == headers["Origin"]
        assert refused.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert int(refused.headers["Retry-After"]) > 80_000


@contextmanager
def served(command: str, **environment: str) -> Iterator[str]:
    """Run a gunicorn on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        server = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(command), "--bind", f"fd://{number}"],
            cwd=RECIPES,
            env={**os.environ, **environment},
            pass_fds=[number],
        )
        port = listener.getsockname()[1]
    # A client waits for the server, and is refused if it has ended: the port is open
    # since before it started, and held by it alone.
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)  # gunicorn's quick shutdown
        server.wait(30)


@contextmanager
def two_servers(simulator: Simulator, recipe: str, **more: str) -> Iterator[list[str]]:
    """Run an app that follows a recipe on two ports, with the same settings."""
    settings = {**settings_for(simulator), "SHOP": recipe, **more}
    command = "gunicorn --worker-class gthread --threads 2 tests.servers.shop:app"
    with ExitStack() as stack:
        yield [stack.enter_context(served(command, **settings)) for _ in range(2)]


@pytest.fixture(scope="module")
def counting() -> Iterator[tuple[Simulator, list[str]]]:
    """Run two servers that limit their users and share the counts, and the vendor of both."""
    with (
        redis_server() as redis,
        Simulator(concurrent_limit=100) as simulator,
        two_servers(simulator, "rate_limit", FLASK_RATELIMIT_STORAGE_URI=redis) as servers,
    ):
        yield simulator, servers


class TestRateLimitOnRedis:
    def test_counts_the_tasks_of_a_user(self, counting: tuple[Simulator, list[str]]) -> None:
        """The 31st within a minute is one too many, whichever server took the others."""
        simulator, servers = counting
        one, other = servers
        with Visitor(one, "ada") as ada, Visitor(one, "bob") as bob:
            session_id = ada.start(one)
            turns = zip(range(30), cycle(servers), strict=False)
            spoken = [ada.call(each, "task", session_id=session_id, text=TEXT) for _, each in turns]
            refused = [ada.call(each, "task", session_id=session_id, text=TEXT) for each in servers]
            of_bob = bob.call(other, "task", session_id=bob.start(one), text=TEXT)
            stopped = ada.call(other, "stop", session_id=session_id)

        assert {answer.status_code for answer in spoken} == {200}
        assert [answer.status_code for answer in refused] == [429, 429]
        assert refused[0].json()["error"]["code"] == "rate_limited"
        assert "retry_after" not in refused[0].json()["error"]
        assert 0 <= int(refused[0].headers["Retry-After"]) <= 60
        assert of_bob.status_code == 200
        assert stopped.status_code == 200
        assert simulator.count("task") == 31

    def test_caps_the_starts_of_a_day(self, counting: tuple[Simulator, list[str]]) -> None:
        """The 21st session of a day is one too many, and all of them can be stopped."""
        _, servers = counting
        with Visitor(servers[0], "carol") as carol:
            turns = zip(range(20), cycle(servers), strict=False)
            sessions = [carol.start(each) for _, each in turns]
            refused = [carol.call(each, "start") for each in servers]
            stopped = [carol.call(servers[1], "stop", session_id=each) for each in sessions]

        assert [answer.status_code for answer in refused] == [429, 429]
        assert 80_000 < int(refused[0].headers["Retry-After"]) <= 86_400
        assert {answer.status_code for answer in stopped} == {200}


class TestTwoServers:
    def test_share_a_session_and_nothing_else(self, simulator: Simulator) -> None:
        """Started on one, spoken in on the other, stopped on the first, by the SECRET_KEY alone."""
        with (
            two_servers(simulator, "login") as (one, other),
            Visitor(one, "ada") as ada,
            Visitor(other, "eve") as eve,
        ):
            session_id = ada.start(one)
            spoken = ada.call(other, "task", session_id=session_id, text=TEXT)
            refused = eve.call(other, "stop", session_id=session_id)
            stopped = ada.call(one, "stop", session_id=session_id)

        assert session_id not in simulator.sessions
        assert (spoken.status_code, stopped.status_code) == (200, 200)
        assert refused.status_code == 403
        assert simulator.texts == (TEXT,)
        assert states(simulator) == ["closed"]


class TestGunicorn:
    PROSE = (RECIPES / "gunicorn.conf.py").read_text()
    COMMANDS = re.findall(r"^    ((?:\w+=\w+ )?gunicorn .*)$", PROSE, re.MULTILINE)

    def test_is_shown_with_threads_and_with_greenlets(self) -> None:
        """Both of its commands are tried below."""
        assert len(self.COMMANDS) == 2

    @pytest.mark.parametrize("command", COMMANDS)
    def test_serves(self, simulator: Simulator, command: str) -> None:
        """Each of its commands starts, speaks and stops."""
        variables, _, command = command.rpartition("gunicorn ")
        settings = dict(each.split("=") for each in variables.split())
        command = f"gunicorn {command}".replace("shop:create_app()", "tests.servers.shop:app")
        with (
            served(command, SHOP="login", **settings, **settings_for(simulator)) as server,
            Visitor(server, "ada") as ada,
        ):
            session_id = ada.start(server)
            spoken = ada.call(server, "task", session_id=session_id, text=TEXT)
            stopped = ada.call(server, "stop", session_id=session_id)

        assert (spoken.status_code, stopped.status_code) == (200, 200)
        assert simulator.texts == (TEXT,)

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Cores are chosen on Linux.")
    def test_pins_each_worker_to_a_core_of_its_own(
        self, simulator: Simulator, tmp_path: Path
    ) -> None:
        """Also one that replaces a worker that was killed, and those of a reload."""
        cores = sorted(os.sched_getaffinity(0))
        pid_file = tmp_path / "gunicorn.pid"
        command = f"gunicorn --config gunicorn.conf.py --pid {pid_file} tests.servers.shop:app"

        settings = {"SHOP": "login", "PIN_WORKERS": "1", **settings_for(simulator)}
        with served(command, **settings) as address, Visitor(address, "ada") as ada:
            session_id = ada.start(address)
            server = int(pid_file.read_text())

            def pinned() -> bool:
                try:
                    found = [sorted(os.sched_getaffinity(pid)) for pid in children(server)]
                except ProcessLookupError:  # one has ended meanwhile
                    return False
                return sorted(found) == [[core] for core in cores]

            wait_until(pinned)
            killed = children(server)[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: killed not in children(server) and pinned())
            replaced = children(server)
            os.kill(server, signal.SIGHUP)
            wait_until(lambda: not {*replaced} & {*children(server)} and pinned())
            stopped = ada.call(address, "stop", session_id=session_id)

        assert stopped.status_code == 200

    def test_waits_long_enough(self) -> None:
        """Its timeout is 10 seconds above ours."""
        [timeout] = re.findall(r"^timeout = (\d+)$", self.PROSE, re.MULTILINE)

        assert int(timeout) >= Settings(api_key="k").timeout + 10


@contextmanager
def on_a_port(
    simulator: Simulator, command: Callable[[int], list[str]], **environment: str
) -> Iterator[str]:
    """Run a server that opens its port itself, and wait until it does."""
    port = lasting_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, *command(port)],
        cwd=ROOT,
        env={**os.environ, **settings_for(simulator), **environment},
    ) as server:
        try:
            wait_until(lambda: answers(url))
            yield url
        finally:
            server.terminate()


class TestOtherServers:
    @pytest.mark.parametrize(
        ("command", "variables"),
        [
            pytest.param(
                lambda port: ["-m", "example_app.recipes.waitress_server", f"127.0.0.1:{port}"],
                {},
                id="waitress",
            ),
            pytest.param(
                lambda port: [
                    *("-m", "uvicorn", "--factory", "example_app.recipes.asgi:create_asgi_app"),
                    *("--port", str(port)),
                ],
                {},
                id="uvicorn",
            ),
        ],
    )
    def test_serve_starts_tasks_and_stops(
        self,
        simulator: Simulator,
        command: Callable[[int], list[str]],
        variables: dict[str, str],
    ) -> None:
        """Also a start without any body, in which no Content-Length is sent."""
        with on_a_port(simulator, command, **variables) as server, Visitor(server) as page:
            page.cookies.set("session", ada())
            empty = page.post(f"{server}/api/heygen/start", timeout=30)
            session_id = empty.json()["data"]["session_id"]
            spoken = page.call(server, "task", session_id=session_id, text=TEXT)
            stopped = page.call(server, "stop", session_id=session_id)

        assert [each.status_code for each in (empty, spoken, stopped)] == [200, 200, 200]
        assert simulator.texts == (TEXT,)

    def test_waitress_stops_a_session_whose_page_has_gone(self, simulator: Simulator) -> None:
        """It reads ahead, and so it sees the page go while the session is being started."""
        simulator.latency["new"] = 1

        def command(port: int) -> list[str]:
            return ["-m", "example_app.recipes.waitress_server", f"127.0.0.1:{port}"]

        with on_a_port(simulator, command) as server, page_of(urlsplit(server).port or 0) as page:
            page.post("start", cookie=f"session={ada()}")
            assert page.line() == {"status": "accepted"}
            page.reset()

            wait_until(lambda: [each.state for each in simulator.sessions.values()] == ["closed"])


def ada() -> str:
    """Return the session cookie of Ada, as the recipes' apps sign it."""
    app = Flask("host")
    app.secret_key = "a secret of the host"
    cookie = SecureCookieSessionInterface().get_signing_serializer(app)
    assert cookie is not None
    return str(cookie.dumps({"user_id": "ada"}))


class TestQuestions:
    @pytest.fixture
    def page(self, simulator: Simulator) -> FlaskClient:
        return Shop("questions", simulator).page("ada")

    def test_are_spoken_by_their_id(self, page: FlaskClient, simulator: Simulator) -> None:
        """In the language of the user, which is the session's, too."""
        with page.session_transaction() as cookie:
            cookie["language"] = "de"

        post(page, "task", session_id=start(page), text="motivation")

        assert simulator.texts == ("Warum möchten Sie bei uns arbeiten?",)

    def test_are_all_that_is_spoken(self, page: FlaskClient, simulator: Simulator) -> None:
        """A text of the page's own is refused, and so is a language."""
        refused = post(page, "task", session_id=start(page), text="I resign.")
        chosen = page.post("/api/heygen/start", json={"language": "fr"})

        assert error_of(refused) == (403, "text_refused")
        assert error_of(chosen) == (422, "invalid_field")
        assert simulator.texts == ()


class TestTranscript:
    @pytest.fixture
    def database(self, tmp_path: Path) -> Path:
        return tmp_path / "interviews.sqlite"

    @pytest.fixture
    def shop(self, simulator: Simulator, database: Path) -> Shop:
        return Shop(
            "transcript",
            simulator,
            DATABASE=str(database),
            HEYGEN_API="liveavatar",
            HEYGEN_SESSION_DEFAULTS={"avatar_id": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"},
        )

    def interview(self, shop: Shop, simulator: Simulator) -> tuple[FlaskClient, str, str]:
        """Hold one; return the page, its handle and the vendor's session id."""
        page = shop.page("ada")
        handle = start(page)
        [session_id] = [name for name, each in simulator.sessions.items() if each.state != "closed"]
        spoken = {"event_id": "1", "event_type": "avatar.speak_text", "text": TEXT}
        simulator.publish(session_id, spoken)
        return page, handle, session_id

    def stored(self, database: Path) -> dict[str, Any]:
        with closing(sqlite3.connect(database)) as rows:
            found = rows.execute("SELECT owner, session_id, transcript FROM interviews").fetchall()
        return {session_id: (owner, text and json.loads(text)) for owner, session_id, text in found}

    def test_is_stored_when_the_page_stops(
        self, shop: Shop, simulator: Simulator, database: Path
    ) -> None:
        """Beside the owner, in the order in which it was said."""
        page, handle, session_id = self.interview(shop, simulator)
        before = self.stored(database)

        post(page, "stop", session_id=handle)

        owner, rows = self.stored(database)[session_id]
        assert before == {session_id: ("ada", None)}
        assert owner == "ada"
        assert [(each["role"], each["text"]) for each in rows] == [("avatar", TEXT)]

    def test_is_stored_by_a_command_where_no_page_stops(
        self, shop: Shop, simulator: Simulator, database: Path
    ) -> None:
        """The transcript of an ended session is stored, that of a live one is not."""
        *_, ended = self.interview(shop, simulator)
        simulator.close_session(ended)
        *_, live = self.interview(shop, simulator)

        ran = shop.app.test_cli_runner().invoke(args=["store-transcripts"])

        assert ran.exit_code == 0, ran.output
        stored = self.stored(database)
        assert [each["text"] for each in stored[ended][1]] == [TEXT]
        assert stored[live] == ("ada", None)


class TestServerless:
    def test_leaves_nothing_to_a_thread(self, simulator: Simulator) -> None:
        """Each token is minted by the request that uses it."""
        shop = Shop("serverless", simulator, TESTING=False)
        page = shop.page("ada")
        session_id = start(page)
        minted = simulator.count("create_token")
        before = threading.active_count()

        post(page, "task", session_id=session_id)

        assert simulator.count("create_token") == minted + 1
        assert not [each for each in threading.enumerate() if each.name == "heygen-tokens"]
        assert threading.active_count() <= before


class TestDebugLog:
    def test_has_a_line_for_each_upstream_call(
        self, simulator: Simulator, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On standard error, and without key or text."""
        root = logging.getLogger()
        level, handlers = root.level, root.handlers[:]
        try:
            page = Shop("debug_log", simulator).page("ada")
            post(page, "task", session_id=start(page))
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers
            logging.getLogger("flask_heygen").setLevel(logging.NOTSET)
        printed = capsys.readouterr().err

        lines = [each for each in printed.splitlines() if " DEBUG flask_heygen" in each]
        assert any("/v1/streaming.task" in each for each in lines)
        assert TEXT not in printed


class TestOtherOrigin:
    OURS = ORIGIN
    NAMED: ClassVar = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}

    @pytest.fixture
    def page(self, simulator: Simulator) -> FlaskClient:
        return Shop("cors", simulator).page()

    def fetch(self, page: FlaskClient, route: str, headers: Any, **body: Any) -> TestResponse:
        url = f"/api/heygen/{route}"
        return page.post(url, base_url=self.OURS, json=body, headers=headers)

    def test_starts_speaks_and_stops_with_its_cookie(
        self, page: FlaskClient, simulator: Simulator
    ) -> None:
        """The cookie may be sent from there, and each answer be read there."""
        cookie = page.get("/login?user=ada", base_url=self.OURS).headers["Set-Cookie"]

        started = self.fetch(page, "start", self.NAMED)
        session_id = started.get_json()["data"]["session_id"]
        spoken = self.fetch(page, "task", self.NAMED, session_id=session_id, text=TEXT)
        form = {"session_id": session_id}
        stopped = page.post(
            "/api/heygen/stop", base_url=self.OURS, data=form, headers=self.NAMED, content_type=FORM
        )

        assert {"Secure", "SameSite=None"} <= set(cookie.split("; "))
        for answer in (started, spoken, stopped):
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == self.NAMED["Origin"]
            assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert states(simulator) == ["closed"]

    @pytest.mark.parametrize("header", ["content-type", "authorization, content-type"])
    def test_is_allowed_by_the_preflight(self, page: FlaskClient, header: str) -> None:
        """The preflight, which carries no cookie, allows JSON and a JWT."""
        asks = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": header,
        }

        answer = page.options(
            "/api/heygen/start", base_url=self.OURS, headers={**self.NAMED, **asks}
        )

        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] == self.NAMED["Origin"]
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Access-Control-Allow-Headers"] == header

    def test_is_refused_unless_it_is_named(self, page: FlaskClient, simulator: Simulator) -> None:
        """A page of another site is refused, although the browser sends the cookie."""
        page.get("/login?user=ada", base_url=self.OURS)
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

        refused = self.fetch(page, "start", headers)

        assert error_of(refused) == (403, "cross_site")
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert simulator.calls == ()


class TestProxy:
    FORWARDED: ClassVar = {
        "X-Forwarded-For": "192.0.2.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "www.example.com",
    }
    OLDER: ClassVar = {"Origin": "https://www.example.com"}
    NEWER: ClassVar = {**OLDER, "Sec-Fetch-Site": "same-origin"}

    @pytest.mark.parametrize(
        ("fixed", "browser", "status"),
        [
            pytest.param(True, OLDER, 200, id="with ProxyFix, an older browser"),
            pytest.param(True, NEWER, 200, id="with ProxyFix"),
            pytest.param(False, OLDER, 403, id="without, an older browser"),
            pytest.param(False, NEWER, 200, id="without"),
        ],
    )
    def test_hides_our_name(
        self, simulator: Simulator, fixed: bool, browser: dict[str, str], status: int
    ) -> None:
        """ProxyFix is needed only for browsers without Sec-Fetch-Site."""
        page = Shop("proxy" if fixed else "csrf_exempt", simulator).page("ada")

        answer = post(page, "start", headers={**self.FORWARDED, **browser})

        assert answer.status_code == status
        assert answer.mimetype == JSON


class TestTrustedHosts:
    @pytest.mark.parametrize(
        ("host", "status"), [("www.example.com", 200), ("evil.example", 400), ("localhost", 400)]
    )
    def test_are_the_only_ones(self, simulator: Simulator, host: str, status: int) -> None:
        """A page under another host name that resolves to this server is refused."""
        page = Shop("trusted_hosts", simulator).page()
        headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

        answer = page.post("/api/heygen/start", base_url=f"http://{host}", json={}, headers=headers)

        assert answer.status_code == status
        assert status == 200 or error_of(answer) == (400, "bad_request")
        assert bool(simulator.calls) == (status == 200)


class TestHostApp:
    @pytest.fixture
    def shop(self, simulator: Simulator) -> Shop:
        return Shop("login", simulator)

    def test_keeps_its_own_pages(self, shop: Shop) -> None:
        """Its 404 is HTML beyond our prefix, and ours is JSON below it."""
        shop.app.register_error_handler(404, lambda _: ("<h1>Nothing here</h1>", 404))
        page = shop.page()

        theirs, ours = page.get("/nowhere"), page.get("/api/heygen/nowhere")

        assert theirs.text == "<h1>Nothing here</h1>"
        assert error_of(ours) == (404, "not_found")

    def test_may_take_smaller_bodies(self, simulator: Simulator) -> None:
        """Its own limit holds below our prefix, in JSON."""
        page = Shop("login", simulator, MAX_CONTENT_LENGTH=100).page("ada")

        refused = post(page, "task", session_id="any", text="x" * 100)

        assert error_of(refused) == (413, "body_too_large")

    @pytest.mark.parametrize(
        ("error", "expected", "wait"),
        [
            (Unauthorized(), (401, "not_signed_in"), None),
            (Forbidden("Not on Sundays."), (403, "forbidden"), None),
            (TooManyRequests(), (429, "rate_limited"), None),
            (TooManyRequests(retry_after=90), (429, "rate_limited"), 90),
        ],
    )
    def test_may_refuse(
        self, shop: Shop, error: Any, expected: tuple[int, str], wait: int | None
    ) -> None:
        """An error that it raises is answered in JSON, with its Retry-After if it has one."""

        @shop.app.before_request
        def refuse() -> None:
            raise error

        refused = post(shop.page(), "start")

        assert error_of(refused) == expected
        assert refused.get_json()["error"].get("retry_after") == wait
        assert refused.headers.get("Retry-After", type=int) == wait


class TestCron:
    def test_can_have_cron_stop_what_is_old(self) -> None:
        """The README's line stops older sessions and no others, without a question."""
        [line] = re.findall(r"flask --app shop (heygen stop .*)$", README, re.MULTILINE)
        defaults = {"activity_idle_timeout": 3600}
        with Simulator(session_seconds=7200) as simulator:
            shop = Shop("login", simulator, HEYGEN_SESSION_DEFAULTS=defaults)
            page = shop.page("ada")
            session_id = start(page)
            for _ in range(2):
                post(page, "keep-alive", session_id=session_id)
                simulator.advance(50 * 60)
            start(page)

            ran = shop.app.test_cli_runner().invoke(args=shlex.split(line))

            assert ran.exit_code == 0, ran.output
            assert ran.output == "1 stopped, 0 failed.\n"
            assert states(simulator) == ["closed", "connected"]


class TestInterviewLog:
    def test_tells_an_interview(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It names the owner and the number of characters, never the text."""
        page = Shop("interview_log", simulator).page("ada")

        with caplog.at_level(logging.INFO, "interviews"):
            session_id = start(page)
            post(page, "task", session_id=session_id)
            post(page, "stop", session_id=session_id)

        [vendors] = simulator.sessions
        assert [each.message for each in caplog.records if each.name == "interviews"] == [
            f"{vendors}: started by ada",
            f"{vendors}: {len(TEXT)} characters spoken",
            f"{vendors}: stopped by ada",
        ]


class TestInstance:
    def test_needs_no_registration_to_be_used_from_python(self, simulator: Simulator) -> None:
        """An app whose server chooses the texts need not register the blueprint."""
        app = Flask("host")
        app.config.update(TESTING=True, HEYGEN_API_KEY=constants.KEY, HEYGEN_BASE_URL=simulator.url)
        client_of = HeyGen()

        with app.app_context():
            session_id = client_of.client.start()["session_id"]
            client_of.client.task(session_id, TEXT)

        assert simulator.texts == (TEXT,)
