"""Tests of the soak, which run it for some seconds per worker class and assert no times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from flask_heygen.simulator import Call
from tests.bench.soak.checks import Open, Violations, check, still_open
from tests.bench.soak.interviews import CUT, REQUEST, SUCCESS, UNANSWERED, Answer
from tests.bench.soak.scenario import Record, used_twice
from tests.bench.soak.workers import Life, Sample
from tests.bench.tables import replace_table
from tests.bench.targets import HERE, KEY
from tests.leak_detector import LeakDetector
from tests.requirements import skip_or_fail

#: A short soak, in which tokens expire between two texts.
BRIEF = "--minutes 0.13 --interviews 30 --think 0.2 1 --token-seconds 0.5 --seed 41 --markdown"
#: The error codes that a page may receive.
CODES = {
    SUCCESS,
    CUT,
    "heygen_auth_failed",  # on a slow machine, in which a fresh token expires before it is used
    "heygen_error",
    "outcome_unknown",
    "rate_limited",
}


@pytest.fixture(scope="class", params=["gevent", "gthread"])
def result(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    leak_detector: LeakDetector,
) -> Any:
    """Run the soak with one worker class; return the command's output and its report."""
    for module in ("gunicorn", "gevent"):
        if find_spec(module) is None:
            skip_or_fail(f"{module} is not installed.")
    if not Path("/proc/self/status").exists():
        skip_or_fail("There is no /proc, to read a worker's memory and sockets from.")
    folder = tmp_path_factory.mktemp("soak")
    file = folder / "report.json"
    command = [sys.executable, "-W", "error", str(HERE / "soak"), *BRIEF.split()]
    command += ["--worker", request.param, "--json", str(file), "--logs", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    leak_detector.read_logs(folder)
    leak_detector.add_request(json.dumps({"text": REQUEST}))
    for credential in (KEY, *(folder / request.param / "tokens").read_text().splitlines()):
        leak_detector.add_credential(credential)
    return {"stdout": ran.stdout, **json.loads(file.read_text())[request.param]}


@pytest.mark.ci
class TestSoak:
    """30 interviews, while workers are reloaded and killed and some vendor calls fail."""

    def test_loses_nothing_and_doubles_nothing(self, result: Any) -> None:
        """No text is lost or spoken twice, no session leaks, and no token serves two requests."""
        assert Violations(**result["violations"]) == Violations()
        assert result["spoken"] > 50

    def test_answers_known_codes(self, result: Any) -> None:
        assert {key.partition(" ")[2] for key in result["answers"]} <= CODES
        assert result["tracebacks"] == 0

    def test_has_all_disturbances(self, result: Any) -> None:
        """The soak covers reloads, kills, expired tokens and faults of the vendor."""
        statuses = {key.rpartition(" ")[2] for key in result["calls"]}

        assert (result["reloads"], result["kills"]) == (1, 1)
        assert "401" in statuses
        assert "429" in statuses
        assert statuses & {"500", "502"}
        assert len(result["lives"]) >= 4

    def test_prints_the_table_of_the_readme(self, result: Any) -> None:
        rows = [line for line in result["stdout"].splitlines() if line.startswith("| ")]

        assert len(rows) > 5
        assert {row.count("|") for row in rows} == {3}


def asked(route: str, name: str, code: str = SUCCESS, **data: Any) -> Answer:
    return Answer(route, name, code, 0.1, data)


class TestViolations:
    def test_are_none_where_all_agree(self) -> None:
        answers = [asked("start", "one"), asked("task", "Text.", task_id="task-1")]

        assert check(answers, Record([("Text.", "task-1")], [("one", False)], {}, ["t"], 0)).good

    @pytest.mark.parametrize(
        ("answer", "spoken", "violations"),
        [
            (asked("task", "Text.", task_id="1"), [], Violations(lost=["Text."])),
            (asked("task", "Text.", task_id="1"), [("Text.", "2")], Violations(lost=["Text."])),
            (asked("task", "Text.", UNANSWERED), [], Violations(lost=["Text."])),
            (
                asked("task", "Text.", task_id="1"),
                [("Text.", "1"), ("Text.", "2")],
                Violations(doubled=["Text."]),
            ),
            (asked("task", "Text.", "heygen_error"), [("Text.", "1")], Violations(false=["Text."])),
            (asked("task", "Text.", "heygen_error"), [], Violations()),
            (asked("task", "Text.", "outcome_unknown"), [("Text.", "1")], Violations()),
            (asked("task", "Text.", CUT), [("Text.", "1")], Violations()),
        ],
    )
    def test_are_found_in_each_text(
        self, answer: Answer, spoken: list[tuple[str, str]], violations: Violations
    ) -> None:
        assert check([answer], Record(spoken, [], {}, [], 0)) == violations

    @pytest.mark.parametrize(
        ("code", "violations", "explained"),
        [
            (SUCCESS, Violations(), Open(cut=0, in_doubt=0, unstopped=1)),
            (CUT, Violations(), Open(cut=1, in_doubt=0, unstopped=0)),
            ("outcome_unknown", Violations(), Open(cut=0, in_doubt=1, unstopped=0)),
            ("heygen_error", Violations(leaked=["one"]), Open(cut=0, in_doubt=0, unstopped=0)),
        ],
    )
    def test_are_found_in_each_session_left_open(
        self, code: str, violations: Violations, explained: Open
    ) -> None:
        answers, record = [asked("start", "one", code)], Record([], [("one", True)], {}, [], 0)

        assert check(answers, record) == violations
        assert still_open(answers, record) == explained

    @pytest.mark.parametrize(
        ("calls", "times"),
        [
            (["interrupt", "task"], 0),
            (["new", "start", "stop"], 0),
            (["task", "task"], 1),
        ],
    )
    def test_are_found_in_each_token(self, calls: list[str], times: int) -> None:
        """A token may serve all calls of one request, and no second request."""
        made = [Call(name, "POST", f"/v1/{name}", "t", {}, 0.0) for name in calls]

        assert used_twice(made) == times

    def test_sees_a_token_of_two_sessions(self) -> None:
        made = [
            Call(name, "POST", f"/v1/{name}", "t", {"session_id": name}, 0.0)
            for name in ("interrupt", "task")
        ]

        assert used_twice(made) == 1


class TestLife:
    def test_has_a_growth_after_the_warm_up(self) -> None:
        """Memory that a worker takes during the warm-up is not counted as growth."""
        first = [Sample(at, 20.0 + 2 * at, 1, 1) for at in range(10)]
        later = [Sample(at, 40.0 + at / 60, 2, 3) for at in range(10, 700)]

        life = Life.of([*first, *later], warm_up=10)

        assert life.growth == pytest.approx(60)
        assert (life.threads, life.sockets) == (2, 3)

    def test_is_too_short_for_one(self) -> None:
        """Minutes are not extrapolated to an hour, as caches still fill up in them."""
        samples = [Sample(at, 20.0, 1, 1) for at in range(600)]

        assert Life.of(samples, warm_up=5).growth is None


class TestReadme:
    def test_is_renewed_between_its_marks(self) -> None:
        readme = "Before.\n<!-- soak -->\nold\n<!-- /soak -->\nAfter.\n"

        assert replace_table(readme, "soak", "new") == readme.replace("old", "new")

    def test_must_have_them(self) -> None:
        with pytest.raises(ValueError, match="soak"):
            replace_table("Nothing.\n", "soak", "new")
