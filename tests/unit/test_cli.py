"""The command line: what an operator can type."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click.testing
import pytest
from flask import Flask
from requests_mock import Mocker

from flask_heygen import HeyGen, cli
from flask_heygen.backends.liveavatar_messages import SANDBOX_AVATAR
from flask_heygen.simulator import Fault, Simulator
from tests.constants import KEY

MINTED = {"error": None, "data": {"token": "a-session-token-of-the-vendor"}}


@pytest.fixture(scope="module")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator(concurrent_limit=100) as simulator:
        yield simulator


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Simulator:
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture
def app(simulator: Simulator) -> Flask:
    app = Flask(__name__)
    app.config.update(TESTING=True, HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url)
    app.register_blueprint(HeyGen())
    return app


def run(app: Flask, *words: str, **options: Any) -> click.testing.Result:
    return app.test_cli_runner().invoke(args=["heygen", *words], **options)


def start(app: Flask, number: int = 1) -> list[str]:
    with app.app_context():
        client = app.blueprints["heygen"].client  # type: ignore[attr-defined]
        return [client.start()["session_id"] for _ in range(number)]


class TestCheck:
    def test_tells_that_all_is_well(
        self, app: Flask, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Key, API, live sessions and credits, on lines of their own, exit code 0."""
        monkeypatch.setattr(simulator, "credits", 100)
        start(app, 2)
        simulator.advance(30)

        result = run(app, "check")

        assert result.exit_code == 0
        assert result.output.splitlines() == [
            f"key       accepted by {simulator.url}",
            "API       streaming is alive",
            "sessions  2 live",
            "credits   99.8 left; a minute of a session costs 0.2",
        ]

    def test_leaves_the_avatar_to_a_session_loader(self, app: Flask) -> None:
        """What it returns depends on the user, so that no LiveAvatar avatar_id is missing yet."""
        other = Flask(__name__)
        other.config.update(app.config, HEYGEN_API="liveavatar")
        heygen = HeyGen()
        heygen.session_loader(lambda: {"avatar_id": "from a table"})
        other.register_blueprint(heygen)

        result = run(other, "check")

        assert result.exit_code == 0
        assert "avatar    left to the session_loader, which was not called" in result.output

    def test_does_not_look_up_the_avatar(self, app: Flask) -> None:
        """It says so, and names the command that lists those that exist."""
        app.config["HEYGEN_SESSION_DEFAULTS"] = {"avatar_id": "no-such-avatar"}

        result = run(app, "check")

        assert result.exit_code == 0
        assert "avatar    no-such-avatar was not looked up: `flask heygen avatars`" in result.output

    def test_knows_that_credits_may_be_hidden(self, app: Flask, simulator: Simulator) -> None:
        """The key is good all the same."""
        simulator.fault("remaining_quota", Fault.SERVER_ERROR, times=2)

        result = run(app, "check")

        assert result.exit_code == 0
        assert "credits   unknown: [heygen_error]" in result.output

    @pytest.mark.parametrize(
        ("fault", "code", "hint"),
        [
            (Fault.UNAUTHORIZED, "heygen_auth_failed", "HEYGEN_API_KEY"),
            (Fault.SUNSET, "api_retired", "HEYGEN_API"),
            (Fault.HTML, "heygen_error", "HEYGEN_BASE_URL"),
            (Fault.RATE_LIMITED, "rate_limited", "rate"),
        ],
    )
    def test_tells_what_is_wrong_and_what_to_do(
        self, app: Flask, simulator: Simulator, fault: Fault, code: str, hint: str
    ) -> None:
        """One line for the operator, exit code 1 for a script, and never the key."""
        simulator.fault("create_token", fault, times=2)

        result = run(app, "check")

        assert result.exit_code == 1
        assert f"[{code}]" in result.output
        assert hint in result.output
        assert KEY not in result.output

    def test_names_the_key_that_is_missing(self, app: Flask) -> None:
        """Before anything is configured it says what to set."""
        del app.config["HEYGEN_API_KEY"]

        result = run(app, "check")

        assert result.exit_code == 1
        assert "HEYGEN_API_KEY" in result.output


class TestCheckOfASetup:
    def test_names_a_key_that_is_no_setting(self, app: Flask) -> None:
        """A typing mistake is a warning: nothing fails, and nothing does what was meant."""
        app.config.update(HEYGEN_TIMOUT=5, HEYGEN_COLOUR="blue")

        result = run(app, "check")

        assert result.exit_code == 0
        assert result.output.splitlines()[:2] == [
            "warning   HEYGEN_TIMOUT is not a setting; did you mean HEYGEN_TIMEOUT?",
            "warning   HEYGEN_COLOUR is not a setting.",
        ]

    def test_leaves_out_the_keys_of_another_account(self, app: Flask) -> None:
        """Its prefix may begin like this one's."""
        app.config["HEYGEN_COACH_API_KEY"] = "another-key"
        app.register_blueprint(HeyGen("coach", config_prefix="HEYGEN_COACH"))

        assert "warning" not in run(app, "check").output

    @pytest.mark.parametrize(
        ("key", "value", "where"),
        [
            ("HEYGEN_SESSION_DEFAULTS", {"avatarName": "Wayne"}, "DEFAULTS"),
            ("HEYGEN_SESSION_ALLOWED", ["avatarName"], "ALLOWED"),
        ],
        ids=["default", "allowed"],
    )
    def test_names_a_field_that_is_not_known(
        self, app: Flask, key: str, value: Any, where: str
    ) -> None:
        """The vendor may know it, and more often ignores it."""
        app.config[key] = value

        result = run(app, "check")

        assert result.exit_code == 0
        assert (
            f"warning   In HEYGEN_SESSION_{where}, 'avatarName' is not a known field; "
            "did you mean avatar_name?"
        ) in result.output

    def test_names_a_default_that_is_wrong(self, app: Flask) -> None:
        """Each start would fail with it."""
        app.config["HEYGEN_SESSION_DEFAULTS"] = {"voice": {"voiceId": "v"}}

        result = run(app, "check")

        assert result.exit_code == 1
        assert "In HEYGEN_SESSION_DEFAULTS, voice has no field 'voiceId'" in result.output

    def test_misses_a_secret_key(self, simulator: Simulator) -> None:
        """With an owner_loader each start signs a session id."""
        app = Flask(__name__)
        app.config.update(TESTING=True, HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL=simulator.url)
        blueprint = HeyGen()
        blueprint.owner_loader(lambda: "ada")
        app.register_blueprint(blueprint)

        result = run(app, "check")

        assert result.exit_code == 1
        assert "SECRET_KEY is not set" in result.output

    @pytest.mark.parametrize(
        ("defaults", "code"),
        [({}, 1), ({"is_sandbox": True}, 0), ({"avatar_id": SANDBOX_AVATAR}, 0)],
    )
    def test_misses_an_avatar(self, app: Flask, defaults: dict[str, Any], code: int) -> None:
        """LiveAvatar starts no session without one, but for the sandbox, which has its own."""
        app.config.update(HEYGEN_API="liveavatar", HEYGEN_SESSION_DEFAULTS=defaults)

        result = run(app, "check")

        assert result.exit_code == code, result.output
        assert ("set it in HEYGEN_SESSION_DEFAULTS" in result.output) is bool(code)

    def test_is_logged_at_the_first_request(
        self, app: Flask, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The warning is logged once."""
        app.config["HEYGEN_TIMOUT"] = 5

        for _ in range(2):
            app.test_client().post("/api/heygen/task", json={})

        assert (
            caplog.messages.count("HEYGEN_TIMOUT is not a setting; did you mean HEYGEN_TIMEOUT?")
            == 1
        )


class TestSessions:
    def test_are_listed(self, app: Flask, simulator: Simulator) -> None:
        """Id, status and age of each, as a table."""
        [session_id] = start(app)
        simulator.advance(95)

        lines = run(app, "sessions").output.splitlines()

        assert lines[0].split() == ["SESSION", "STATUS", "AGE"]
        assert lines[1].split()[:2] == [session_id, "connected"]
        assert lines[1].split()[2].startswith("1m")

    def test_are_json_for_a_script(self, app: Flask) -> None:
        """A list of objects, the age in seconds."""
        [session_id] = start(app)

        [listed] = json.loads(run(app, "sessions", "--json").output)

        assert listed["session_id"] == session_id
        assert listed["age"] in range(5)

    def test_fail_clearly(self, app: Flask, simulator: Simulator) -> None:
        """A refusal is a line, not a traceback."""
        simulator.fault("list", Fault.NO_DATA, times=2)

        result = run(app, "sessions")

        assert result.exit_code == 1
        assert "[heygen_error]" in result.output


class TestStop:
    def test_ends_the_named(self, app: Flask, simulator: Simulator) -> None:
        """One by its id, the other goes on."""
        one, other = start(app, 2)

        result = run(app, "stop", one)

        assert result.output == "1 stopped, 0 failed.\n"
        assert simulator.sessions[one].state == "closed"
        assert simulator.sessions[other].state == "connected"

    def test_asks_before_it_ends_all(self, app: Flask, simulator: Simulator) -> None:
        """A no leaves all of them."""
        start(app, 2)

        result = run(app, "stop", "--all", input="n\n")

        assert result.exit_code == 1
        assert "Stop 2 sessions" in result.output
        assert {each.state for each in simulator.sessions.values()} == {"connected"}

    def test_asks_about_one_in_the_singular(self, app: Flask) -> None:
        """An operator reads a sentence."""
        start(app)

        assert "Stop 1 session," in run(app, "stop", "--all", input="n\n").output

    @pytest.mark.parametrize("how", [{"input": "y\n"}, {}])
    def test_ends_all(self, app: Flask, simulator: Simulator, how: dict[str, Any]) -> None:
        """A yes, or --yes, ends every one."""
        start(app, 3)

        result = run(app, "stop", "--all", *(() if how else ("--yes",)), **how)

        assert result.exit_code == 0
        assert "3 stopped, 0 failed." in result.output
        assert {each.state for each in simulator.sessions.values()} == {"closed"}

    @pytest.mark.parametrize("age", ["5m", "300s", "0h5m", "1m30s"])
    def test_ends_the_old(self, app: Flask, simulator: Simulator, age: str) -> None:
        """For cron: what is older than an age, without a question."""
        app.config["HEYGEN_SESSION_DEFAULTS"] = {"activity_idle_timeout": 3600}
        [old] = start(app)
        simulator.advance(400)
        [young] = start(app)

        result = run(app, "stop", "--older-than", age)

        assert result.output == "1 stopped, 0 failed.\n"
        assert simulator.sessions[old].state == "closed"
        assert simulator.sessions[young].state == "connected"

    @pytest.mark.parametrize("created", [None, 1_764_000_000_000_000, "yesterday"])
    def test_tells_of_those_that_tell_no_age(
        self, app: Flask, requests_mock: Mocker, created: object
    ) -> None:
        """Sessions without an age are reported, as --older-than cannot match them."""
        row = {"session_id": "of-no-age", "status": "connected", "created_at": created}
        requests_mock.get(
            f"{app.config['HEYGEN_BASE_URL']}/v1/streaming.list",
            json={"code": 100, "data": {"sessions": [row]}},
        )

        result = run(app, "stop", "--older-than", "5m")

        assert result.exit_code == 1
        assert "0 stopped, 0 failed." in result.output
        assert "of-no-age has no known age" in result.output

    def test_goes_on_past_a_failure(self, app: Flask, simulator: Simulator) -> None:
        """One that cannot be ended is named, and the exit code says so."""
        bad, good = start(app, 2)
        simulator.fault("stop", Fault.SERVER_ERROR, times=2)

        result = run(app, "stop", bad, good)

        assert result.exit_code == 1
        assert "1 stopped, 1 failed." in result.output
        assert f"{bad} [heygen_error]" in result.output
        assert simulator.sessions[good].state == "closed"

    def test_names_an_id_that_is_unknown(self, app: Flask, simulator: Simulator) -> None:
        """A mistyped id leaves a session running, which costs."""
        [session_id] = start(app)

        result = run(app, "stop", "a-mistyped-id", session_id)

        assert result.exit_code == 1
        assert "1 stopped, 1 failed." in result.output
        assert "a-mistyped-id is unknown" in result.output

    @pytest.mark.parametrize("command", ["stop", "transcript"])
    @pytest.mark.parametrize(
        "session_id", ["abc", "abc.def", "00000000-0000-4000-8000-000000000000"]
    )
    def test_names_the_ids_that_liveavatar_has_not(
        self, liveavatar: Flask, command: str, session_id: str
    ) -> None:
        """It refuses what is no UUID; the operator reads of the id, not of the session defaults."""
        result = run(liveavatar, command, session_id)

        assert result.exit_code == 1
        assert f"Error: {session_id} is unknown: mistyped, or it has ended" in result.output

    def test_repeats_every_other_refusal(self, liveavatar: Flask, requests_mock: Mocker) -> None:
        """A vendor that wants other fields than before is not mistaken for a mistyped id."""
        detail = [{"loc": ["body", "reason"], "msg": "Field required"}]
        requests_mock.post(
            f"{liveavatar.config['HEYGEN_BASE_URL']}/v1/sessions/stop",
            status_code=422,
            json={"detail": detail},
        )

        result = run(liveavatar, "stop", "abc")

        assert "abc [heygen_refused]" in result.output
        assert "body.reason: Field required" in result.output

    def test_tells_one_that_had_ended(self, app: Flask, simulator: Simulator) -> None:
        """It costs nothing any more, and that is what was wanted."""
        ended, live = start(app, 2)
        simulator.close_session(ended)

        result = run(app, "stop", ended, live)

        assert result.exit_code == 0, result.output
        assert f"{ended} had ended already." in result.output
        assert "1 stopped, 1 had ended already, 0 failed." in result.output

    def test_looks_again(
        self, app: Flask, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Lists lag: the session is gone from the second one."""
        url = f"{app.config['HEYGEN_BASE_URL']}/v1/streaming"
        listed = {"json": {"code": 100, "data": {"sessions": [{"session_id": "a-session"}]}}}
        monkeypatch.setattr("time.sleep", lambda _: None)
        requests_mock.post(
            f"{url}.create_token", json={"data": {"token": "a-session-token-of-the-vendor"}}
        )
        requests_mock.post(f"{url}.stop", json={"status": "success"})
        requests_mock.get(f"{url}.list", [listed, {"json": {"data": {"sessions": []}}}])

        result = run(app, "stop", "a-session")

        assert result.output == "1 stopped, 0 failed.\n"

    def test_names_what_is_still_listed(
        self, app: Flask, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A session that is still listed after its stop is reported."""
        url = f"{app.config['HEYGEN_BASE_URL']}/v1/streaming"
        monkeypatch.setattr(cli, "LIST_LAG", 0)
        requests_mock.post(
            f"{url}.create_token", json={"data": {"token": "a-session-token-of-the-vendor"}}
        )
        requests_mock.post(f"{url}.stop", json={"status": "success"})
        requests_mock.get(f"{url}.list", json={"data": {"sessions": [{"session_id": "a-session"}]}})

        result = run(app, "stop", "a-session")

        assert result.exit_code == 1
        assert "0 stopped, 1 failed." in result.output
        assert "a-session was stopped and is still listed." in result.output

    def test_names_what_was_stopped_if_the_list_fails(
        self, app: Flask, simulator: Simulator
    ) -> None:
        """And what could not be, though nothing can be said of the list."""
        [session] = start(app)
        simulator.fault("list", Fault.SERVER_ERROR, times=2)

        result = run(app, "stop", session, "another-session")

        assert result.exit_code == 1
        assert f"{session} was stopped; whether it is still listed is unknown: [h" in result.output
        assert "another-session is unknown" in result.output

    @pytest.mark.parametrize(
        "words",
        [
            (),
            ("--all", "an-id"),
            ("--all", "--older-than", "1h"),
            ("--older-than", "soon"),
            ("--older-than", ""),
            ("--older-than", f"{'9' * 5000}s"),
        ],
        ids=["none", "all and an id", "all and an age", "no age", "blank", "for ever"],
    )
    def test_wants_to_know_which(self, app: Flask, words: tuple[str, ...]) -> None:
        """None, or two ways at once, is a mistake."""
        assert run(app, "stop", *words).exit_code == 2


@pytest.fixture
def liveavatar(app: Flask) -> Flask:
    avatar = {"avatar_id": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a"}
    app.config.update(HEYGEN_API="liveavatar", HEYGEN_SESSION_DEFAULTS=avatar)
    return app


class TestChoices:
    def test_are_a_table(self, liveavatar: Flask) -> None:
        """The ids for the session defaults, and whether each can be used today."""
        header, *rows = run(liveavatar, "avatars").output.splitlines()

        assert header.split() == ["ID", "KIND", "READY", "NAME"]
        assert rows == [
            "9f2b7c64-1f0e-4f7a-8c55-3f6f1f7b2a11  own image     yes    Simulated picture",
            "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a  public video  yes    Simulated interviewer",
        ]

    def test_are_json_for_a_script(self, liveavatar: Flask) -> None:
        """A list of objects."""
        voices = json.loads(run(liveavatar, "voices", "--json").output)

        assert voices[0] == {
            "id": "c2527536-6d1f-4412-a643-53a3497dada9",
            "name": "Simulated voice, English",
            "kind": "public",
            "ready": True,
        }

    def test_are_those_of_v1_too(self, app: Flask) -> None:
        """HeyGen's own names of them."""
        avatars = json.loads(run(app, "avatars", "--json").output)

        assert avatars
        assert avatars[0].keys() == {"id", "name", "kind", "ready"}

    def test_may_not_be_listed_by_an_api(self, app: Flask) -> None:
        """HeyGen's v1 API has no list of voices for them."""
        result = run(app, "voices")

        assert result.exit_code == 1
        assert "[not_supported]" in result.output


class TestTranscript:
    def test_is_printed(self, liveavatar: Flask, simulator: Simulator) -> None:
        """Each utterance is a line: time, role and text."""
        [session_id] = start(liveavatar)
        speak = {"event_type": "avatar.speak_text", "event_id": "an-event", "text": "Why\nFlask?"}
        simulator.publish(session_id, speak)
        simulator.hear(session_id, "It is small.")

        header, *lines = run(liveavatar, "transcript", session_id).output.splitlines()

        assert header.split() == ["TIME", "ROLE", "TEXT"]
        assert [line.split(None, 1)[1].strip() for line in lines] == [
            "avatar  Why Flask?",
            "user    It is small.",
        ]

    def test_is_json_for_a_script(self, liveavatar: Flask, simulator: Simulator) -> None:
        """To be stored beside the host's own rows."""
        [session_id] = start(liveavatar)
        simulator.hear(session_id, "It is small.")

        [row] = json.loads(run(liveavatar, "transcript", session_id, "--json").output)

        assert (row["role"], row["text"]) == ("user", "It is small.")
        assert row["at"] > 1_700_000_000

    def test_says_nothing_to_the_terminal(self, liveavatar: Flask, simulator: Simulator) -> None:
        """A user's words may hold escape codes, which JSON leaves as they are from U+007F on."""
        [session_id] = start(liveavatar)
        said = "Ärger\x9b2J\u202e\x7f\ud800"
        simulator.hear(session_id, said)

        plain = run(liveavatar, "transcript", session_id).output
        as_json = run(liveavatar, "transcript", session_id, "--json").output

        assert "".join(plain.splitlines()).isprintable()
        assert "".join(as_json.splitlines()).isprintable()
        assert "Ärger" in as_json
        assert json.loads(as_json)[0]["text"] == said

    def test_is_not_there(self, app: Flask, liveavatar: Flask) -> None:
        """An unknown session is named as such, and v1 keeps no transcripts."""
        unknown = run(liveavatar, "transcript", "00000000-0000-4000-8000-000000000000")
        app.config["HEYGEN_API"] = "streaming"
        v1 = run(app, "transcript", "a-session")

        assert (unknown.exit_code, v1.exit_code) == (1, 1)
        assert "is unknown" in unknown.output
        assert "[not_supported]" in v1.output


class TestASecondAccount:
    def test_has_commands_of_its_own(self, app: Flask, simulator: Simulator) -> None:
        """Each registered instance is a command named like it."""
        app.config.update(COACH_API_KEY="the-key-of-the-coach-alone", COACH_BASE_URL=simulator.url)
        app.register_blueprint(HeyGen("coach", config_prefix="COACH"))

        result = app.test_cli_runner().invoke(args=["coach", "check"])

        assert result.exit_code == 0
