"""A run in which any test leaks a secret fails, and names the test and the place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEY = "detected-key-of-the-host"
TEXT = "Why did you leave Cyberdyne?"

_TESTS = f"""
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import requests
from flask import Flask, request

from flask_heygen import HeyGen, HeyGenError
from flask_heygen.simulator import Simulator

def lose(secret):
    try:
        raise ValueError(secret)
    except ValueError:
        HeyGenError()

def fail(error=None, **before):
    raise error or HeyGenError() from before.get("cause")

def run(code):
    subprocess.run([sys.executable, "-c", code], capture_output=True)

@pytest.mark.parametrize("act", {{acts!r}}.values(), ids={{acts!r}})
def test(act, tmp_path, leak_detector):
    app = Flask("host")
    app.register_blueprint(HeyGen())
    says = {{{{}}}}
    app.before_request(lambda: says.get(request.path))
    with Simulator() as simulator:
        app.config.update(TESTING=True, HEYGEN_API_KEY="{KEY}", HEYGEN_BASE_URL=simulator.url)
        page = app.test_client()
        started = page.post("/api/heygen/start", json={{{{}}}}).json["data"]
        task = {{{{"session_id": started["session_id"], "text": "{TEXT}"}}}}
        assert page.post("/api/heygen/task", json=task).status_code == 200
        exec(act, {{{{**globals(), **locals()}}}})
"""

#: Code that leaks nothing.
HARMLESS = {
    "nothing": "",
    "other words": f"print('{TEXT[:17]}, {KEY[-17:]}'); logging.warning('Why do you stay?')",
    "a process's output": f'run("print({TEXT!r})")',
    "an error of a test's own call": f"""
with pytest.raises(OSError):
    requests.post("http://127.0.0.1:1", json=dict(text="{TEXT}"))
""",
    "a host's page": f"says['/'] = '{TEXT}'; page.get('/')",
}
#: Code that leaks something, and the line reported for it.
LEAKS = {
    "a key": (f"logging.warning('%s', '{KEY}')", "the log root leaks a key or a token"),
    "a token": (
        "logging.warning(simulator.tokens[-1].value)",
        "the log root leaks a key or a token",
    ),
    "a text": (f"logging.warning('{TEXT}')", "the log root leaks a text"),
    "a part": (f"logging.warning('x{TEXT[3:21]}x')", "the log root leaks a text"),
    "an escape": ("logging.warning('Why%20did%20you%20leave')", "the log root leaks a text"),
    "two": (f"logging.warning('{TEXT} {KEY}')", "the log root leaks a key or a token and a text"),
    "an error": (f"HeyGenError('{TEXT}')", "a HeyGenError leaks a text"),
    "its cause": (f"lose('{KEY}')", "a HeyGenError leaks a key or a token"),
    "its cause's request": (
        f"""
with pytest.raises(HeyGenError):
    fail(cause=requests.ConnectionError(request=requests.Request(headers=dict(X="{KEY}"))))
""",
        "an error that was caught leaks a key or a token",
    ),
    "what it was raised in place of": (
        f"""
try:
    raise requests.ConnectionError(request=requests.Request(json=dict(text='{TEXT}')))
except OSError:
    HeyGenError()
""",
        "a HeyGenError leaks a text",
    ),
    "an error of Flask's": (
        f"""
other = Flask("other")
other.add_url_rule("/", view_func=lambda: fail(cause=ValueError("As a cause: {KEY}")))
other.register_error_handler(HeyGenError, lambda error: "Sorry.")
other.test_client().get("/")
""",
        "a HeyGenError leaks a key or a token",
    ),
    "another error": (
        f"""
with pytest.raises(ValueError):
    fail(ValueError("By itself: {KEY}"))
""",
        "an error that was caught leaks a key or a token",
    ),
    "an answer": (
        f"says['/api/heygen/stop'] = '{TEXT}'; page.post('/api/heygen/stop')",
        "an answer of /api/heygen/stop leaks a text",
    ),
    "a page": (
        f"says['/'] = ('', {{'X': '{KEY}'}}); page.get('/')",
        "an answer of / leaks a key or a token",
    ),
    "an output": (f"print('{KEY}')", "stdout leaks a key or a token"),
    "a file": (
        f"(tmp_path / 'gunicorn.log').write_text('INFO {TEXT}')",
        "a server's log leaks a text",
    ),
    "a file below": (
        f"(tmp_path / 'one').mkdir(); (tmp_path / 'one' / 'log').write_text('INFO {KEY}')",
        "a server's log leaks a key or a token",
    ),
    "a file elsewhere": (
        f"""
with tempfile.TemporaryDirectory() as name:
    (Path(name) / "nginx.log").write_text("NOTICE {KEY}")
    leak_detector.read_logs(Path(name))
""",
        "a server's log leaks a key or a token",
    ),
    "a process": (
        f'run("import sys; print({TEXT!r}, file=sys.stderr)")',
        "the stderr of a process leaks a text",
    ),
    "its output": (f'run("print({KEY!r})")', "the stdout of a process leaks a key or a token"),
    "a key of a process": (
        """
key = "another-key-for-a-process"
subprocess.run([sys.executable, "-c", ""], env={"FLASK_HEYGEN_API_KEY": key})
logging.warning(key)
""",
        "the log root leaks a key or a token",
    ),
    "a short key": (
        """
app.config.update(HEYGEN_API_KEY="a-key")
page.post("/api/heygen/start", json={})
""",
        "a key or a token is shorter than 18 characters",
    ),
}

#: Traced as by coverage, with as many switches between threads as possible.
THREADS = """
import sys, threading

def start_some():
    some = [threading.Thread(target=ran.append, args=(None,)) for _ in range(500)]
    for thread in some:
        thread.start()
    for thread in some:
        thread.join()

ran = []
threading.settrace(lambda *_: None)
sys.setswitchinterval(1e-6)
starters = [threading.Thread(target=start_some) for _ in range(8)]
for starter in starters:
    starter.start()
for starter in starters:
    starter.join()
assert len(ran) == 8 * 500
"""


#: Without the plugins that are installed, which take long to import.
_PLAIN = {"PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def run(acts: Mapping[str, str], tmp_path: Path, workers: int = 0) -> tuple[int, str]:
    """Run a test for each act with the leak detector; return the run's exit code and output."""
    (tmp_path / "test_acts.py").write_text(_TESTS.format(acts=dict(acts)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.leak_detector"]
    command += ["-p", "no:cacheprovider", "-p", "xdist", "-n", str(workers)]
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, **_PLAIN},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


class TestRun:
    def test_passes_without_a_leak(self, tmp_path: Path) -> None:
        """Other output is no leak, and a host may show the words of a text.

        All threads start: one that dies as it starts would block the one that started it.
        """
        status, output = run({**HARMLESS, "threads that are traced": THREADS}, tmp_path)

        assert (status, "leaked secrets" in output) == (0, False), output

    @pytest.mark.parametrize(("workers", "count"), [(0, 2), (2, len(LEAKS))])
    def test_fails_with_a_leak(self, tmp_path: Path, workers: int, count: int) -> None:
        """Though its tests pass, in each worker; each leak is named once and not repeated."""
        leaks = dict(list(LEAKS.items())[:count])

        status, output = run({name: act for name, (act, _) in leaks.items()}, tmp_path, workers)

        expected = {f"test_acts.py::test[{name}]: {leak}" for name, (_, leak) in leaks.items()}
        assert status == 1, output
        assert set(output.partition("leaked secrets ")[2].splitlines()) & expected == expected
        assert f"{count} passed" in output
        assert KEY not in output
        assert TEXT not in output

    def test_fails_where_a_worker_was_not_searched(self, tmp_path: Path) -> None:
        """A worker that hands in no result counts as a leak."""
        act = "import sys; sys.modules['tests.leak_detector']._LEAKS = 'elsewhere'"

        status, output = run({"no result": act}, tmp_path, 1)

        assert status == 1, output
        assert "worker gw0: not searched for leaks" in output
