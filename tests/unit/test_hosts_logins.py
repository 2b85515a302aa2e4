"""Apps with logins: loaders that raise, tokens that expire, and session cookies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, abort, request, session
from flask.testing import FlaskClient
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    get_jwt_identity,
    verify_jwt_in_request,
)
from flask_login import LoginManager, UserMixin, current_user, login_user
from werkzeug.test import TestResponse

from flask_heygen import HeyGen
from flask_heygen.simulator import Simulator
from tests.constants import KEY

PREFIX = "/api/heygen"


@pytest.fixture(scope="module")
def running_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running_simulator: Simulator) -> Simulator:
    running_simulator.reset()
    return running_simulator


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    """Return an app without the blueprint, for a test to choose its loader."""
    app = Flask("host")
    app.config.update(
        SECRET_KEY="a secret of the host, of thirty-two",
        HEYGEN_API_KEY=KEY,
        HEYGEN_BASE_URL=simulator.url,
        HEYGEN_SPARE_TOKENS=0,
    )
    return app


def register(app: Flask, loader: Any) -> FlaskClient:
    heygen = HeyGen()
    heygen.owner_loader(loader)
    app.register_blueprint(heygen)
    return app.test_client()


def outcome(response: TestResponse) -> tuple[int, Any]:
    body = response.get_json()
    return response.status_code, body.get("error", {}).get("code")


def start(page: FlaskClient, **options: Any) -> dict[str, Any]:
    response = page.post(f"{PREFIX}/start", json={}, **options)
    assert response.status_code == 200, response.text
    return {"session_id": response.get_json()["data"]["session_id"]}


def states(simulator: Simulator) -> list[str]:
    return [each.state for each in simulator.sessions.values()]


class TestJWTExtended:
    @pytest.fixture
    def page(self, app: Flask) -> FlaskClient:
        JWTManager(app)

        def owner() -> Any:
            verify_jwt_in_request(optional=True)
            return get_jwt_identity()

        return register(app, owner)

    @staticmethod
    def headers(app: Flask, user: str, **options: Any) -> dict[str, str]:
        with app.app_context():
            return {"Authorization": f"Bearer {create_access_token(user, **options)}"}

    def expired(self, app: Flask) -> dict[str, str]:
        return self.headers(app, "ada", expires_delta=timedelta(seconds=-1))

    @pytest.mark.parametrize("token", ["expired", "nonsense"])
    @pytest.mark.parametrize("route", ["start", "task", "interrupt", "keep-alive"])
    def test_refuses_a_token_in_our_words(
        self, app: Flask, page: FlaskClient, simulator: Simulator, token: str, route: str
    ) -> None:
        """Its own answer is ``{"msg": …}`` with 401, or 422 for what is not a token."""
        headers = {"expired": self.expired(app), "nonsense": {"Authorization": "Bearer a.b.c"}}

        refused = page.post(f"{PREFIX}/{route}", json={}, headers=headers[token])

        assert outcome(refused) == (401, "not_signed_in")
        assert refused.get_json().keys() == {"status", "error"}
        assert simulator.calls == ()

    def test_keeps_its_answers_elsewhere(self, app: Flask, page: FlaskClient) -> None:
        """The app's own routes answer as they did."""

        @app.get("/own")
        def own() -> str:
            verify_jwt_in_request()
            return "own"

        assert page.get("/own", headers=self.expired(app)).get_json().keys() == {"msg"}

    @pytest.mark.parametrize("token", ["expired", "nonsense", "none"])
    def test_never_keeps_a_session_from_its_stop(
        self, app: Flask, page: FlaskClient, simulator: Simulator, token: str
    ) -> None:
        """A login that expires in the middle of an interview leaves no session running."""
        body = start(page, headers=self.headers(app, "ada"))
        bad = {"expired": self.expired(app), "nonsense": {"Authorization": "Bearer a.b.c"}}

        stopped = page.post(f"{PREFIX}/stop", json=body, headers=bad.get(token))

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

    def test_still_tells_users_apart(self, app: Flask, page: FlaskClient) -> None:
        """Another user who is signed in stops nothing."""
        body = start(page, headers=self.headers(app, "ada"))

        refused = page.post(f"{PREFIX}/stop", json=body, headers=self.headers(app, "eve"))

        assert outcome(refused) == (403, "not_your_session")


class TestALoaderThatRaises:
    @pytest.fixture
    def page(self, app: Flask) -> FlaskClient:
        """Return a page whose loader does what a header says."""

        def owner() -> Any:
            match request.headers.get("X-Loader"):
                case "fails":
                    raise ZeroDivisionError
                case "refuses":
                    abort(401)
                case "returns a response":
                    return "Please sign in.", 401
            return "ada"

        return register(app, owner)

    @pytest.mark.parametrize("how", ["fails", "refuses", "returns a response"])
    def test_never_keeps_a_session_from_its_stop(
        self, page: FlaskClient, simulator: Simulator, how: str
    ) -> None:
        """A good handle is enough."""
        body = start(page)

        stopped = page.post(f"{PREFIX}/stop", json=body, headers={"X-Loader": how})

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]

    @pytest.mark.parametrize("how", ["fails", "refuses", "returns a response"])
    def test_lets_nobody_stop_with_a_forged_handle(
        self, page: FlaskClient, simulator: Simulator, how: str
    ) -> None:
        """Its failure counts as nobody signed in, not as everybody."""
        start(page)
        raw = {"session_id": next(iter(simulator.sessions))}

        refused = page.post(f"{PREFIX}/stop", json=raw, headers={"X-Loader": how})

        assert outcome(refused) == (403, "not_your_session")
        assert states(simulator) != ["closed"]

    @pytest.mark.parametrize("route", ["stop", "task"])
    def test_is_logged_if_it_is_at_fault(
        self, page: FlaskClient, caplog: pytest.LogCaptureFixture, route: str
    ) -> None:
        """With its traceback; another route than *stop* answers 500."""
        body = start(page)

        answer = page.post(f"{PREFIX}/{route}", json=body, headers={"X-Loader": "fails"})

        assert answer.status_code == (200 if route == "stop" else 500)
        assert "ZeroDivisionError" in caplog.text

    def test_that_refuses_is_not_logged(
        self, page: FlaskClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        """``abort(401)`` is how a loader may say that nobody is signed in."""
        body = start(page)
        caplog.clear()

        stopped = page.post(f"{PREFIX}/stop", json=body, headers={"X-Loader": "refuses"})
        refused = page.post(f"{PREFIX}/task", json=body, headers={"X-Loader": "refuses"})

        assert stopped.status_code == 200
        assert outcome(refused) == (401, "not_signed_in")
        assert caplog.messages == []


def change_session(when: str) -> None:
    """Change the app's session if the query says so: a value of it, or a value inside of one."""
    change = request.args.get("change")
    if change == when:
        session["seen"] = "now"
    if change == f"inside, {when}":
        session["roles"].append("admin")
        session.modified = True


class TestASessionCookie:
    @pytest.fixture
    def page(self, app: Flask) -> FlaskClient:
        """Return the page of a user, whose session is permanent and slides with each request.

        By the query, the app changes the session, makes it permanent as many apps do with each
        request, or sets another cookie during a request.
        """

        @app.get("/login")
        def login() -> str:
            session.permanent = True
            session["user"] = "ada"
            session["roles"] = []
            return "in"

        @app.get("/logout")
        def logout() -> str:
            session.clear()
            return "out"

        @app.before_request
        def before() -> None:
            change_session("before")
            if "permanent" in request.args:
                session.permanent = True

        @app.after_request
        def after(response: Any) -> Any:
            change_session("after")
            if "another" in request.args:
                response.set_cookie("session_seen", "yes")
            return response

        page = register(app, lambda: session.get("user"))
        page.get("/login")
        return page

    @pytest.mark.parametrize("query", ["", "?permanent"])
    def test_is_not_set_by_a_stop(
        self, page: FlaskClient, simulator: Simulator, query: str
    ) -> None:
        """A *stop* that is answered after the logout does not sign the user in again."""
        body = start(page)
        late = page.application.test_client()
        cookie = page.get_cookie("session")
        assert cookie is not None
        late.set_cookie("session", cookie.value)
        page.get("/logout")

        stopped = late.post(f"{PREFIX}/stop{query}", json=body)

        assert stopped.status_code == 200
        assert states(simulator) == ["closed"]
        assert stopped.headers.getlist("Set-Cookie") == []

    def test_may_hold_what_cannot_be_copied(
        self, page: FlaskClient, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A *stop* gets through though the session of a store in memory holds a lock."""
        body = start(page)
        load = page.application.session_interface.open_session

        def open_session(*args: Any) -> Any:
            opened = load(*args)
            assert opened is not None
            opened["lock"] = threading.Lock()
            return opened

        interface = page.application.session_interface
        monkeypatch.setattr(interface, "open_session", open_session)
        monkeypatch.setattr(interface, "save_session", lambda *_: None)

        assert page.post(f"{PREFIX}/stop", json=body).status_code == 200
        assert states(simulator) == ["closed"]

    @pytest.mark.parametrize("body", [{"session_id": "forged"}, {}])
    def test_is_not_set_by_a_stop_that_fails(self, page: FlaskClient, body: dict[str, str]) -> None:
        """Nor is it by an error."""
        refused = page.post(f"{PREFIX}/stop", json=body)

        assert refused.status_code in (403, 422)
        assert refused.headers.getlist("Set-Cookie") == []

    @pytest.mark.parametrize("route", ["start", "task", "interrupt", "keep-alive"])
    def test_slides_with_every_other_route(self, page: FlaskClient, route: str) -> None:
        """An interview keeps its user signed in, as the app's own pages do."""
        answer = page.post(f"{PREFIX}/{route}", json={})

        [cookie] = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith("session=")
        assert "Expires=" in cookie

    @pytest.mark.parametrize("change", ["before", "inside, before", "after"])
    def test_is_set_if_this_request_has_changed_it(self, page: FlaskClient, change: str) -> None:
        """A change of the app's during a *stop* is kept, and the session stays permanent."""
        stopped = page.post(f"{PREFIX}/stop?change={change}", json=start(page))

        [cookie] = stopped.headers.getlist("Set-Cookie")
        assert cookie.startswith("session=")
        assert "Expires=" in cookie

    def test_leaves_other_cookies_alone(self, page: FlaskClient) -> None:
        """A cookie that the app sets itself is set, unless it only sends back the request's."""
        body = start(page)
        first, second = (page.post(f"{PREFIX}/stop?another", json=body) for _ in range(2))

        [cookie] = first.headers.getlist("Set-Cookie")
        assert cookie.startswith("session_seen=yes")
        assert second.headers.getlist("Set-Cookie") == []

    @pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")  # its own
    def test_comes_without_that_of_flask_login(self, app: Flask) -> None:
        """A remembered login may be refreshed with each request, too."""
        app.config["REMEMBER_COOKIE_REFRESH_EACH_REQUEST"] = True
        login = LoginManager(app)
        user = UserMixin()
        user.id = "ada"
        login.user_loader(lambda _: user)
        app.add_url_rule("/login", view_func=lambda: str(login_user(user, remember=True)))
        page = register(app, lambda: getattr(current_user, "id", None))
        assert page.get("/login").status_code == 200

        kept, stopped = (page.post(f"{PREFIX}/{each}", json={}) for each in ("task", "stop"))

        assert "remember_token=" in "".join(kept.headers.getlist("Set-Cookie"))
        assert stopped.headers.getlist("Set-Cookie") == []
