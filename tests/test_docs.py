"""The README: what it lists is what the code has, and its Python runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from flask_heygen import HeyGen, HeyGenClient, HeyGenError, heygen_bp
from flask_heygen.client import TASK_TYPES
from flask_heygen.settings import Settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCUMENTS = (
    "flask_heygen/simulator/README.md",
    "README.md",
    "example_app/README.md",
    "tests/README.md",
    "example_app/recipes/moving/README.md",
)
#: What the README's Python reads from the environment.
ENVIRONMENT = {
    "HEYGEN_API_KEY": "a-key-of-the-readme",
    "LIVEAVATAR_API_KEY": "a-key-of-liveavatar",
    "LIVEAVATAR_AVATAR_ID": "dd73ea75-1218-4ef3-92ce-606d5f7fbc0a",
    "FLASK_SECRET_KEY": "a secret of the readme",
    "PYTEST_ADDOPTS": "",
}


def section(title: str) -> str:
    text = README.read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def kinds(kind: type[HeyGenError] = HeyGenError) -> Iterator[type[HeyGenError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the fragments by which the headings of a document can be linked to."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


class TestReadme:
    def test_is_short(self) -> None:
        """The front page is read to its end."""
        assert len(README.read_text().splitlines()) <= 300

    def test_has_a_short_changelog(self) -> None:
        """A release has at most 25 lines."""
        releases = (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]

        assert max(len(each.strip().splitlines()) for each in releases) <= 25

    def test_says_first_which_api_is_alive(self) -> None:
        """A reader who buys a key buys the right one."""
        first = README.read_text().split("\n\n")[1]

        assert "LiveAvatar key is the one to get" in first
        assert "retired its v1 streaming API" in first

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_has_no_dead_link(self, name: str) -> None:
        """Each relative link leads to a file, and each fragment to a heading."""
        document = ROOT / name
        text = document.read_text()
        links = re.findall(r"\]\(([^):]+)\)", text) + re.findall(r'src(?:set)?="([^":]+)"', text)

        dead = []
        for link in links:
            path, _, fragment = link.partition("#")
            target = document.parent / path if path else document
            if not target.exists() or (fragment and fragment not in anchors(target)):
                dead.append(link)
        assert dead == []


class TestSettings:
    def test_are_all_listed_with_their_defaults(self) -> None:
        """Key and default of each row are those of the dataclass, in its order."""
        listed = [(key.strip("`"), default.strip("`")) for key, default, _ in rows("Settings")]

        expected = []
        for each in fields(Settings):
            factory = each.default_factory
            default = None if factory is MISSING else factory()
            shown = "required" if default is None else repr(default).replace("'", '"')
            expected.append((f"HEYGEN_{each.name.upper()}", shown))
        assert listed == expected


def _verb(rule: Rule) -> str:
    return next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))


class TestRoutes:
    def test_are_all_listed(self) -> None:
        """Each route of the blueprint has its row, and no row is made up."""
        app = Flask(__name__)
        app.register_blueprint(heygen_bp)

        listed = [route.strip("`") for route, *_ in rows("Routes")]

        ours = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("heygen.")]
        assert listed == [f"{_verb(rule)} {rule.rule}" for rule in ours]

    def test_name_the_task_types(self) -> None:
        """The task's row names each type that a task may have."""
        row = next(body for route, body, *_ in rows("Routes") if "/task" in route)

        assert all(f"`{name}`" in row for name in TASK_TYPES)


class TestCommands:
    def test_are_all_named(self) -> None:
        """Each command of the blueprint is, and so is each call from Python that lists or reads."""
        text = section("Command line")

        assert [
            name
            for name in HeyGen().cli.commands
            if f"`{name}`" not in text.replace("flask heygen ", "")
        ] == []

    @pytest.mark.parametrize(
        "name",
        [
            "sessions",
            "session",
            "transcript",
            "delete_transcript",
            "credits",
            "avatars",
            "voices",
        ],
    )
    def test_have_their_call_from_python(self, name: str) -> None:
        """Each method of the client that the README names exists."""
        assert f"`{name}()`" in section("In an application factory")
        assert callable(getattr(HeyGenClient, name))


class TestErrors:
    def test_are_all_listed(self) -> None:
        """Status and code of each row are those of an error class, and the other way round."""
        listed = {(int(status), code.strip("`")) for status, code, _ in rows("Errors")}

        expected = {(kind.status, kind.code) for kind in kinds() if "code" in vars(kind)}
        assert listed == expected


class TestPython:
    def test_runs(self, tmp_path: Path) -> None:
        """All blocks together are a module, and its tests pass."""
        module = tmp_path / "test_readme.py"
        module.write_text("\n\n".join(blocks("python")))
        # A checkout whose entry points were not installed has the fixture, too.
        plugin = "from flask_heygen.pytest_plugin import heygen_simulator"
        (tmp_path / "conftest.py").write_text(plugin)

        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)]
        ran = subprocess.run(
            pytest,
            cwd=tmp_path,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,
        )

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert " passed" in ran.stdout

    def test_sets_up_liveavatar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The ten lines are all that is needed."""
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        names: dict[str, Any] = {"__name__": "host"}

        exec(blocks("python")[0], names)

        settings = Settings.from_mapping(names["app"].config)
        assert settings.api == "liveavatar"
        assert settings.api_key.startswith("a-key-of-")
