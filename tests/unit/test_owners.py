"""Owners: with an owner_loader, a session belongs to the user who started it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from flask import Flask, Response, redirect, request
from flask.testing import FlaskClient
from werkzeug.local import LocalProxy
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.simulator import Simulator
from tests.constants import KEY

ROUTES = ["task", "stop", "interrupt", "keep-alive"]


#: The key of another account.
COACH = "the-key-of-the-coach-alone"


def user_in_header() -> str | None:
    return request.headers.get("X-User")


def make_app(
    simulator: Simulator, owner_loader: Callable[[], object] = user_in_header, **config: Any
) -> Flask:
    """Make an app whose users say who they are in a header, or as ``owner_loader`` has it."""
    app = Flask(__name__)
    app.config.update(
        {
            "TESTING": True,
            "SECRET_KEY": "a secret of the host",
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": simulator.url,
            **config,
        }
    )
    blueprint = HeyGen()
    blueprint.owner_loader(owner_loader)
    app.register_blueprint(blueprint)
    return app


def post(page: FlaskClient, route: str, user: str | None, **body: Any) -> TestResponse:
    headers = {} if user is None else {"X-User": user}
    if route == "task":
        body.setdefault("text", "Tell me about yourself.")
    return page.post(f"/api/heygen/{route}", json=body, headers=headers)


def code(response: TestResponse) -> Any:
    assert response.json is not None
    return response.json.get("error", {}).get("code")


def started(response: TestResponse) -> str:
    """Return the session_id that *start* answered."""
    assert response.json is not None
    return str(response.json["data"]["session_id"])


class Later:
    """The return value of an asynchronous loader, or of one that is wrapped."""

    def __await__(self) -> Iterator[None]:
        yield


class Named:
    """A user's id of a class with its own ``__str__``, as bson.ObjectId is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


class Row(tuple[Any, ...]):
    """A row with its own ``__str__``."""

    __slots__ = ()

    def __str__(self) -> str:
        return "a row"


class Column(Named):
    """A column read of its class (``User.id``), as SQLAlchemy has it: a descriptor."""

    def __init__(self) -> None:
        super().__init__("User.id")

    def __get__(self, instance: object, owner: type | None = None) -> object:
        return self


class Guest(Named):
    """A stranger of Flask-Login with a name, which all strangers have."""

    is_authenticated = False


class Role(Enum):
    GUEST = 1


class RoleName(str, Enum):
    GUEST = "guest"


#: Users' ids, each with another one.
IDS: list[tuple[Any, Any]] = [
    ("ada", "eve"),
    (7, 8),
    (0, 1),
    (UUID(int=7), UUID(int=8)),
    (Named("ada"), Named("eve")),
    (LocalProxy(lambda: Named("ada")), Named("eve")),
]
ID_NAMES = ["str", "int", "zero", "UUID", "object", "proxy"]
#: What a loader may return for nobody.
NOBODY = [None, "", " \n", b"", Named(""), Guest("guest"), LocalProxy(lambda: None)]
#: Return values that are no ids, and that all strangers may share.
NO_IDS: list[object] = [
    Response("Please sign in.", 401),
    redirect("/login"),
    (Response("Please sign in."), 401),
    False,
    True,
    Later(),
    {},
    [],
    (None,),
    Row((None,)),
    iter(()),
    float("nan"),
    Decimal("NaN"),
    7.0,
    b"ada",
    ValueError("expired"),
    object(),
    LocalProxy(object),
    Named,
    Named("ada").__str__,
    Column(),
    Role.GUEST,
    RoleName.GUEST,
]
NO_ID_NAMES = [f"{i}-{each.__class__.__name__}" for i, each in enumerate(NO_IDS)]


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def page(simulator: Simulator) -> FlaskClient:
    return make_app(simulator).test_client()


@pytest.fixture
def handle(page: FlaskClient) -> str:
    """Return the id of a session that Ada has started."""
    return started(post(page, "start", "ada"))


class TestTheOwner:
    def test_commands_the_session(
        self, page: FlaskClient, simulator: Simulator, handle: str
    ) -> None:
        """A page sends back the id that it got, on every route."""
        statuses = [post(page, route, "ada", session_id=handle).status_code for route in ROUTES]

        assert statuses == [200, 200, 410, 410]
        assert simulator.texts == ("Tell me about yourself.",)

    def test_never_sees_the_vendors_id(
        self, page: FlaskClient, simulator: Simulator, handle: str
    ) -> None:
        """The id of a page is a handle."""
        assert handle not in simulator.sessions
        assert len(simulator.sessions) == 1

    @pytest.mark.parametrize(("owner", "another"), IDS, ids=ID_NAMES)
    def test_may_have_an_id_of_these_types(
        self, simulator: Simulator, owner: object, another: object
    ) -> None:
        """Strings, integers, UUIDs, and objects whose class says how they read."""
        users = iter([owner, another, owner])
        page = make_app(simulator, lambda: next(users)).test_client()

        handle = started(post(page, "start", None))
        refused = post(page, "stop", None, session_id=handle)
        stopped = post(page, "stop", None, session_id=handle)

        assert code(refused) == "not_your_session"
        assert stopped.status_code == 200


class TestNobody:
    @pytest.mark.parametrize("route", ["start", "task", "interrupt", "keep-alive"])
    def test_can_do_anything(self, page: FlaskClient, simulator: Simulator, route: str) -> None:
        """Without a user every route but stop is a 401, before the vendor hears of it."""
        body = {} if route == "start" else {"session_id": "any"}

        refused = post(page, route, None, **body)

        assert (refused.status_code, code(refused)) == (401, "not_signed_in")
        assert simulator.calls == ()

    def test_is_told_so_before_the_body_is_read(self, page: FlaskClient) -> None:
        """A stranger learns nothing of what a route takes."""
        refused = page.post("/api/heygen/task", data=b"\xff")

        assert refused.status_code == 401

    def test_may_stop(self, page: FlaskClient, simulator: Simulator, handle: str) -> None:
        """After logout the page can still end the session that costs money."""
        stopped = post(page, "stop", None, session_id=handle)

        assert stopped.status_code == 200
        assert [each.state for each in simulator.sessions.values()] == ["closed"]


class TestAnotherUser:
    @pytest.mark.parametrize("route", ROUTES)
    def test_is_refused(
        self, page: FlaskClient, simulator: Simulator, handle: str, route: str
    ) -> None:
        """Eve commands Ada's session on no route, and the vendor hears nothing of it."""
        before = len(simulator.calls)

        refused = post(page, route, "eve", session_id=handle)

        assert (refused.status_code, code(refused)) == (403, "not_your_session")
        assert len(simulator.calls) == before

    @pytest.mark.parametrize("route", ROUTES)
    @pytest.mark.parametrize("forged", ["raw", "truncated", "changed", "number"])
    def test_is_refused_with_a_forgery(
        self, page: FlaskClient, simulator: Simulator, handle: str, route: str, forged: str
    ) -> None:
        """The vendor's own id, a truncated handle or a changed one is nobody's session."""
        changed = ("x" if handle[0] != "x" else "y") + handle[1:]
        raw = next(iter(simulator.sessions))
        held = {"raw": raw, "truncated": handle[:-2], "changed": changed, "number": 7}[forged]

        refused = post(page, route, "ada", session_id=held)

        assert (refused.status_code, code(refused)) == (403, "not_your_session")

    def test_is_refused_with_a_handle_of_another_account(self, simulator: Simulator) -> None:
        """Two accounts of one app, with one secret, do not read each other's handles."""
        app = make_app(simulator, COACH_API_KEY=COACH, COACH_BASE_URL=simulator.url)
        coach = HeyGen("coach", config_prefix="COACH")
        coach.owner_loader(lambda: request.headers.get("X-User"))
        app.register_blueprint(coach)
        page = app.test_client()

        started = page.post("/api/coach/start", json={}, headers={"X-User": "ada"}).json
        assert started is not None
        refused = post(page, "stop", "ada", session_id=started["data"]["session_id"])

        assert (refused.status_code, code(refused)) == (403, "not_your_session")

    def test_is_refused_with_a_handle_of_another_blueprint(self, simulator: Simulator) -> None:
        """Two loaders of one account may give two people the same id: customers, and staff."""
        app = make_app(simulator)
        staff = HeyGen("staff")
        staff.owner_loader(lambda: request.headers.get("X-User"))
        app.register_blueprint(staff)
        page = app.test_client()

        started = page.post("/api/staff/start", json={}, headers={"X-User": "7"}).json
        assert started is not None
        refused = post(page, "stop", "7", session_id=started["data"]["session_id"])

        assert (refused.status_code, code(refused)) == (403, "not_your_session")


class TestTime:
    @pytest.fixture
    def later(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
        now = time.time()
        return lambda seconds: monkeypatch.setattr(time, "time", lambda: now + seconds)

    @pytest.mark.parametrize("route", ["task", "interrupt", "keep-alive"])
    def test_ends_a_session(
        self, page: FlaskClient, handle: str, later: Callable[[float], None], route: str
    ) -> None:
        """Past HEYGEN_MAX_SESSION_SECONDS the page has to start a new session."""
        later(3700)

        refused = post(page, route, "ada", session_id=handle)

        assert (refused.status_code, code(refused)) == (410, "session_expired")
        assert refused.json is not None
        assert refused.json["error"]["restart_session"] is True

    def test_never_ends_the_right_to_stop(
        self, page: FlaskClient, handle: str, later: Callable[[float], None]
    ) -> None:
        """An expired handle still ends the session."""
        later(90_000)

        assert post(page, "stop", "ada", session_id=handle).status_code == 200

    def test_may_be_half_a_minute_behind(
        self, page: FlaskClient, handle: str, later: Callable[[float], None]
    ) -> None:
        """A handle from a machine whose clock is 30 s ahead works."""
        later(-30)

        assert post(page, "task", "ada", session_id=handle).status_code == 200


class TestTheSecretKey:
    def test_may_be_rotated(self, simulator: Simulator) -> None:
        """Handles survive through SECRET_KEY_FALLBACKS."""
        app = make_app(simulator)
        page = app.test_client()
        session = post(page, "start", "ada").json
        assert session is not None

        app.config.update(SECRET_KEY="a new one", SECRET_KEY_FALLBACKS=["a secret of the host"])
        spoken = post(page, "task", "ada", session_id=session["data"]["session_id"])

        assert spoken.status_code == 200

    def test_is_needed(self, simulator: Simulator) -> None:
        """Without one nothing is started, and the answer says what to set."""
        page = make_app(simulator, SECRET_KEY=None).test_client()

        refused = post(page, "start", "ada")

        assert (refused.status_code, code(refused)) == (503, "not_configured")
        assert "SECRET_KEY" in refused.text
        assert simulator.calls == ()

    def test_is_missed_while_nobody_can_sign_in(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The page reads that it must sign in, and the log once why that cannot help."""
        page = make_app(simulator, SECRET_KEY=None).test_client()

        refused = [post(page, "start", None) for _ in range(2)]

        assert [code(each) for each in refused] == ["not_signed_in"] * 2
        assert caplog.text.count("The app has no SECRET_KEY") == 1

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SECRET_KEY", 12345678),  # as from_prefixed_env reads digits
            ("SECRET_KEY_FALLBACKS", "an old secret"),  # each letter of it would sign
            ("SECRET_KEY_FALLBACKS", [12345678]),
            ("SECRET_KEY_FALLBACKS", [""]),
        ],
    )
    def test_is_a_text(self, simulator: Simulator, name: str, value: object) -> None:
        """Nothing is started that could not be signed, or that anybody could sign."""
        app = make_app(simulator)
        app.config[name] = value
        page = app.test_client()

        refused = post(page, "start", "ada")

        assert (refused.status_code, code(refused)) == (503, "not_configured")
        assert refused.json is not None
        assert refused.json["error"]["message"].startswith(f"{name} ")
        assert str(value) not in refused.text
        assert simulator.calls == ()


class TestTheLoader:
    @pytest.mark.parametrize("loader", ["owner_loader", "text_loader", "session_loader"])
    def test_comes_before_the_registration(self, loader: str) -> None:
        """Later it raises Flask's own error, as it would serve other apps, too."""
        blueprint = HeyGen()
        Flask(__name__).register_blueprint(blueprint)

        with pytest.raises(AssertionError, match=f"'{loader}' can no longer be called"):
            getattr(blueprint, loader)(lambda: None)

    def test_serves_its_own_app(self, simulator: Simulator) -> None:
        """Each app that a factory makes has the loader of its own instance."""
        ada, eve = (make_app(simulator, lambda user=user: user).test_client() for user in "ae")  # type: ignore[misc]

        handle = started(post(ada, "start", None))

        assert code(post(eve, "stop", None, session_id=handle)) == "not_your_session"

    @pytest.mark.parametrize("loaded", NO_IDS, ids=NO_ID_NAMES)
    def test_that_returns_no_id_is_a_fault(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture, loaded: object
    ) -> None:
        """500, the log names the type, and nothing is started."""
        page = make_app(simulator, lambda: loaded, TESTING=False).test_client()

        refused = post(page, "start", None)

        assert (refused.status_code, code(refused)) == (500, "internal_error")
        assert f"The owner_loader returned a {loaded.__class__.__name__};" in caplog.text
        assert simulator.calls == ()

    @pytest.mark.parametrize(
        "loaded",
        NOBODY,
        ids=["None", "empty", "blank", "no bytes", "an object", "a guest", "a proxy of None"],
    )
    def test_may_say_nobody(self, simulator: Simulator, loaded: object) -> None:
        """As ``session.get("user_id", "")`` does."""
        refused = post(make_app(simulator, lambda: loaded).test_client(), "start", None)

        assert (refused.status_code, code(refused)) == (401, "not_signed_in")

    @pytest.mark.parametrize("loaded", [str(None), Named("None")], ids=["str", "object"])
    def test_that_returns_the_text_of_none_is_a_fault(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture, loaded: object
    ) -> None:
        """``str(session.get("user_id"))`` makes one user of all strangers."""
        page = make_app(simulator, lambda: loaded, TESTING=False).test_client()

        refused = post(page, "start", None)

        assert (refused.status_code, code(refused)) == (500, "internal_error")
        assert "The owner_loader returned 'None'" in caplog.text
        assert simulator.calls == ()

    def test_must_not_be_a_coroutine(self) -> None:
        """An async owner_loader is refused when it is set, not at the first request."""

        async def owner() -> None:
            return None

        for load in (owner, partial(owner)):
            with pytest.raises(TypeError, match="must not be a coroutine"):
                HeyGen().owner_loader(load)

    @pytest.mark.parametrize("name", ["owner_loader", "text_loader", "session_loader"])
    @pytest.mark.parametrize("value", [None, "ada"])
    def test_must_be_a_function(self, name: str, value: Any) -> None:
        """Otherwise None would leave the routes open, and a string fail at the first request."""
        register = getattr(HeyGen(), name)

        with pytest.raises(TypeError, match=f"must be a function, not {type(value).__name__}"):
            register(value)

    @pytest.mark.parametrize(
        ("config", "warned"),
        [({"TESTING": False}, True), ({"TESTING": True}, False), ({"DEBUG": True}, False)],
    )
    def test_is_missed(
        self,
        simulator: Simulator,
        caplog: pytest.LogCaptureFixture,
        config: dict[str, Any],
        warned: bool,
    ) -> None:
        """The first request of an app in production without one logs that the routes are open."""
        app = Flask(__name__)
        app.config.update(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url, **config)
        app.register_blueprint(HeyGen())
        page = app.test_client()

        with caplog.at_level(logging.WARNING):
            for _ in range(2):
                page.post("/api/heygen/stop", json={"session_id": "any"})

        assert ["routes of the blueprint" in each for each in caplog.messages] == [True] * warned

    def test_is_not_missed_where_no_route_is(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Of an app that calls the client alone, nothing is open."""
        app = Flask(__name__)
        app.config.update(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url)

        with app.app_context():
            HeyGen().client.check()

        assert caplog.messages == []

    def test_is_missed_by_each_blueprint(
        self, simulator: Simulator, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Also by one that shares its account with another that has a loader."""
        app = make_app(simulator, TESTING=False)
        app.register_blueprint(HeyGen("demo"))
        page = app.test_client()

        for name in ("heygen", "demo"):
            page.post(f"/api/{name}/stop", json={"session_id": "any"})

        warned = [each for each in caplog.messages if "routes of the blueprint" in each]
        assert len(warned) == 1
        assert "'demo'" in warned[0]
