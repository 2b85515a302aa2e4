"""Apps whose server chooses: the words, the session's fields, and sessions made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, abort, request
from flask.testing import FlaskClient
from requests_mock import Mocker
from werkzeug.test import TestResponse

from flask_heygen import HeyGen, session_started
from flask_heygen.client import HeyGenClient
from flask_heygen.errors import InvalidField
from tests.constants import KEY

PREFIX = "/api/heygen"
QUESTIONS = {"q1": "Tell me about yourself."}
TASK = {"session_id": "a-session", "text": "q1"}


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


def calls(vendor: Mocker) -> list[str]:
    return [call.path.rpartition(".")[2] for call in vendor.request_history]


def outcome(response: TestResponse) -> tuple[int, Any]:
    return response.status_code, response.get_json().get("error", {}).get("code")


class TestTextLoader:
    @staticmethod
    def page(load: Callable[[str], Any], **config: Any) -> FlaskClient:
        return make_app(prepare=lambda heygen: heygen.text_loader(load), **config).test_client()

    def test_returns_the_text_to_speak(self, vendor: Mocker) -> None:
        """A page names a question, and cannot change its words."""
        response = self.page(QUESTIONS.get).post(f"{PREFIX}/task", json=TASK)

        assert response.status_code == 200
        assert vendor.request_history[-1].json()["text"] == QUESTIONS["q1"]

    def test_refuses_a_text(self, vendor: Mocker) -> None:
        """None is 403, before the vendor is asked."""
        refused = self.page(QUESTIONS.get).post(
            f"{PREFIX}/task", json={**TASK, "text": "Say this."}
        )

        assert outcome(refused) == (403, "text_refused")
        assert calls(vendor) == []

    def test_may_know_no_such_text(self, vendor: Mocker) -> None:
        """Its 404, as of Flask-SQLAlchemy's get_or_404, is not that of an unknown route."""
        unknown = self.page(lambda _: abort(404, "No such question.")).post(
            f"{PREFIX}/task", json=TASK
        )

        assert outcome(unknown) == (404, "not_found")
        assert unknown.get_json()["error"]["message"] == "No such question."
        assert calls(vendor) == []

    @pytest.mark.parametrize("text", [7, None, ["q1"], {"id": "q1"}])
    def test_is_given_strings_alone(self, vendor: Mocker, text: Any) -> None:
        """Another value of ``text`` is 422, as without a loader."""
        given: list[Any] = []

        refused = self.page(given.append).post(f"{PREFIX}/task", json={**TASK, "text": text})

        assert outcome(refused) == (422, "invalid_field")
        assert given == []

    @pytest.mark.parametrize("loaded", [7, b"text", ("text", 403), True])
    def test_that_returns_no_text_is_a_fault(
        self, vendor: Mocker, caplog: pytest.LogCaptureFixture, loaded: Any
    ) -> None:
        """500, the log names the type, and nothing is sent."""
        page = self.page(lambda _: loaded, TESTING=False)

        failed = page.post(f"{PREFIX}/task", json=TASK)

        assert outcome(failed) == (500, "internal_error")
        assert f"The text_loader returned a {type(loaded).__name__};" in caplog.text
        assert calls(vendor) == []

    def test_may_refuse_by_an_error_of_its_own(self, vendor: Mocker) -> None:
        """``abort`` is answered in JSON."""
        refused = self.page(lambda _: abort(409)).post(f"{PREFIX}/task", json=TASK)

        assert outcome(refused) == (409, "conflict")

    @pytest.mark.parametrize(
        ("loaded", "expected"), [("", (422, "invalid_field")), ("a" * 2001, (413, "text_too_long"))]
    )
    def test_is_bound_by_the_same_rules(
        self, vendor: Mocker, loaded: str, expected: tuple[int, str]
    ) -> None:
        """The returned text is validated like that of a page."""
        assert outcome(self.page(lambda _: loaded).post(f"{PREFIX}/task", json=TASK)) == expected
        assert calls(vendor) == []

    def test_is_not_asked_for_a_session_of_another_user(self, vendor: Mocker) -> None:
        """The handle is checked first."""
        asked: list[str] = []

        def prepare(heygen: HeyGen) -> None:
            heygen.owner_loader(lambda: "ada")
            heygen.text_loader(asked.append)

        refused = make_app(prepare=prepare).test_client().post(f"{PREFIX}/task", json=TASK)

        assert outcome(refused) == (403, "not_your_session")
        assert asked == []


class TestSessionLoader:
    @staticmethod
    def page(load: Callable[[], Any], **config: Any) -> FlaskClient:
        return make_app(prepare=lambda heygen: heygen.session_loader(load), **config).test_client()

    def test_sets_fields_over_the_defaults(self, vendor: Mocker) -> None:
        """Avatar, voice and language by interview; a page may set the others."""
        page = self.page(
            lambda: {"avatar_id": request.headers["X-Interview"], "language": "de"},
            HEYGEN_SESSION_DEFAULTS={"avatar_name": "default", "language": "en", "quality": "high"},
        )

        response = page.post(
            f"{PREFIX}/start", json={"quality": "low"}, headers={"X-Interview": "an-avatar"}
        )

        assert response.status_code == 200
        sent = vendor.request_history[1].json()
        assert sent == {
            "avatar_id": "an-avatar",
            "language": "de",
            "quality": "low",
            "version": "v2",
        }

    @pytest.mark.parametrize("name", ["avatar_id", "avatar_name"])
    def test_has_the_last_word(self, vendor: Mocker, name: str) -> None:
        """A page cannot set what the server sets, nor by another name."""
        page = self.page(lambda: {"avatar_id": "the-interviewer"})

        refused = page.post(f"{PREFIX}/start", json={name: "another"})

        assert outcome(refused) == (422, "invalid_field")
        assert refused.get_json()["error"]["message"] == f"{name} is set by the server."
        assert calls(vendor) == []

    @pytest.mark.parametrize("loaded", [None, {}])
    def test_may_set_nothing(self, vendor: Mocker, loaded: Any) -> None:
        """None is as good as no fields."""
        assert self.page(lambda: loaded).post(f"{PREFIX}/start").status_code == 200

    @pytest.mark.parametrize("loaded", [["avatar_id"], "an-avatar", ({}, 401), True, {1: "x"}])
    def test_that_returns_no_fields_is_a_fault(
        self, vendor: Mocker, caplog: pytest.LogCaptureFixture, loaded: Any
    ) -> None:
        """500, the log names the type, and nothing is started."""
        failed = self.page(lambda: loaded, TESTING=False).post(f"{PREFIX}/start")

        assert outcome(failed) == (500, "internal_error")
        assert f"The session_loader returned a {type(loaded).__name__};" in caplog.text
        assert calls(vendor) == []

    def test_that_returns_a_wrong_field_is_for_the_operator(self, vendor: Mocker) -> None:
        """503, as for a wrong default: the page can do nothing about it."""
        failed = self.page(lambda: {"quality": "ultra"}).post(f"{PREFIX}/start")

        assert outcome(failed) == (503, "not_configured")
        assert "session_loader" in failed.get_json()["error"]["message"]
        assert calls(vendor) == []


class TestASessionOfThePage:
    TOKEN = "the-session-token-of-the-page"

    def test_is_started(self, vendor: Mocker, caplog: pytest.LogCaptureFixture) -> None:
        """With a fresh token; the page's own is accepted and not used."""
        page = make_app().test_client()
        caplog.set_level("DEBUG")

        response = page.post(
            f"{PREFIX}/start", json={"session_id": "a-session", "session_token": self.TOKEN}
        )

        assert response.get_json() == {"status": "success", "data": {"session_id": "a-session"}}
        assert calls(vendor) == ["create_token", "start"]
        assert vendor.request_history[-1].json() == {"session_id": "a-session"}
        sent = " ".join(f"{call.headers} {call.text}" for call in vendor.request_history)
        assert self.TOKEN not in sent + caplog.text + response.text

    def test_may_be_started_twice(self, vendor: Mocker) -> None:
        """A session that runs already is a success."""
        page = make_app().test_client()
        again = {
            "status_code": 400,
            "json": {"code": 10005, "message": "session state wrong: connected"},
        }
        vendor.post("/v1/streaming.start", [{"json": {"code": 100, "data": None}}, again])

        answers = [
            page.post(f"{PREFIX}/start", json={"session_id": "a-session"}).status_code
            for _ in range(2)
        ]

        assert answers == [200, 200]

    def test_is_commanded_like_another(self, vendor: Mocker) -> None:
        """Task and stop take its id, the stop in the query, too."""
        page = make_app().test_client()

        spoken = page.post(f"{PREFIX}/task", json={"session_id": "a-session", "text": "Hello."})
        stopped = page.post(f"{PREFIX}/stop?session_id=a-session")

        assert (spoken.status_code, stopped.status_code) == (200, 200)

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"session_token": "t"}, "session_id"),
            ({"session_id": "a-session", "avatar_id": "a"}, "avatar_id"),
            ({"session_id": 7}, "session_id"),
            ({"session_id": "a/b"}, "session_id"),
            ({"session_id": None}, "session_id"),
        ],
    )
    def test_needs_its_id_alone(self, vendor: Mocker, body: dict[str, Any], named: str) -> None:
        """It has its avatar already."""
        refused = make_app().test_client().post(f"{PREFIX}/start", json=body)

        assert outcome(refused) == (422, "invalid_field")
        assert refused.get_json()["error"]["message"].startswith(f"{named} ")
        assert calls(vendor) == []

    def test_belongs_to_nobody_where_sessions_have_owners(self, vendor: Mocker) -> None:
        """With an owner_loader, a session that was not started here is 403 as everywhere."""
        app = make_app(prepare=lambda heygen: heygen.owner_loader(lambda: "ada"))
        page = app.test_client()
        handle = page.post(f"{PREFIX}/start").get_json()["data"]["session_id"]
        vendor.reset_mock()

        refused = page.post(f"{PREFIX}/start", json={"session_id": "a-session"})
        again = page.post(f"{PREFIX}/start", json={"session_id": handle})

        assert outcome(refused) == (403, "not_your_session")
        assert again.get_json()["data"] == {"session_id": handle}
        assert calls(vendor) == ["create_token", "start"]

    def test_is_none_of_liveavatar(self, vendor: Mocker) -> None:
        """There a session is started with its own token, which we do not take."""
        page = make_app(HEYGEN_API="liveavatar").test_client()

        refused = page.post(f"{PREFIX}/start", json={"session_id": "a-session"})

        assert outcome(refused) == (501, "not_supported")
        assert calls(vendor) == []

    def test_is_heard_of(self, vendor: Mocker) -> None:
        """The signal has the vendor's id."""
        events: list[dict[str, Any]] = []

        def receive(_: Flask, **event: Any) -> None:
            events.append(event)

        with session_started.connected_to(receive):
            make_app().test_client().post(f"{PREFIX}/start", json={"session_id": "a-session"})

        assert events == [{"owner": None, "session_id": "a-session"}]


class TestAHandle:
    """From Python, a page's handle is as good as the vendor's id."""

    @pytest.fixture
    def app(self) -> Flask:
        return make_app(prepare=lambda heygen: heygen.owner_loader(lambda: "ada"))

    @pytest.fixture
    def handle(self, app: Flask, vendor: Mocker) -> str:
        response = app.test_client().post(f"{PREFIX}/start")
        vendor.reset_mock()
        return str(response.get_json()["data"]["session_id"])

    @staticmethod
    def client(app: Flask) -> HeyGenClient:
        heygen = app.blueprints["heygen"]
        assert isinstance(heygen, HeyGen)
        return heygen.client

    @pytest.mark.parametrize("verb", ["task", "stop", "interrupt", "keep_alive", "start_existing"])
    def test_is_taken_by_the_client(
        self, app: Flask, vendor: Mocker, handle: str, verb: str
    ) -> None:
        """By each method; the owner is for the caller to check."""
        with app.app_context():
            getattr(self.client(app), verb)(handle, *(["Hello."] if verb == "task" else []))

        assert vendor.request_history[-1].json()["session_id"] == "a-session"

    def test_is_taken_by_the_command_line(self, app: Flask, vendor: Mocker, handle: str) -> None:
        """An operator pastes what a page's log has."""
        vendor.get("/v1/streaming.list", json={"code": 100, "data": {"sessions": []}})

        result = app.test_cli_runner().invoke(args=["heygen", "stop", handle])

        assert result.exit_code == 0, result.output
        assert "1 stopped, 0 failed." in result.output
        assert "a-session" in [
            call.json().get("session_id") for call in vendor.request_history if call.text
        ]

    def test_of_another_blueprint_of_the_account_is_taken(self, app: Flask, vendor: Mocker) -> None:
        """The client belongs to the account."""
        staff = HeyGen("staff")
        staff.owner_loader(lambda: "bob")
        app.register_blueprint(staff)
        handle = app.test_client().post("/api/staff/start").get_json()["data"]["session_id"]

        with app.app_context():
            assert self.client(app).session_id(handle) == "a-session"

    @pytest.mark.parametrize("change", [lambda handle: f"{handle}x", lambda _: "a.b.c"])
    def test_that_is_forged_is_refused(
        self, app: Flask, vendor: Mocker, handle: str, change: Callable[[str], str]
    ) -> None:
        """As any other text that is no id."""
        with app.app_context(), pytest.raises(InvalidField, match="session_id must be"):
            self.client(app).stop(change(handle))

        assert calls(vendor) == []

    def test_needs_an_app(self, app: Flask, vendor: Mocker, handle: str) -> None:
        """Outside of an app context the secret to read it is out of reach."""
        with app.app_context():
            client = self.client(app)

        with pytest.raises(InvalidField):
            client.stop(handle)
        client.stop("a-session")
