"""The README's recipes: each runs as it is printed, and does what is said of it."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, ClassVar

import jwt
import pytest
from blinker import ANY
from flask import Blueprint, Flask, render_template_string, session
from flask.testing import FlaskClient
from flask_limiter import Limiter
from flask_login import current_user, login_required
from flask_wtf import CSRFProtect
from gunicorn.config import Timeout
from werkzeug.exceptions import Forbidden, TooManyRequests, Unauthorized
from werkzeug.test import TestResponse

from flask_heygen import HeyGen, session_started, session_stopped, task_sent
from flask_heygen.settings import Settings
from flask_heygen.simulator import Simulator
from tests import constants
from tests.servers.machines import Visitor, redis_server
from tests.servers.readme import README, SHOP, blocks, host

TEXT = "Tell me about yourself."
KEY = "a key of the host for its own tokens"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"

#: The README's own sections and recipes: for each Python block, what it answers to somebody who
#: has not signed in, nor sent a CSRF token, and is not at a host that it names.
TRIED = {
    "Whose session it is": (403,),
    "Flask-Login": (403,),
    "A JWT in a header": (403,),
    "CSRFProtect": (200, 400),
    "Flask-Limiter on Redis": (200,),
    "A front end on another origin": (200,),
    "Behind a proxy": (200,),
    "TRUSTED_HOSTS": (400,),
    "An interview log in ten lines": (200,),
}


class Shop:
    """A host's app that follows recipes, one after the other."""

    def __init__(self, simulator: Simulator, **config: Any) -> None:
        self.names: dict[str, Any] = {"__name__": "shop"}
        exec(compile(SHOP.read_text(), SHOP, "exec"), self.names)
        self.app: Flask = self.names["app"]
        self.app.config.update(
            TESTING=True,
            SECRET_KEY="a secret of the host",
            HEYGEN_API_KEY=constants.KEY,
            HEYGEN_BASE_URL=simulator.url,
            JWT_KEY=KEY,
        )
        self.app.config.update(config)

    def follow(self, title: str, number: int = 0) -> Shop:
        exec(compile(blocks(title)[number], f"README, {title}", "exec"), self.names)
        return self

    def page(self, user: str | None = None) -> FlaskClient:
        """Return the browser of a user, signed in."""
        page = self.app.test_client()
        if user is not None:
            page.get(f"/login?user={user}")
        return page


def post(page: FlaskClient, route: str, *, headers: Any = None, **body: Any) -> TestResponse:
    if route == "task":
        body.setdefault("text", TEXT)
    return page.post(f"/api/heygen/{route}", json=body, headers=headers)


def start(page: FlaskClient, headers: Any = None) -> str:
    """Start a session and return its ``session_id``."""
    started = post(page, "start", headers=headers)

    assert started.status_code == 200
    return str(started.get_json()["data"]["session_id"])


def told(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the code of an error, which must be in JSON."""
    assert answer.mimetype == JSON
    return answer.status_code, answer.get_json()["error"]["code"]


def states(simulator: Simulator) -> list[str]:
    return [each.state for each in simulator.sessions.values()]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(concurrent_limit=100) as simulator:
        yield simulator


@pytest.fixture
def shop(simulator: Simulator) -> Shop:
    return Shop(simulator)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Let no receiver of one test hear the next; a cycle may keep it alive for a while."""
    yield
    for signal in (session_started, task_sent, session_stopped):
        for receiver in list(signal.receivers_for(ANY)):
            signal.disconnect(receiver)


class TestARecipe:
    @pytest.mark.parametrize(
        ("title", "number", "status"),
        [(title, *each) for title in TRIED for each in enumerate(TRIED[title])],
    )
    def test_can_be_pasted(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch, title: str, number: int, status: int
    ) -> None:
        """Alone in an app it leaves routes that answer in JSON."""
        monkeypatch.setenv("REDIS_URL", "redis://localhost")

        answer = post(shop.follow(title, number).page(), "stop", session_id="any")

        assert (answer.status_code, answer.mimetype) == (status, JSON)

    def test_is_in_the_table(self) -> None:
        """No Python block below Recipes goes untried."""
        recipes = README.read_text().split("\n## Recipes\n")[1].split("\n## ")[0]
        titles = re.findall(r"^### (.*)$", recipes, re.MULTILINE)

        assert all(len(blocks(each)) == len(TRIED[each]) for each in TRIED)
        # gunicorn's is no module of an app; test_servers.py has gunicorn follow it.
        assert {each for each in titles if blocks(each)} <= {*TRIED, "gunicorn"}


@pytest.mark.parametrize("title", ["Whose session it is", "Flask-Login"])
class TestALogin:
    @pytest.fixture
    def shop(self, simulator: Simulator, title: str) -> Shop:
        return Shop(simulator).follow(title)

    def test_is_enough(self, shop: Shop, simulator: Simulator) -> None:
        """Who is signed in starts, speaks and stops."""
        page = shop.page("ada")

        session_id = start(page)
        spoken = post(page, "task", session_id=session_id)
        stopped = post(page, "stop", session_id=session_id)

        assert (spoken.status_code, stopped.status_code) == (200, 200)
        assert simulator.texts == (TEXT,)

    def test_is_needed(self, shop: Shop, simulator: Simulator) -> None:
        """Who is not signed in gets a 401 in JSON, and the vendor hears nothing."""
        refused = post(shop.page(), "start")

        assert told(refused) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_of_another_is_no_good(self, shop: Shop) -> None:
        """Eve speaks in no session of Ada's, and stops none."""
        session_id = start(shop.page("ada"))
        eve = shop.page("eve")

        refused = [told(post(eve, route, session_id=session_id)) for route in ("task", "stop")]

        assert refused == [(403, "not_your_session")] * 2

    def test_may_be_over_for_a_stop(self, shop: Shop, simulator: Simulator) -> None:
        """After logout the session can be stopped, and nothing else be done with it."""
        page = shop.page("ada")
        session_id = start(page)
        page.get("/logout")

        spoken = post(page, "task", session_id=session_id)
        stopped = post(page, "stop", session_id=session_id)

        assert told(spoken) == (401, "not_signed_in")
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]


class TestALoginAskedForEverywhere:
    @pytest.fixture
    def shop(self, shop: Shop) -> Shop:
        """Return an app that has Flask-Login stand before every route."""
        shop.app.get("/account", endpoint="account")(login_required(str))

        @shop.app.before_request
        def sign_in_first() -> Any:
            if not current_user.is_authenticated:
                return shop.names["login_manager"].unauthorized()
            return None

        return shop

    def test_is_a_401_below_our_prefix(self, shop: Shop) -> None:
        """A page's fetch can read it."""
        refused = post(shop.follow("Flask-Login").page(), "start")

        assert told(refused) == (401, "not_signed_in")

    def test_stays_a_redirect_beyond_it(self, shop: Shop) -> None:
        """The host's own pages lead to its login as before."""
        refused = shop.follow("Flask-Login").page().get("/account")

        assert refused.status_code == 302
        assert refused.location.startswith("/login")

    def test_is_a_redirect_without_the_line(self, shop: Shop) -> None:
        """That is what the recipe's last line is for."""
        assert post(shop.page(), "start").status_code == 302


class TestAJwt:
    @pytest.fixture
    def shop(self, shop: Shop) -> Shop:
        return shop.follow("A JWT in a header")

    def bearer(self, user: str, **claims: Any) -> dict[str, str]:
        token = jwt.encode({"sub": user, "exp": time.time() + 60, **claims}, KEY)
        return {"Authorization": f"Bearer {token}"}

    def test_says_whose_session_it_is(self, shop: Shop, simulator: Simulator) -> None:
        """Its subject speaks, and the subject of another does not."""
        page = shop.page()
        session_id = start(page, self.bearer("ada"))

        spoken = post(page, "task", headers=self.bearer("ada"), session_id=session_id)
        refused = post(page, "task", headers=self.bearer("eve"), session_id=session_id)

        assert spoken.status_code == 200
        assert told(refused) == (403, "not_your_session")
        assert simulator.texts == (TEXT,)

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param("", id="none"),
            pytest.param("Bearer", id="empty"),
            pytest.param("Bearer a.b.c", id="nonsense"),
            pytest.param("Basic YWRhOmFkYQ==", id="another scheme"),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 1}, KEY)}",
                id="expired",
            ),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 9e9}, KEY + '!')}",
                id="another key",
            ),
            pytest.param(
                f"Bearer {jwt.encode({'sub': 'ada', 'exp': 9e9}, '', algorithm='none')}",
                id="unsigned",
            ),
            pytest.param(f"Bearer {jwt.encode({'sub': 'ada'}, KEY)}", id="for ever"),
            pytest.param(f"Bearer {jwt.encode({'exp': 9e9}, KEY)}", id="of nobody"),
        ],
    )
    def test_is_refused(self, shop: Shop, simulator: Simulator, header: str) -> None:
        """A token that is not good is no user."""
        refused = post(shop.page(), "start", headers={"Authorization": header})

        assert told(refused) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_is_not_needed_by_a_beacon(self, shop: Shop, simulator: Simulator) -> None:
        """It carries no header, and stops the session all the same."""
        page = shop.page()
        form = {"session_id": start(page, self.bearer("ada"))}

        stopped = page.post("/api/heygen/stop", data=form, content_type=FORM)

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]


class TestCsrfProtect:
    @pytest.fixture
    def shop(self, shop: Shop) -> Shop:
        """Return an app whose CSRFProtect is on for our routes, and a page with its token."""
        meta = blocks("CSRFProtect", "html")[0]
        shop.app.get("/interview", endpoint="interview")(lambda: render_template_string(meta))

        @shop.app.get("/clear")
        def clear() -> str:
            session.clear()
            return "Gone."

        return shop.follow("Flask-Login").follow("CSRFProtect", 1)

    def token(self, page: FlaskClient) -> str:
        found = re.search(r'content="([^"]+)"', page.get("/interview").text)
        assert found is not None
        return found[1]

    def test_asks_for_the_token(self, shop: Shop, simulator: Simulator) -> None:
        """Its 400 is JSON, with its own reason."""
        refused = post(shop.page("ada"), "start")

        assert told(refused) == (400, "bad_request")
        assert refused.get_json()["error"]["message"] == "The CSRF token is missing."
        assert simulator.calls == ()

    def test_takes_the_token_from_a_header(self, shop: Shop, simulator: Simulator) -> None:
        """The page's fetch starts and speaks."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}

        spoken = post(page, "task", headers=headers, session_id=start(page, headers))

        assert spoken.status_code == 200
        assert simulator.texts == (TEXT,)

    def test_takes_the_token_from_a_beacon(self, shop: Shop, simulator: Simulator) -> None:
        """The form that a page sends as it is left stops the session."""
        page = shop.page("ada")
        token = self.token(page)
        session_id = start(page, {"X-CSRFToken": token})

        bare = page.post("/api/heygen/stop", data={"session_id": session_id}, content_type=FORM)
        form = {"session_id": session_id, "csrf_token": token}
        stopped = page.post("/api/heygen/stop", data=form, content_type=FORM)

        assert told(bare) == (400, "bad_request")
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

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

    def test_ends_with_the_session_of_flask(self, shop: Shop) -> None:
        """A logout that clears it takes the right to stop away: stop first."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}
        session_id = start(page, headers)
        page.get("/clear")

        assert told(post(page, "stop", headers=headers, session_id=session_id))[0] == 400

    def test_leaves_the_size_of_a_body_bounded(self, shop: Shop) -> None:
        """It looks for its token in the body, before any blueprint's before_request."""
        page = shop.page("ada")
        headers = {"X-CSRFToken": self.token(page)}

        refused = post(page, "task", headers=headers, session_id="any", text="x" * (1 << 20))

        assert told(refused) == (413, "body_too_large")

    def test_tells_a_named_origin_too(self, simulator: Simulator) -> None:
        """A page of another origin can read the refusal."""
        shop = Shop(simulator).follow("A front end on another origin").follow("CSRFProtect", 1)
        origin = "https://app.example.com"

        refused = post(shop.page(), "start", headers={"Origin": origin})

        assert told(refused) == (400, "bad_request")
        assert refused.headers["Access-Control-Allow-Origin"] == origin


class TestAnExemption:
    def test_lets_a_page_call_without_a_token(self, shop: Shop) -> None:
        """Our routes ask for none."""
        assert start(shop.follow("CSRFProtect").page())

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
        refused = post(shop.follow("CSRFProtect").page(), "start", headers=headers)

        assert told(refused) == (403, "cross_site")
        assert simulator.calls == ()

    @pytest.mark.parametrize(("exempt", "status"), [("parent", 400), ("heygen_bp", 200)])
    def test_has_to_be_that_of_the_blueprint_itself(
        self, simulator: Simulator, exempt: str, status: int
    ) -> None:
        """Nested, ours is not exempt with its parent."""
        shop = Shop(simulator)
        shop.names["parent"] = parent = Blueprint("parent", "parent", url_prefix="/v1")
        parent.register_blueprint(shop.names["heygen_bp"])
        shop.app.register_blueprint(parent)
        CSRFProtect(shop.app).exempt(shop.names[exempt])

        answer = shop.page().post("/v1/api/heygen/start", json={})

        assert answer.status_code == status
        assert answer.mimetype == JSON


class TestALimit:
    def test_without_redis_fails_and_stop_does_not(
        self, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot be counted is not done, and what saves money is."""
        monkeypatch.setenv("REDIS_URL", "redis+unix:///nowhere/redis.sock")
        shop = Shop(simulator, PROPAGATE_EXCEPTIONS=False)
        page = shop.follow("Flask-Limiter on Redis").page()
        with shop.app.app_context():
            session_id = shop.names["heygen_bp"].client.start()["session_id"]

        failed = [told(post(page, route, session_id=session_id)) for route in ("start", "task")]
        stopped = post(page, "stop", session_id=session_id)

        assert failed == [(500, "internal_error")] * 2
        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

    def test_never_holds_a_stop_up(
        self, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not even one that the host has set for all its routes."""
        monkeypatch.setenv("REDIS_URL", "memory://")
        shop = Shop(simulator, RATELIMIT_DEFAULT="1 per day").follow("Flask-Limiter on Redis")
        page = shop.page()

        stopped = [post(page, "stop", session_id="gone").status_code for _ in range(3)]
        kept = [post(page, "keep-alive", session_id="gone").status_code for _ in range(2)]

        assert stopped == [200] * 3
        assert kept[-1] == 429

    def test_is_not_used_up_by_another_site(self, shop: Shop) -> None:
        """What the guard refuses is not counted against the user whose browser it came from."""
        Limiter(lambda: "ada", app=shop.app, default_limits=["1 per day"], storage_uri="memory://")
        page = shop.page()

        for _ in range(3):
            refused = post(page, "start", headers={"Sec-Fetch-Site": "cross-site"})

            assert told(refused) == (403, "cross_site")
        assert start(page)

    def test_of_every_route_tells_a_named_origin_too(self, shop: Shop) -> None:
        """A page of another origin can read the 429, and when to come back."""
        shop.follow("A front end on another origin")
        Limiter(
            lambda: "ada",
            app=shop.app,
            default_limits=["1 per day"],
            storage_uri="memory://",
            headers_enabled=True,
        )
        page = shop.page()
        headers = {"Origin": "https://app.example.com"}
        start(page, headers)

        refused = post(page, "start", headers=headers)

        assert told(refused) == (429, "rate_limited")
        assert refused.headers["Access-Control-Allow-Origin"] == headers["Origin"]
        assert refused.headers["Access-Control-Expose-Headers"] == "Retry-After"
        assert int(refused.headers["Retry-After"]) > 80_000


@contextmanager
def served(folder: Path, command: str, **environment: str) -> Iterator[str]:
    """Run gunicorn, as the README says it, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        server = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(command), "--bind", f"fd://{number}"],
            cwd=folder,
            env={**os.environ, "HOME": str(folder), **environment},
            pass_fds=[number],
        )
        port = listener.getsockname()[1]
    # Whoever calls now waits for the server, and is refused where it has died: the port is open
    # since before it started, and held by it alone.
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def settings_for(simulator: Simulator) -> dict[str, str]:
    """Return the environment in which ``shop.py`` finds its settings."""
    return {
        "FLASK_SECRET_KEY": "a secret of the host",
        "FLASK_HEYGEN_API_KEY": constants.KEY,
        "FLASK_HEYGEN_BASE_URL": simulator.url,
    }


@contextmanager
def two_servers(
    folder: Path, simulator: Simulator, *titles: str, **more: str
) -> Iterator[list[str]]:
    """Run an app that follows recipes on two ports, with the same settings."""
    (folder / "shop.py").write_text(host(*titles))
    settings = {**settings_for(simulator), **more}
    with ExitStack() as stack:
        command = "gunicorn --worker-class gthread --threads 2 shop:app"
        yield [stack.enter_context(served(folder, command, **settings)) for _ in range(2)]


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, list[str]]]:
    """Run two servers that limit their users and share the counts, and the vendor of both."""
    recipes = ("Flask-Login", "Flask-Limiter on Redis")
    folder = tmp_path_factory.mktemp("counting")
    with (
        redis_server() as redis,
        Simulator(concurrent_limit=100) as simulator,
        two_servers(folder, simulator, *recipes, REDIS_URL=redis) as servers,
    ):
        yield simulator, servers


class TestARateOnRedis:
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
    def test_share_a_session_and_nothing_else(self, simulator: Simulator, tmp_path: Path) -> None:
        """Started on one, spoken in on the other, stopped on the first, by the SECRET_KEY alone."""
        with (
            two_servers(tmp_path, simulator, "Flask-Login") as (one, other),
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
    COMMANDS = re.findall(
        r"^\$ (gunicorn .*)$", "".join(blocks("gunicorn", "console")), re.MULTILINE
    )

    @pytest.mark.parametrize("command", COMMANDS)
    def test_serves(self, simulator: Simulator, tmp_path: Path, command: str) -> None:
        """Each line of the README starts, speaks and stops."""
        shutil.copy(SHOP, tmp_path)
        with (
            served(tmp_path, command, **settings_for(simulator)) as server,
            Visitor(server, "ada") as ada,
        ):
            session_id = ada.start(server)
            spoken = ada.call(server, "task", session_id=session_id, text=TEXT)
            stopped = ada.call(server, "stop", session_id=session_id)

        assert (spoken.status_code, stopped.status_code) == (200, 200)
        assert simulator.texts == (TEXT,)

    def test_waits_long_enough(self) -> None:
        """Nothing is to be set: its time-out is 10 seconds above ours."""
        assert Timeout.default >= Settings(api_key="k").timeout + 10


class TestAnotherOrigin:
    OURS = "https://api.example.org"
    NAMED: ClassVar = {"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}

    @pytest.fixture
    def page(self, shop: Shop) -> FlaskClient:
        return shop.follow("Flask-Login").follow("A front end on another origin").page()

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
    def test_is_told_so_before(self, page: FlaskClient, header: str) -> None:
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
        """Any other site has the cookie sent along, and gets nothing for it."""
        page.get("/login?user=ada", base_url=self.OURS)
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

        refused = self.fetch(page, "start", headers)

        assert told(refused) == (403, "cross_site")
        assert "Access-Control-Allow-Origin" not in refused.headers
        assert simulator.calls == ()


class TestAProxy:
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
        self, shop: Shop, fixed: bool, browser: dict[str, str], status: int
    ) -> None:
        """Only a browser that does not say where its page is from needs ProxyFix to tell."""
        if fixed:
            shop.follow("Behind a proxy")

        answer = post(shop.page(), "start", headers={**self.FORWARDED, **browser})

        assert answer.status_code == status
        assert answer.mimetype == JSON


class TestTrustedHosts:
    @pytest.mark.parametrize(
        ("host", "status"), [("www.example.com", 200), ("evil.example", 400), ("localhost", 400)]
    )
    def test_are_the_only_ones(
        self, shop: Shop, simulator: Simulator, host: str, status: int
    ) -> None:
        """A page whose name has been pointed at our address is not taken for ours."""
        page = shop.follow("TRUSTED_HOSTS").page()
        headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}

        answer = page.post("/api/heygen/start", base_url=f"http://{host}", json={}, headers=headers)

        assert answer.status_code == status
        assert status == 200 or told(answer) == (400, "bad_request")
        assert bool(simulator.calls) == (status == 200)


class TestTheHost:
    def test_keeps_its_own_pages(self, shop: Shop) -> None:
        """Its 404 is HTML beyond our prefix, and ours is JSON below it."""
        shop.app.register_error_handler(404, lambda _: ("<h1>Nothing here</h1>", 404))
        page = shop.page()

        theirs, ours = page.get("/nowhere"), page.get("/api/heygen/nowhere")

        assert theirs.text == "<h1>Nothing here</h1>"
        assert told(ours) == (404, "not_found")

    def test_may_take_smaller_bodies(self, simulator: Simulator) -> None:
        """Its own limit holds below our prefix, in JSON."""
        page = Shop(simulator, MAX_CONTENT_LENGTH=100).page()

        refused = post(page, "task", session_id="any", text="x" * 100)

        assert told(refused) == (413, "body_too_large")

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
        """What it raises is told in JSON, with its own time to wait, if it has one."""

        @shop.app.before_request
        def refuse() -> None:
            raise error

        refused = post(shop.page(), "start")

        assert told(refused) == expected
        assert refused.get_json()["error"].get("retry_after") == wait
        assert refused.headers.get("Retry-After", type=int) == wait


class TestAnOperator:
    TITLE = "What an operator can type"

    def run(self, shop: Shop, line: str) -> list[str]:
        words = shlex.split(line)
        assert words[:3] == ["flask", "--app", "shop"]
        ran = shop.app.test_cli_runner().invoke(args=words[3:], input="y\n")
        assert ran.exit_code == 0, ran.output
        return ran.output.splitlines()

    def test_can_type_each_line(self, simulator: Simulator, shop: Shop) -> None:
        """They do as they are shown, and at the end nothing is live."""
        sessions = [start(shop.page()) for _ in range(2)]
        [console] = blocks(self.TITLE, "console")
        turns = [each.splitlines() for each in console.removeprefix("$ ").split("\n$ ")]

        outputs = {line: self.run(shop, line) for line, *_ in turns}

        shown = {line: output for line, *output in turns}
        check, listing = "flask --app shop heygen check", "flask --app shop heygen sessions"
        url = "https://api.heygen.com"
        assert [each.replace(simulator.url, url) for each in outputs[check]] == shown[check]
        stop = "flask --app shop heygen stop 8c0d7a52-9a4d-11f0-8d5e-0242ac120002"
        assert outputs[stop] == shown[stop]
        assert outputs[listing][0] == shown[listing][0]
        assert [each.split()[0] for each in outputs[listing][1:]] == sessions
        assert states(simulator) == ["closed", "closed"]

    def test_can_have_cron_type_it(self) -> None:
        """What is older than the line says is ended, nothing else, and nobody is asked."""
        [cron] = blocks(self.TITLE, "cron")
        with Simulator(session_seconds=7200) as simulator:
            shop = Shop(simulator, HEYGEN_SESSION_DEFAULTS={"activity_idle_timeout": 3600})
            page = shop.page()
            start(page)
            for _ in range(2):
                post(page, "keep-alive", session_id=next(iter(simulator.sessions)))
                simulator.advance(50 * 60)
            start(page)

            output = self.run(shop, cron[cron.index("flask --app") :])

            assert output == ["1 stopped, 0 failed."]
            assert states(simulator) == ["closed", "connected"]


class TestTheLog:
    def test_tells_an_interview(
        self, shop: Shop, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Who started, how much was said, who stopped, and never the text."""
        page = shop.follow("Flask-Login").follow("An interview log in ten lines").page("ada")

        with caplog.at_level(logging.INFO, "interviews"):
            session_id = start(page)
            post(page, "task", session_id=session_id)
            post(page, "stop", session_id=session_id)

        [vendors] = simulator.sessions
        assert [each.message for each in caplog.records if each.name == "interviews"] == [
            f"{vendors} started by ada",
            f"{vendors} has {len(TEXT)} characters spoken",
            f"{vendors} stopped by ada",
        ]

    def test_has_ten_lines(self) -> None:
        """Besides its imports."""
        [block] = blocks("An interview log in ten lines")

        lines = [each for each in block.splitlines() if each and " import" not in f" {each}"]

        assert len(lines) == 10


class TestAnInstance:
    def test_needs_no_registration_to_be_used_from_python(self, simulator: Simulator) -> None:
        """Where only the server may choose the words, there need be no routes."""
        app = Flask("host")
        app.config.update(TESTING=True, HEYGEN_API_KEY=constants.KEY, HEYGEN_BASE_URL=simulator.url)
        client_of = HeyGen()

        with app.app_context():
            session_id = client_of.client.start()["session_id"]
            client_of.client.task(session_id, TEXT)

        assert simulator.texts == (TEXT,)
