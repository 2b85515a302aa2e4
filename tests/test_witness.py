"""The witness: a run in which any test has a secret told fails, and says which and where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).parent
KEY = "witnessed-key-of-the-host"
TEXT = "Why did you leave Cyberdyne?"

_TESTS = f"""
import logging

import pytest
from flask import Flask, request

from flask_heygen import HeyGen, HeyGenError
from flask_heygen.simulator import Simulator

def lose(secret):
    try:
        raise ValueError(secret)
    except ValueError:
        HeyGenError()

@pytest.mark.parametrize("act", {{acts!r}}.values(), ids={{acts!r}})
def test(act, tmp_path):
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

#: What gives nothing away.
HARMLESS = {
    "nothing": "",
    "other words": f"print('{TEXT[:17]}, {KEY[-17:]}'); logging.warning('Why do you stay?')",
    "a host's page": f"says['/'] = '{TEXT}'; page.get('/')",
}
#: What gives something away, and what is told of it.
LEAKS = {
    "a key": (f"logging.warning('%s', '{KEY}')", "the log root tells a key or a token"),
    "a token": (
        "logging.warning(simulator.tokens[-1].value)",
        "the log root tells a key or a token",
    ),
    "a text": (f"logging.warning('{TEXT}')", "the log root tells a text"),
    "a part": (f"logging.warning('x{TEXT[3:21]}x')", "the log root tells a text"),
    "an escape": ("logging.warning('Why%20did%20you%20leave')", "the log root tells a text"),
    "two": (f"logging.warning('{TEXT} {KEY}')", "the log root tells a key or a token and a text"),
    "an error": (f"HeyGenError('{TEXT}')", "a HeyGenError tells a text"),
    "its cause": (f"lose('{KEY}')", "a HeyGenError tells a key or a token"),
    "an answer": (
        f"says['/api/heygen/stop'] = '{TEXT}'; page.post('/api/heygen/stop')",
        "an answer of /api/heygen/stop tells a text",
    ),
    "a page": (
        f"says['/'] = ('', {{'X': '{KEY}'}}); page.get('/')",
        "an answer of / tells a key or a token",
    ),
    "an output": (f"print('{KEY}')", "stdout tells a key or a token"),
    "a file": (
        f"(tmp_path / 'gunicorn.log').write_text('INFO {TEXT}')",
        "a server's log tells a text",
    ),
}

#: As coverage does it, and with as many switches from thread to thread as can be had.
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


def run(acts: Mapping[str, str], tmp_path: Path) -> tuple[int, str]:
    """Run a test for each act, with the witness; return what the run exits with, and prints."""
    (tmp_path / "test_acts.py").write_text(_TESTS.format(acts=dict(acts)))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "witness", "-p", "no:cacheprovider"]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout


class TestARun:
    def test_passes_where_nothing_is_told(self, tmp_path: Path) -> None:
        """Whatever else is said; the words of a text are a host's own to show."""
        status, told = run(HARMLESS, tmp_path)

        assert (status, "secrets that were told" in told) == (0, False), told

    def test_lets_all_threads_run(self, tmp_path: Path) -> None:
        """One that dies as it starts has others wait for it, forever."""
        status, told = run({"threads that are followed": THREADS}, tmp_path)

        assert status == 0, told

    def test_fails_where_a_secret_is_told(self, tmp_path: Path) -> None:
        """Though all of its tests pass; each leak is named, and none repeated."""
        status, told = run({name: act for name, (act, _) in LEAKS.items()}, tmp_path)

        expected = {f"test_acts.py::test[{name}]: {leak}" for name, (_, leak) in LEAKS.items()}
        assert status == 1, told
        assert set(told.partition("told ")[2].splitlines()) & expected == expected, told
        assert f"{len(LEAKS)} passed" in told
        assert KEY not in told
        assert TEXT not in told
