"""The example: its page, and the program that serves it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha384
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from example_app import create_app, livekit
from example_app.interview import INTERVIEW
from flask_heygen.simulator import Simulator
from tests.requirements import module

ROOT = Path(__file__).parents[2]
KEY = "a-key-that-no-page-shows"


@pytest.fixture
def client() -> FlaskClient:
    return create_app({"HEYGEN_API_KEY": KEY, "INTERVIEW_SIGN_IN": False}).test_client()


def page_of(client: FlaskClient, **options: Any) -> tuple[str, dict[str, Any]]:
    """Return the page, and the JSON that its script is handed."""
    html = client.get("/", **options).text
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert match
    return html, json.loads(match[1])


def imports_of(html: str) -> dict[str, str]:
    """Return where the page's scripts find what they import by name."""
    match = re.search(r'<script type="importmap">(.*?)</script>', html)
    assert match
    imports: dict[str, str] = json.loads(match[1])["imports"]
    return imports


class TestPage:
    def test_hands_the_interview_to_the_script(self, client: FlaskClient) -> None:
        """Role, greeting and questions stand in one place, in Python."""
        _, page = page_of(client)

        assert page["interview"]["role"] == INTERVIEW.role
        assert page["interview"]["questions"] == list(INTERVIEW.questions)

    def test_holds_the_interview_of_the_configuration(self) -> None:
        """A host's own interview takes the place of the example's."""
        interview = replace(INTERVIEW, questions=("Why Flask?",))
        app = create_app(
            {"HEYGEN_API_KEY": KEY, "INTERVIEW": interview, "INTERVIEW_SIGN_IN": False}
        )
        _, page = page_of(app.test_client())

        assert page["interview"]["questions"] == ["Why Flask?"]

    def test_speaks_through_the_blueprints_module(self, client: FlaskClient) -> None:
        """The page tells its script, by `url_for`, where the blueprint serves it."""
        html, _ = page_of(client)

        with client.get(imports_of(html)["heygen-avatar"]) as module:
            assert module.status_code == 200
            assert module.mimetype == "text/javascript"

    def test_knows_where_it_is_mounted(self, client: FlaskClient) -> None:
        """Below another path every file is below it too."""
        html, _ = page_of(client, base_url="http://localhost/hiring")

        assert imports_of(html)["heygen-avatar"] == "/hiring/api/heygen/heygen-avatar.js"
        paths = re.findall(r'(?:href|src)="([^"]*)"', html)
        assert paths
        assert all(path.startswith("/hiring/") for path in {*paths} - {livekit.CDN})

    def test_does_not_hold_the_key(self, client: FlaskClient) -> None:
        """The key stays on the server."""
        html, _ = page_of(client)

        assert KEY not in html

    def test_names_a_simulation(self) -> None:
        """Where the simulator stands in, the page says so."""
        config = {"HEYGEN_API_KEY": KEY, "INTERVIEW_SIMULATED": True, "INTERVIEW_SIGN_IN": False}
        client = create_app(config).test_client()

        assert "no HeyGen account is in use" in page_of(client)[0]

    def test_names_no_simulation_where_there_is_none(self, client: FlaskClient) -> None:
        """With an account there is no banner."""
        assert "Simulation" not in page_of(client)[0]

    @pytest.mark.parametrize("path", ["/", "/static/InterviewerAvatar.js", "/nowhere"])
    def test_lets_the_browser_load_nothing_from_elsewhere(
        self, client: FlaskClient, path: str
    ) -> None:
        """Every answer has a Content-Security-Policy, without exceptions for inline code."""
        with client.get(path) as answer:
            policy = answer.headers["Content-Security-Policy"]

        assert "default-src 'self'" in policy
        assert "unsafe" not in policy

    def test_has_no_inline_code(self, client: FlaskClient) -> None:
        """Nothing on the page needs such an exception."""
        html, _ = page_of(client)

        assert re.findall(r"<style|\sstyle=|\son\w+=", html) == []
        assert re.findall(r"<script(?![^>]*(?:src=|application/json|importmap))", html) == []


class TestLivekit:
    """livekit-client, without which the interviewer is neither seen nor heard."""

    def test_is_npms_copy_where_there_is_one(self, client: FlaskClient) -> None:
        """Then the page loads nothing from elsewhere."""
        module("livekit-client/dist/livekit-client.umd.js")
        html, _ = page_of(client)

        with client.get("/livekit-client.js") as answer:
            digest = b64encode(sha384(answer.data).digest()).decode()
            assert "max-age=0" in answer.headers["Cache-Control"]  # an old one would be refused
        assert f'src="/livekit-client.js" integrity="sha384-{digest}"' in html

    def test_is_a_cdns_where_there_is_none(self) -> None:
        """The same file, which alone the page may run beside its own."""
        config = {"HEYGEN_API_KEY": KEY, "INTERVIEW_CDN": True, "INTERVIEW_SIGN_IN": False}
        client = create_app(config).test_client()
        html, _ = page_of(client)
        policy = client.get("/").headers["Content-Security-Policy"]

        assert f'src="{livekit.CDN}" integrity="{livekit.INTEGRITY}" crossorigin' in html
        assert f" {livekit.CDN}; connect-src" in policy

    def test_is_of_the_version_that_the_lock_file_names(self) -> None:
        """The copy of npm and the CDN's are one file."""
        locked = json.loads((ROOT / "example_app/package-lock.json").read_text())["packages"]

        assert locked["node_modules/livekit-client"]["version"] == livekit.VERSION

    @pytest.mark.parametrize(
        ("base_url", "rooms"),
        [
            ("https://api.heygen.com", "https://*.livekit.cloud wss://*.livekit.cloud"),
            ("http://127.0.0.1:1", "http://127.0.0.1:1 ws://127.0.0.1:1"),
        ],
    )
    def test_may_reach_the_room_alone(self, base_url: str, rooms: str) -> None:
        """The page connects to its own server and to where the session's room is."""
        config = {"HEYGEN_API_KEY": KEY, "HEYGEN_BASE_URL": base_url, "INTERVIEW_SIGN_IN": False}
        client = create_app(config).test_client()
        policy = client.get("/").headers["Content-Security-Policy"]

        assert f"connect-src 'self' {rooms};" in policy


class TestConfig:
    def test_comes_from_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """HEYGEN_* are read, as JSON where they are."""
        monkeypatch.setenv("HEYGEN_SESSION_DEFAULTS", '{"quality": "low"}')
        monkeypatch.setenv("HEYGEN_BASE_URL", "http://localhost:1")

        app = create_app()

        assert app.config["HEYGEN_SESSION_DEFAULTS"] == {"quality": "low"}
        assert app.config["HEYGEN_BASE_URL"] == "http://localhost:1"

    def test_keeps_a_key_of_digits_as_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A key is never taken for a number."""
        monkeypatch.setenv("HEYGEN_API_KEY", "0123")
        monkeypatch.setenv("HEYGEN_MAX_TEXT", "0123")

        assert create_app().config["HEYGEN_API_KEY"] == "0123"

    def test_is_what_was_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Given a config, the app does not look at the environment."""
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)

        assert "HEYGEN_API_KEY" not in create_app({}).config


class TestHosts:
    def rebinding(self, client: FlaskClient, host: str) -> int:
        """Return the status of a start by a page whose domain name points at this machine."""
        headers = {"Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        started = client.post(
            "/api/heygen/start", base_url=f"http://{host}", json={}, headers=headers
        )
        return started.status_code

    def test_are_those_of_this_machine(self) -> None:
        """Another host, such as a rebinding page's, gets neither page nor session."""
        client = create_app({"HEYGEN_API_KEY": KEY, "INTERVIEW_SIGN_IN": False}).test_client()

        assert self.rebinding(client, "evil.example:8000") == 400
        assert client.get("/", base_url="http://evil.example").status_code == 400
        assert client.get("/", base_url="http://127.0.0.1:8000").status_code == 200

    def test_are_set_by_a_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Behind a proxy the app answers for its public name."""
        monkeypatch.setenv("TRUSTED_HOSTS", '["interview.example.com"]')
        monkeypatch.setenv("HEYGEN_API_KEY", KEY)
        client = create_app().test_client()

        assert self.rebinding(client, "interview.example.com") == 401
        assert self.rebinding(client, "localhost") == 400

    @pytest.mark.parametrize("blank", ["", " ", "[]", "null"])
    def test_stay_without_a_name(self, monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
        """A variable that names no host does not open the app to all of them."""
        monkeypatch.setenv("TRUSTED_HOSTS", blank)
        client = create_app().test_client()

        assert self.rebinding(client, "evil.example") == 400

    def test_are_the_programs_address(self) -> None:
        """The program answers for what `--host` names, and for nothing else."""
        with running("--host", "127.0.0.2") as (url, _), requests.Session() as browser:
            served = browser.get(url, timeout=10, headers={"Host": url.split("/")[2]})
            rebound = browser.get(url, timeout=10, headers={"Host": "evil.example"})

        assert url.startswith("http://127.0.0.2:")
        assert (served.status_code, rebound.status_code) == (200, 400)


@pytest.mark.slow
class TestProgram:
    def test_simulates_without_a_key(self) -> None:
        """Terminal and page say that it is a simulation, and the avatar speaks."""
        with running() as (url, said), requests.Session() as browser:
            browser.post(f"{url}sign-in", data={"name": "Ada"}, timeout=10)
            page = browser.get(url, timeout=10).text
            started = browser.post(f"{url}api/heygen/start", json={}, timeout=10).json()
            task = {"session_id": started["data"]["session_id"], "text": "Hello."}
            told = browser.post(f"{url}api/heygen/task", json=task, timeout=10).json()

        assert said.startswith("Simulation: HEYGEN_API_KEY is not set")
        assert "no HeyGen account is in use" in page
        assert told["status"] == "success"

    def test_uses_heygen_with_a_key(self) -> None:
        """With a key there is no simulation, and the key is not shown."""
        with running(HEYGEN_API_KEY=KEY, HEYGEN_BASE_URL="http://127.0.0.1:1") as (url, said):
            page = requests.get(url, timeout=10).text

        assert said.startswith("HeyGen: the account of HEYGEN_API_KEY is in use.")
        assert "Simulation" not in page
        assert KEY not in page + said

    def test_holds_a_conversation(self) -> None:
        """On a context of the simulator's, with which LiveAvatar's avatar answers."""
        with running("--conversation") as (url, _), requests.Session() as browser:
            browser.post(f"{url}sign-in", data={"name": "Ada"}, timeout=10)
            page = browser.get(url, timeout=10).text
            started = browser.post(f"{url}api/heygen/start", timeout=10).json()
            task = {"session_id": started["data"]["session_id"], "text": "Hi.", "task_type": "chat"}
            told = browser.post(f"{url}api/heygen/task", json=task, timeout=10).json()

        assert "Start conversation" in page
        assert told["data"]["deliver"]["payload"]["event_type"] == "avatar.speak_response"

    def test_holds_no_conversation_in_which_nothing_answers(self) -> None:
        """With a key it needs a context or a voice agent, and says so."""
        ended = run("--conversation", "--port", "0", HEYGEN_API_KEY=KEY)

        assert ended.returncode == 1
        assert ended.stderr == (
            "Error: A conversation needs a context_id or a voice_agent in "
            "HEYGEN_SESSION_DEFAULTS.\n"
        )

    def test_names_a_taken_port(self) -> None:
        """A taken port is told in one line."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = run("--port", str(port))

        assert ended.stderr == f"Error: Port {port} is taken; --port names another.\n"
        assert ended.returncode == 1

    def test_names_an_address_that_is_not_to_be_had(self) -> None:
        """So is an address of another machine."""
        ended = run("--host", "192.0.2.1", "--port", "0")

        assert ended.stderr.startswith("Error: Cannot listen on 192.0.2.1:0: ")
        assert ended.stderr.count("\n") == 1

    def test_names_what_the_simulator_lacks(self, tmp_path: Path) -> None:
        """Without aiohttp and without a key, one line says what to install."""
        (tmp_path / "aiohttp.py").write_text(
            "raise ModuleNotFoundError(\"No module named 'aiohttp'\", name='aiohttp')"
        )
        ended = run("--port", "0", PYTHONPATH=str(tmp_path))

        assert ended.stderr == (
            "Error: The simulator needs aiohttp: pip install 'flask-heygen[simulator]', "
            "or set HEYGEN_API_KEY.\n"
        )
        assert ended.returncode == 1


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "example_app", *options]


def environ(**variables: str) -> dict[str, str]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("HEYGEN_")}
    return clean | variables


def run(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*options),
        cwd=ROOT,
        env=environ(**variables),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@contextmanager
def running(*options: str, **variables: str) -> Iterator[tuple[str, str]]:
    """Run the program; give the URL that it names, and what it says before.

    An interrupt ends it, which is no failure.
    """
    with subprocess.Popen(
        command("--port", "0", *options),
        cwd=ROOT,
        env=environ(**variables),
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout
        said = program.stdout.readline()
        match = re.match(r"Interview: (http://127\.0\.0\.\d:\d+/) ", program.stdout.readline())
        try:
            assert match
            yield match[1], said
        finally:
            program.send_signal(signal.SIGINT)
            try:
                program.wait(30)
            except subprocess.TimeoutExpired:
                program.kill()  # or the end of the block would wait for it, forever
    assert program.returncode == 0


class TestSignIn:
    @pytest.fixture
    def simulator(self) -> Iterator[Simulator]:
        with Simulator() as simulator:
            yield simulator

    @pytest.fixture
    def app(self, simulator: Simulator) -> Flask:
        return create_app({"HEYGEN_API_KEY": KEY, "HEYGEN_BASE_URL": simulator.url})

    def test_comes_before_the_interview(self, app: Flask) -> None:
        """A stranger is asked for a name, and the routes answer 401."""
        page = app.test_client()

        assert page.get("/").headers["Location"] == "/sign-in"
        assert page.post("/api/heygen/start", json={}).status_code == 401

    def test_leads_to_the_interview(self, app: Flask) -> None:
        """With a name the page is shown, and it says who is signed in."""
        page = app.test_client()

        shown = page.post("/sign-in", data={"name": " Ada  Lovelace "}, follow_redirects=True)

        assert shown.request.path == "/"
        assert "<span>Ada Lovelace</span>" in shown.text

    @pytest.mark.parametrize("value", ["", " ", "no", "null", "[]", "False"])
    def test_stays_unless_it_is_switched_off(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """A variable that is blank, or no plain `false` or `0`, opens nothing."""
        monkeypatch.setenv("INTERVIEW_SIGN_IN", value)

        assert create_app().test_client().get("/").headers["Location"] == "/sign-in"

    @pytest.mark.parametrize("value", ["false", "0"])
    def test_is_switched_off(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """`false` and `0` let everybody in."""
        monkeypatch.setenv("INTERVIEW_SIGN_IN", value)

        assert create_app().test_client().get("/").status_code == 200

    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
            pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
            pytest.param({"Origin": "https://evil.example"}, id="an older browser"),
            pytest.param({"Origin": "null"}, id="a sandboxed frame"),
        ],
    )
    def test_is_no_other_sites_to_make(self, app: Flask, headers: dict[str, str]) -> None:
        """A foreign page's form signs its visitor neither in nor out."""
        stranger, ada = app.test_client(), app.test_client()
        ada.post("/sign-in", data={"name": "Ada"})

        forged = stranger.post("/sign-in", data={"name": "Mallory"}, headers=headers)
        ended = ada.post("/sign-out", headers=headers)

        assert (forged.status_code, ended.status_code) == (403, 403)
        assert "Set-Cookie" not in forged.headers
        assert ada.get("/").status_code == 200

    def test_needs_a_name(self, app: Flask) -> None:
        """A blank one is asked for again."""
        shown = app.test_client().post("/sign-in", data={"name": "  "}, follow_redirects=True)

        assert shown.request.path == "/sign-in"

    def test_gives_each_candidate_sessions_of_their_own(
        self, app: Flask, simulator: Simulator
    ) -> None:
        """Even one of the same name speaks in nobody else's session."""
        ada, another = app.test_client(), app.test_client()
        for page in (ada, another):
            page.post("/sign-in", data={"name": "Ada"})
        session = ada.post("/api/heygen/start", json={}).json
        assert session is not None
        task = {"session_id": session["data"]["session_id"], "text": "Hello"}

        refused = another.post("/api/heygen/task", json=task)
        spoken = ada.post("/api/heygen/task", json=task)

        assert (refused.status_code, spoken.status_code) == (403, 200)
        assert simulator.texts == ("Hello",)

    def test_ends_with_a_sign_out(self, app: Flask) -> None:
        """After it the page asks for a name again."""
        page = app.test_client()
        page.post("/sign-in", data={"name": "Ada"})

        page.post("/sign-out")

        assert page.get("/").status_code == 302
