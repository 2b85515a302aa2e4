"""Answers in two lines: accepted, and the outcome."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, got_request_exception, request, session
from flask.testing import FlaskClient
from requests_mock import Mocker
from werkzeug.test import EnvironBuilder, TestResponse

from flask_heygen import HeyGen, session_started, session_stopped, task_sent, upstream_failed
from tests.constants import KEY

PREFIX = "/api/heygen"
NDJSON = {"Accept": "application/x-ndjson"}
TASK = {"session_id": "a-session", "text": "Tell me about yourself."}
BODIES: dict[str, dict[str, Any]] = {"start": {}, "task": TASK}

routes = pytest.mark.parametrize("route", BODIES)


def make_app(*, prepare: Callable[[HeyGen], object] = lambda _: None, **config: Any) -> Flask:
    app = Flask("host")
    app.config.update(
        {
            "TESTING": True,
            "SECRET_KEY": "a secret of the host",
            "HEYGEN_API_KEY": KEY,
            "HEYGEN_BASE_URL": "http://heygen.test",
            **config,
        }
    )
    heygen = HeyGen()
    prepare(heygen)
    app.register_blueprint(heygen)
    return app


def post(page: FlaskClient, route: str, **headers: str) -> TestResponse:
    return page.post(f"{PREFIX}/{route}", json=BODIES[route], headers={**NDJSON, **headers})


def lines(response: TestResponse) -> list[Any]:
    """Return both lines, the last one without its timings."""
    accepted, answer = [json.loads(line) for line in response.text.splitlines()]
    assert set(answer.pop("timings")) == {"upstream", "mint"}
    return [accepted, answer]


def calls(vendor: Mocker) -> list[str]:
    return [call.path.rpartition(".")[2] for call in vendor.request_history]


def open_lines(app: Flask, route: str) -> Any:
    """Return the lines of an answer as a server gets them, before it has asked for one."""
    headers = [*NDJSON.items()]
    builder = EnvironBuilder(
        f"{PREFIX}/{route}", method="POST", json=BODIES[route], headers=headers
    )
    return app.wsgi_app(builder.get_environ(), lambda *_: lambda _: None)


class TestAccept:
    @routes
    def test_ndjson_gets_two_lines(self, vendor: Mocker, route: str) -> None:
        """The second one is the answer as it is without the header."""
        page = make_app().test_client()
        plain = page.post(f"{PREFIX}/{route}", json=BODIES[route])

        response = post(page, route)

        assert response.status_code == 200
        assert lines(response) == [{"status": "accepted"}, plain.get_json()]
        assert response.headers["Content-Type"].startswith("application/x-ndjson")
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["Cache-Control"] == "no-store"
        assert "Content-Length" not in response.headers

    @pytest.mark.parametrize(
        ("accept", "expected"),
        [
            ("application/x-ndjson, application/json", True),
            ("application/x-ndjson, application/json;q=0.5", True),
            ("application/x-ndjson, */*;q=0.1", True),
            ("*/*", False),
            ("application/json", False),
            ("application/*", False),
            ("application/json, application/x-ndjson;q=0.5", False),
            ("application/x-ndjson;q=0", False),
            ("text/html", False),
            ("", False),
        ],
    )
    def test_names_it(self, vendor: Mocker, accept: str, expected: bool) -> None:
        """Any other request is answered as ever."""
        response = post(make_app().test_client(), "task", Accept=accept)

        assert (response.mimetype == "application/x-ndjson") is expected
        assert response.status_code == 200
        assert calls(vendor) == ["create_token", "task"] if response.text else []

    @pytest.mark.parametrize("route", ["stop", "interrupt", "keep-alive"])
    def test_changes_no_other_route(self, vendor: Mocker, route: str) -> None:
        """The routes that are idempotent answer as before."""
        page = make_app().test_client()

        response = page.post(f"{PREFIX}/{route}", json={"session_id": "a-session"}, headers=NDJSON)

        assert response.get_json() == {"status": "success", "data": {}}

    def test_starts_a_session_of_the_page(self, vendor: Mocker) -> None:
        """In two lines as well."""
        page = make_app().test_client()

        response = page.post(f"{PREFIX}/start", json={"session_id": "a-session"}, headers=NDJSON)

        assert lines(response)[1] == {"status": "success", "data": {"session_id": "a-session"}}


class TestWhatIsChecked:
    """Before the first line: an error has its own status, and the vendor is not called."""

    @pytest.mark.parametrize(
        ("route", "body", "status", "code"),
        [
            ("task", {"session_id": "a-session"}, 422, "invalid_field"),
            ("task", {**TASK, "session_id": "a/b"}, 422, "invalid_field"),
            ("task", {**TASK, "text": " \u200b"}, 422, "invalid_field"),
            ("task", {**TASK, "text": "a" * 2001}, 413, "text_too_long"),
            ("task", {**TASK, "task_type": "sing"}, 422, "invalid_field"),
            ("task", {**TASK, "interrupt": 1}, 422, "invalid_field"),
            ("task", {**TASK, "text": "refuse me"}, 403, "text_refused"),
            ("start", {"quality": "ultra"}, 422, "invalid_field"),
            ("start", {"nonsense": "ultra"}, 422, "invalid_field"),
            ("start", {"session_token": "ultra"}, 422, "invalid_field"),
            ("start", {"session_id": "a/b"}, 422, "invalid_field"),
        ],
    )
    def test_comes_first(
        self, vendor: Mocker, route: str, body: dict[str, Any], status: int, code: str
    ) -> None:
        """Each field, and what the app's loaders refuse."""

        def load(text: str) -> str | None:
            return None if text == "refuse me" else text

        page = make_app(prepare=lambda heygen: heygen.text_loader(load)).test_client()

        response = page.post(f"{PREFIX}/{route}", json=body, headers=NDJSON)

        assert (response.status_code, response.get_json()["error"]["code"]) == (status, code)
        assert "http_status" not in response.get_json()["error"]
        assert calls(vendor) == []

    @routes
    @pytest.mark.parametrize(
        ("config", "headers", "status"),
        [
            ({"HEYGEN_API_KEY": None}, {}, 503),
            ({"SECRET_KEY": None}, {}, 503),
            ({"HEYGEN_SESSION_DEFAULTS": {"quality": "ultra"}}, {}, 503),
            ({}, {"X-User": ""}, 401),
            ({}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ],
        ids=["no key", "no secret", "wrong default", "nobody", "another site"],
    )
    def test_includes_user_and_settings(
        self,
        vendor: Mocker,
        route: str,
        config: dict[str, Any],
        headers: dict[str, str],
        status: int,
    ) -> None:
        """A caller who is refused gets the status of that."""
        app = make_app(
            prepare=lambda heygen: heygen.owner_loader(
                lambda: request.headers.get("X-User", "ada")
            ),
            **config,
        )

        response = post(app.test_client(), route, **headers)

        expected = 403 if route == "task" and "HEYGEN_SESSION_DEFAULTS" in config else status
        assert response.status_code == expected
        assert calls(vendor) == []


class TestAnError:
    @routes
    def test_has_its_status_in_the_second_line(
        self, vendor: Mocker, caplog: pytest.LogCaptureFixture, route: str
    ) -> None:
        """It is logged and signalled as ever."""
        limit = {"code": 10007, "message": "Concurrent limit reached"}
        vendor.post(
            f"/v1/streaming.{'new' if route == 'start' else 'task'}", status_code=400, json=limit
        )
        heard: list[Any] = []

        def receive(_: Flask, **event: Any) -> None:
            heard.append((event["endpoint"], event["error"].code, request.path))

        with upstream_failed.connected_to(receive):
            response = post(make_app().test_client(), route)
            accepted, answer = lines(response)

        assert response.status_code == 200
        assert accepted == {"status": "accepted"}
        error = answer.pop("error")
        assert answer == {"status": "error"}
        assert (error["http_status"], error["code"], error["retry_after"]) == (
            429,
            "concurrent_limit",
            30,
        )
        assert error["upstream"]["code"] == 10007
        assert heard == [(f"heygen.{route}", "concurrent_limit", f"{PREFIX}/{route}")]
        assert f"{PREFIX}/{route} answered 429 concurrent_limit" in caplog.text

    def test_of_ours_is_logged(self, vendor: Mocker, caplog: pytest.LogCaptureFixture) -> None:
        """With its traceback, and without a word of it in the answer."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError("hunter2"))
        heard: list[Any] = []

        def receive(_: Flask, exception: BaseException) -> None:
            heard.append(type(exception))

        with got_request_exception.connected_to(receive):
            response = post(make_app(TESTING=False, HEYGEN_SPARE_TOKENS=0).test_client(), "task")
            answer = lines(response)[1]

        assert (answer["error"]["http_status"], answer["error"]["code"]) == (500, "internal_error")
        assert "hunter2" not in response.text
        assert heard == [ZeroDivisionError]
        assert "Traceback" in caplog.text

    def test_of_ours_forges_no_line_of_the_log(
        self, vendor: Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The path of a host's own prefix may hold a line break."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)
        app = make_app(TESTING=False, HEYGEN_SPARE_TOKENS=0)
        app.register_blueprint(HeyGen("tenant"), url_prefix="/<tenant>")

        _ = app.test_client().post("/a%0AFORGED/task", json=TASK, headers=NDJSON).text

        assert "Exception on" in caplog.text
        assert "\nFORGED" not in caplog.text

    def test_of_ours_is_answered_in_the_tests_of_a_host_that_wants_it(self, vendor: Mocker) -> None:
        """As Flask answers one in a view."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)

        response = post(make_app(PROPAGATE_EXCEPTIONS=False).test_client(), "task")

        assert lines(response)[1]["error"]["code"] == "internal_error"

    @pytest.mark.parametrize("config", [{}, {"TESTING": False, "PROPAGATE_EXCEPTIONS": True}])
    def test_of_ours_is_raised_in_the_tests_of_a_host(
        self, vendor: Mocker, config: dict[str, Any]
    ) -> None:
        """As Flask does with one in a view."""
        vendor.post("/v1/streaming.task", exc=ZeroDivisionError)

        with pytest.raises(ZeroDivisionError):
            _ = post(make_app(HEYGEN_SPARE_TOKENS=0, **config).test_client(), "task").text


class TestTheFirstLine:
    @routes
    def test_comes_before_the_vendor_is_called(self, vendor: Mocker, route: str) -> None:
        """A browser that has got it does not send the request again."""
        answer = open_lines(make_app(), route)

        first = next(iter(answer))

        assert json.loads(first) == {"status": "accepted"}
        assert calls(vendor) == []
        answer.close()

    @routes
    @pytest.mark.parametrize("received", [0, 1])
    def test_is_the_last_if_the_page_has_gone(
        self, vendor: Mocker, route: str, received: int
    ) -> None:
        """Nothing is sent upstream once the server has closed the answer."""
        answer = open_lines(make_app(), route)
        for _, _line in zip(range(received), answer, strict=False):
            pass

        answer.close()

        assert calls(vendor) == []

    def test_comes_with_the_session_cookie(self, vendor: Mocker) -> None:
        """The values that the app has put into its session by then are kept."""
        app = make_app()

        @app.before_request
        def see() -> None:
            session["seen"] = "now"

        response = post(app.test_client(), "task")

        assert response.headers["Set-Cookie"].startswith("session=")


class TestASessionWhosePageHasGone:
    def drop(self, app: Flask, route: str, received: int = 1) -> None:
        """Close the answer where a server does that cannot send its next part."""
        answer = open_lines(app, route)
        iterator = iter(answer)
        for _ in range(received + 1):
            next(iterator)
        answer.close()

    @pytest.mark.parametrize("owned", [False, True])
    @pytest.mark.parametrize("received", [1, 2])
    def test_is_stopped(self, vendor: Mocker, owned: bool, received: int) -> None:
        """Nobody else would: it costs money until its idle timeout."""
        heard: list[Any] = []

        def receive(_: Flask, **event: Any) -> None:
            heard.append(event["session_id"])

        def prepare(heygen: HeyGen) -> None:
            if owned:
                heygen.owner_loader(lambda: "ada")

        with session_started.connected_to(receive), session_stopped.connected_to(receive):
            self.drop(make_app(prepare=prepare), "start", received)

        assert calls(vendor)[-1] == "stop"
        assert vendor.request_history[-1].json() == {"session_id": "a-session"}
        assert heard == ["a-session"] * 2

    def test_is_named_in_the_log_if_it_cannot_be_stopped(
        self, vendor: Mocker, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An operator can stop it by hand."""
        vendor.post("/v1/streaming.stop", status_code=500)

        self.drop(make_app(HEYGEN_TIMEOUT=1), "start")

        assert "started session a-session did not get its id" in caplog.text

    def test_is_not_stopped_after_a_failure(self, vendor: Mocker) -> None:
        """There is none then."""
        vendor.post("/v1/streaming.new", status_code=400, json={"code": 1, "message": "no"})

        self.drop(make_app(), "start")

        assert calls(vendor) == ["create_token", "new"]

    def test_has_heard_its_task(self, vendor: Mocker) -> None:
        """A text that was sent is spoken, whether the page hears of it or not."""
        self.drop(make_app(), "task")

        assert calls(vendor) == ["create_token", "task"]


class TestSignals:
    def test_are_sent_within_the_request(self, vendor: Mocker) -> None:
        """A receiver can read the request and the session, as ever."""
        heard: list[Any] = []

        def receive(_: Flask, **event: Any) -> None:
            heard.append((request.path, session.get("user"), event["characters"]))

        app = make_app()

        @app.before_request
        def sign_in() -> None:
            session["user"] = "ada"

        with task_sent.connected_to(receive):
            assert post(app.test_client(), "task").text

        assert heard == [(f"{PREFIX}/task", "ada", len(TASK["text"]))]
