"""Apps with variables in their prefixes, and with extensions that decorate or name views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, g, request, url_for
from flask_limiter import Limiter
from flask_talisman import Talisman
from requests_mock import Mocker

from flask_heygen import HeyGen
from tests.constants import KEY

BODIES: dict[str, dict[str, Any]] = {
    "start": {},
    "task": {"session_id": "a-session", "text": "Hello."},
    "stop": {"session_id": "a-session"},
    "interrupt": {"session_id": "a-session"},
    "keep-alive": {"session_id": "a-session"},
}


def make_app(**config: Any) -> Flask:
    app = Flask("host")
    app.config.update(
        TESTING=True, HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL="http://heygen.test", **config
    )
    return app


def register_plainly(app: Flask, heygen: HeyGen) -> None:
    app.register_blueprint(heygen, url_prefix="/<tenant>/api/heygen")


def register_nested(app: Flask, heygen: HeyGen) -> None:
    parent = Blueprint("parent", __name__, url_prefix="/<tenant>")
    parent.register_blueprint(heygen)
    app.register_blueprint(parent)


def register_with_a_converter(app: Flask, heygen: HeyGen) -> None:
    app.register_blueprint(heygen, url_prefix="/<any(acme, other):tenant>/api/heygen/")


registrations = pytest.mark.parametrize(
    ("register", "name"),
    [
        (register_plainly, "heygen"),
        (register_nested, "parent.heygen"),
        (register_with_a_converter, "heygen"),
    ],
)


class TestAVariable:
    @registrations
    def test_is_left_to_the_app(
        self, vendor: Mocker, register: Callable[[Flask, HeyGen], None], name: str
    ) -> None:
        """All routes work, and ``request.view_args`` has the value for the app's loaders."""
        app, heygen, tenants = make_app(), HeyGen(), []
        register(app, heygen)
        app.before_request(lambda: tenants.append((request.view_args or {})["tenant"]))
        page = app.test_client()

        for route, body in BODIES.items():
            assert page.post(f"/acme/api/heygen/{route}", json=body).status_code == 200

        assert tenants == ["acme"] * 5

    @registrations
    def test_reaches_the_module(self, register: Callable[[Flask, HeyGen], None], name: str) -> None:
        """``url_for`` finds the module, and the module its parts."""
        app = make_app()
        register(app, HeyGen())

        with app.test_request_context():
            url = url_for(f"{name}.module", tenant="acme")

        assert url == "/acme/api/heygen/heygen-avatar.js"
        assert app.test_client().get(url).status_code == 200
        assert app.test_client().get(f"{url[:-3]}/routes.js").status_code == 200

    @registrations
    @pytest.mark.parametrize("path", ["", "/", "/nowhere", "/a/b", "/%0A", "/start/"])
    def test_is_part_of_the_prefix_of_errors(
        self, register: Callable[[Flask, HeyGen], None], name: str, path: str
    ) -> None:
        """Below it a 404 is JSON, and beside it the app's own."""
        app = make_app()
        register(app, HeyGen())
        page = app.test_client()

        below = page.post(f"/acme/api/heygen{path}")
        beside = [page.post(f"/acme/api{path}"), page.post(f"/a/b/api/heygen{path}")]

        assert below.get_json()["error"]["code"] == "not_found"
        assert page.get("/acme/api/heygen/task").get_json()["error"]["code"] == "method_not_allowed"
        assert [each.mimetype for each in beside] == ["text/html"] * 2

    def test_alone_claims_no_paths(self) -> None:
        """Below a prefix of a variable alone, every path could be the app's."""
        app = make_app()
        app.register_blueprint(HeyGen(), url_prefix="/<tenant>")

        assert app.test_client().get("/acme/nowhere").mimetype == "text/html"
        assert app.test_client().get("/acme/heygen-avatar.js").status_code == 200

    def test_may_be_taken_by_the_app(self, vendor: Mocker) -> None:
        """As Flask's documentation does it, by a preprocessor that pops the value."""
        app, tenants = make_app(), []

        @app.url_value_preprocessor
        def pull(_: str | None, values: dict[str, Any] | None) -> None:
            g.tenant = (values or {}).pop("tenant", None)

        app.register_blueprint(HeyGen(), url_prefix="/<tenant>/api/heygen")
        app.before_request(lambda: tenants.append(g.tenant))

        assert app.test_client().post("/acme/api/heygen/start").status_code == 200
        assert tenants == ["acme"]

    def test_may_have_any_name(self, vendor: Mocker) -> None:
        """Also that of an argument or an option of a view."""
        app = make_app()
        app.register_blueprint(HeyGen(), url_prefix="/<name>/<self>/heygen")

        page = app.test_client()
        assert page.post("/a/b/heygen/start").status_code == 200
        assert page.get("/a/b/heygen/heygen-avatar/routes.js").status_code == 200


class TestTalisman:
    def test_decorates_a_view(self, vendor: Mocker) -> None:
        """Its decorator sets attributes on the view function."""
        app = make_app()
        talisman = Talisman(app, force_https=False, frame_options="DENY")
        app.register_blueprint(HeyGen())
        view = app.view_functions["heygen.start"]
        app.view_functions["heygen.start"] = talisman(frame_options="SAMEORIGIN")(view)
        page = app.test_client()

        start, stop = (
            page.post(f"/api/heygen/{each}", json=BODIES[each])
            for each in BODIES
            if each in ("start", "stop")
        )

        assert (start.status_code, stop.status_code) == (200, 200)
        assert start.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert stop.headers["X-Frame-Options"] == "DENY"


class TestLimiter:
    def test_tells_two_instances_apart(self, vendor: Mocker) -> None:
        """A limit on a view of one leaves the default limit on that of the other."""
        app = make_app(COACH_API_KEY="the-key-of-the-coach", COACH_BASE_URL="http://coach.test")
        limiter = Limiter(
            lambda: "somebody", app=app, default_limits=["2/minute"], storage_uri="memory://"
        )
        app.register_blueprint(HeyGen())
        app.register_blueprint(HeyGen("coach", config_prefix="COACH"))
        view: Any = app.view_functions["heygen.start"]
        app.view_functions["heygen.start"] = limiter.limit("1/minute")(view)
        page = app.test_client()

        ours = [page.post("/api/heygen/start").status_code for _ in range(3)]
        coach = [page.post("/api/coach/start").status_code for _ in range(3)]

        assert ours == [200, 429, 429]
        assert coach == [200, 200, 429]
