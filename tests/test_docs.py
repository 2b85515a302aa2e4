"""The README: what it lists is what the code has, and its Python runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from flask_heygen import HeyGenError, heygen_bp
from flask_heygen.client import TASK_TYPES
from flask_heygen.settings import Settings

README = Path(__file__).parents[1] / "README.md"
MOVING = "Which of HeyGen's APIs"
#: The sections whose blocks are each for another app; test_recipes.py runs them.
RECIPES = ("Whose session it is", "Recipes", "An interview log in ten lines")


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


class TestSettings:
    def test_are_all_listed_with_their_defaults(self) -> None:
        """Key and default of each row are those of the dataclass, in its order."""
        listed = [(key.strip("`"), default.strip("`")) for key, default, _ in rows("Settings")]

        told = []
        for each in fields(Settings):
            factory = each.default_factory
            default = None if factory is MISSING else factory()
            shown = "required" if default is None else repr(default).replace("'", '"')
            told.append((f"HEYGEN_{each.name.upper()}", shown))
        assert listed == told


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


class TestErrors:
    def test_are_all_listed(self) -> None:
        """Status and code of each row are those of an error class, and the other way round."""
        listed = {(int(status), code.strip("`")) for status, code, _ in rows("Errors")}

        told = {(kind.status, kind.code) for kind in kinds() if "code" in vars(kind)}
        assert listed == told


class TestPython:
    def test_runs(self, tmp_path: Path) -> None:
        """All blocks but the recipes together are a module, and its tests pass."""
        text = README.read_text()
        for title in (*RECIPES, MOVING):
            text = text.replace(section(title), "")
        blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        module = tmp_path / "test_readme.py"
        module.write_text("\n\n".join(blocks))

        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(module)]
        ran = subprocess.run(
            pytest,
            cwd=tmp_path,
            env={**os.environ, "HEYGEN_API_KEY": "a-key-of-the-readme", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )

        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert " passed" in ran.stdout

    def test_moves_an_app_to_liveavatar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The five lines are all that is needed."""
        app = Flask(__name__)
        monkeypatch.setenv("LIVEAVATAR_API_KEY", "a-key-of-liveavatar")
        [block] = re.findall(r"```python\n(.*?)```", section(MOVING), re.DOTALL)

        exec(block, {"app": app, "os": os})

        settings = Settings.from_mapping(app.config)
        assert (settings.api, settings.api_key) == ("liveavatar", "a-key-of-liveavatar")
