"""Tests of the benchmark, which run it for a few seconds and assert no times."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.bench.chart import chart
from tests.bench.figures import Figures, compared, medians
from tests.bench.load import Load
from tests.bench.rounds import Results
from tests.bench.targets import HERE, Target, targets
from tests.requirements import program, skip_or_fail, unmeasured

TARGETS = targets("https://upstream.test", threads=16)
LOAD = "5/s"
BRIEF = "--rounds 1 --seconds 1.2 --warm-up 0.2 --run-in 0.4 --threads 16 --markdown --loads"


def need(missing: list[str]) -> None:
    """Skip the test if a requirement is missing."""
    if missing:
        skip_or_fail(f"{', '.join(missing)} is not installed.")


@pytest.fixture(scope="module")
def command() -> list[str]:
    """Return the command; skip if its requirements are missing."""
    need([name for name in ("uvloop", "certifi") if find_spec(name) is None])
    return [sys.executable, str(HERE)]


@pytest.fixture(scope="module")
def result(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all installed targets; return the command's output and its figures."""
    program("openssl", "openssl")
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    options = [*BRIEF.split(), LOAD, "--json", str(file)]
    ran = subprocess.run(
        [*command, *options],
        env=unmeasured(),
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {"stdout": ran.stdout, "stderr": ran.stderr, **json.loads(file.read_text())}


@pytest.fixture(params=TARGETS, ids=lambda each: each.name)
def target(request: pytest.FixtureRequest) -> Target:
    """Return each target that is installed."""
    each: Target = request.param
    need(each.missing)
    return each


@pytest.mark.ci
class TestTargets:
    def test_speak_without_an_error(self, result: dict[str, Any], target: Target) -> None:
        """Each target answers all of its tasks, with the id of the same task."""
        figures = Figures(**result["figures"][LOAD][target.name])

        assert (figures.errors, figures.given_up) == (0, 0)
        assert figures.rate > 0

    def test_have_all_figures(self, result: dict[str, Any], target: Target) -> None:
        """Only figures that need more tasks are missing."""
        figures = result["figures"][LOAD][target.name]

        assert {name for name, value in figures.items() if value is None} <= {
            "p95",
            "p99",
            "known_to",
        }

    def test_make_as_many_calls_as_their_design_says(
        self, result: dict[str, Any], target: Target
    ) -> None:
        """A task waits for one upstream call with flask_heygen, and for two with the others."""
        figures = Figures(**result["figures"][LOAD][target.name])
        assert figures.calls is not None
        assert figures.tokens is not None

        waits, tokens = round(figures.calls), round(figures.tokens)

        pooled = target.name.startswith("ours")
        expected = (1, 0) if target.name == "nginx" else (1 if pooled else 2, 1)
        assert (waits, tokens) == expected


@pytest.mark.ci
class TestRun:
    def test_prints_the_ceiling_first(self, result: dict[str, Any]) -> None:
        """The ceiling is printed before any figure, as it limits them all."""
        before, round_1, _ = result["stderr"].partition("round 1, ")

        assert "Load and upstream alone: " in before
        assert round_1
        assert result["stdout"].startswith(
            f"Load and upstream alone: {result['ceiling']:,.0f} calls/s"
        )

    def test_prints_the_table_of_the_readme(self, result: dict[str, Any]) -> None:
        """The table has a row for each target and one for direct calls."""
        rows = [line for line in result["stdout"].splitlines() if line.startswith("| ")]

        assert len(rows) == 2 + len(result["figures"][LOAD])
        assert len({row.count("|") for row in rows}) == 1

    def test_measures_more_workers_and_http(self, command: list[str]) -> None:
        """The command accepts another scheme and number of workers."""
        need(TARGETS[1].missing)
        options = f"{BRIEF} {LOAD} --scheme http --workers 2 --only ours-gthread"
        ran = subprocess.run(
            [*command, *options.split()],
            env=unmeasured(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

        assert ran.returncode == 0, ran.stdout + ran.stderr
        rows = [line for line in ran.stdout.splitlines() if line.startswith("| flask_heygen")]
        assert len(rows) == 1


class TestCommand:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (
                ["--loads", "50 in flight"],
                "'50 in flight' is not a load; examples: 20/s, 50, 50-0ms",
            ),
            (["--only", "django"], "There is no target named django."),
        ],
    )
    def test_rejects_unknown_names(
        self, command: list[str], wrong: list[str], message: str
    ) -> None:
        """An unknown name is reported in one line, before anything is measured."""
        ran = subprocess.run(
            [*command, *wrong], capture_output=True, text=True, check=False, timeout=60
        )

        assert ran.returncode != 0
        assert ran.stderr.splitlines()[-1].endswith(message)
        assert "Traceback" not in ran.stderr


class TestLoads:
    @pytest.mark.parametrize(
        ("name", "load", "title"),
        [
            ("1/s", Load(rate=1), "1 task/s"),
            ("20/s", Load(rate=20), "20 tasks/s"),
            ("1000", Load(clients=1000), "1,000 in flight"),
            ("50-0ms", Load(clients=50, latency=False), "50 in flight, 0 ms"),
        ],
    )
    def test_have_names_that_say_all(self, name: str, load: Load, title: str) -> None:
        assert Load.named(name) == load
        assert load.title == title

    @pytest.mark.parametrize("name", ["0", "0/s", "many", "50ms"])
    def test_have_no_other_names(self, name: str) -> None:
        with pytest.raises(ValueError, match=name):
            Load.named(name)


class TestFigures:
    def test_are_compared_within_a_round(self) -> None:
        """A round that is slow for all targets does not change their ratios."""
        pairs = [(110.0, 100.0), (330.0, 300.0), (121.0, 110.0)]
        rounds = [compared(Figures(p50=one), Figures(p50=direct)) for one, direct in pairs]

        assert medians(rounds).ratio == pytest.approx(1.1)
        assert medians(rounds).added == pytest.approx(11)

    def test_are_lower_bounds_where_tasks_were_given_up(self) -> None:
        """Percentiles above the shortest wait of a task given up are lower bounds."""
        figures = medians([Figures(p50=100, p95=6000), Figures(p50=100, p95=6000, known_to=5000)])

        assert not figures.hides("p50")
        assert figures.hides("p95")


class TestChart:
    def test_is_an_image(self) -> None:
        """The SVG is well-formed, and says "no answer" in place of a missing bar."""
        figures = {"ours": Figures(p50=150, ratio=1.0), "theirs": Figures(p50=900, ratio=6.0)}
        results = Results(1000, {"1/s": figures, "50": {**figures, "theirs": Figures()}})

        image = ET.fromstring(chart(results, {"ours": "Ours", "theirs": "R & D"}))

        words = [text.text for text in image.iter("{http://www.w3.org/2000/svg}text")]
        assert {"Ours", "R & D", "1.00\u00d7", "6.00\u00d7", "no answer"} <= set(words)
