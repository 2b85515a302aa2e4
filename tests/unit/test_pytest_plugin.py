"""The pytest plugin that hosts get with the package, in runs of pytest of their own."""

import pytest

pytest_plugins = ["pytester"]

APP = """
import pytest
from flask import Flask
from flask_heygen import HeyGen, heygen_bp

@pytest.fixture
def app():
    app = Flask(__name__)
    app.config.update(TESTING=True, HEYGEN_API_KEY="a-real-key", COACH_API_KEY="another")
    app.register_blueprint(heygen_bp)
    app.register_blueprint(HeyGen("coach", config_prefix="COACH"))
    return app
"""
TEST = """
def test_speaks(app, heygen_simulator):
    page = app.test_client()
    session_id = page.post("/api/heygen/start").json["data"]["session_id"]
    page.post("/api/heygen/task", json={"session_id": session_id, "text": "Why Flask?"})

    assert heygen_simulator.texts == ("Why Flask?",)
    assert app.config["HEYGEN_API_KEY"] == "simulated"
    assert app.config["COACH_BASE_URL"] == app.config["HEYGEN_BASE_URL"] == heygen_simulator.url
    assert app.config["COACH_API_KEY"] == "simulated"
"""
ANOTHER = """
def test_speaks(host, heygen_simulator):
    page = host.test_client()
    assert page.post("/api/heygen/start").status_code == 200
    assert heygen_simulator.count("new") == 1
"""
MISSING = """
import sys
sys.modules["aiohttp"] = None
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Load the plugin as an installation does, and no other."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeini("[pytest]\naddopts = -p flask_heygen.pytest_plugin -p no:cacheprovider")
    return pytester


class TestFixture:
    def test_is_what_the_app_speaks_to(self, run: pytest.Pytester) -> None:
        """A host's fixture ``app`` has the simulator's URL, and not the key of any account."""
        run.makeconftest(APP)
        run.makepyfile(TEST)

        run.runpytest_subprocess().assert_outcomes(passed=1)

    def test_is_what_an_app_of_any_name_speaks_to(self, run: pytest.Pytester) -> None:
        """No test calls the vendor because its app is not called ``app``."""
        run.makeconftest(APP.replace("def app()", "def host()"))
        run.makepyfile(ANOTHER)

        run.runpytest_subprocess().assert_outcomes(passed=1)

    @pytest.mark.parametrize("app", ["", "@pytest.fixture\ndef app():\n    return 'no Flask app'"])
    def test_needs_no_flask_app(self, run: pytest.Pytester, app: str) -> None:
        """Without a fixture ``app``, or with one that is no Flask app, it is a simulator alone."""
        run.makeconftest(f"import pytest\n{app}")
        run.makepyfile("def test_url(heygen_simulator):\n    assert heygen_simulator.url")

        run.runpytest_inprocess().assert_outcomes(passed=1)

    def test_hides_no_fault_of_the_app(self, run: pytest.Pytester) -> None:
        """An ``app`` that asks for a fixture that does not exist is the host's to mend."""
        run.makeconftest("import pytest\n@pytest.fixture\ndef app(nothing):\n    pass")
        run.makepyfile("def test_url(heygen_simulator):\n    pass")

        result = run.runpytest_inprocess()
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*fixture 'nothing' not found"])

    def test_says_what_to_install(self, run: pytest.Pytester) -> None:
        """Without the extra, a test that uses it fails with the command to run."""
        run.makeconftest(MISSING)
        run.makepyfile("def test_url(heygen_simulator):\n    pass")

        result = run.runpytest_subprocess()
        result.assert_outcomes(errors=1)
        result.stdout.fnmatch_lines(["*pip install 'flask-heygen[[]simulator[]]'"])


class TestCost:
    def test_is_nothing(self, run: pytest.Pytester) -> None:
        """A run that does not use it imports neither Flask nor aiohttp, nor more of the package."""
        run.makepyfile(
            "import sys\n"
            "def test_imports():\n"
            "    ours = {each for each in sys.modules if each.startswith('flask_heygen')}\n"
            "    assert ours == {'flask_heygen', 'flask_heygen.pytest_plugin'}\n"
            "    assert not {'flask', 'requests', 'aiohttp'} & set(sys.modules)\n"
        )

        run.runpytest_subprocess().assert_outcomes(passed=1)
