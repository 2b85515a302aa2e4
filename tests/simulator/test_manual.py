"""The simulator's README: what it lists is what the code has, and its Python runs."""

import inspect
import re
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
from flask import Flask

from flask_heygen import HeyGen
from flask_heygen import simulator as package
from flask_heygen.simulator import Exchange, Fault, Simulator
from flask_heygen.simulator.config import Config
from tests.constants import KEY

README = (Path(package.__file__).parent / "README.md").read_text()


def rows(title: str) -> list[list[str]]:
    section = README.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


class TestTables:
    def test_of_the_options(self) -> None:
        """Each option has its default and the description that ``--help`` has."""
        expected = []
        for field in fields(Config):
            factory = field.default_factory
            default = field.default if factory is MISSING else factory()
            expected.append([f"`{field.name}`", f"`{default!r}`", field.metadata["help"]])

        assert rows("Options") == expected

    def test_of_the_methods(self) -> None:
        """Each public method and property is there, with its parameters."""
        listed = re.findall(
            r"`(\w+)(\([^`]*\))?`", " ".join(row[0] for row in rows("Methods and attributes"))
        )
        members = {
            name: member for name, member in vars(Simulator).items() if not name.startswith("_")
        }
        del members["port"], members["ssl_context"]

        assert {name for name, _ in listed} == set(members)
        for name, parameters in listed:
            if parameters:
                signature = inspect.signature(members[name])
                declared = [
                    each.name if each.default is each.empty else f"{each.name}={each.default!r}"
                    for each in list(signature.parameters.values())[1:]
                ]
                assert parameters == f"({', '.join(declared)})".replace("'", '"')

    def test_of_an_exchange(self) -> None:
        """Each attribute and method for a fault of one's own is there."""
        listed = re.findall(r"`(\w+)", " ".join(row[0] for row in rows("Faults")[len(Fault) + 2 :]))
        internal = {"handler", "on_status", "note"}
        members = {*Exchange.__annotations__, *vars(Exchange)} - internal

        assert set(listed) == {name for name in members if not name.startswith("_")}

    def test_of_the_faults(self) -> None:
        """Each member is there, with its name over HTTP."""
        listed = [
            (name.strip("`"), value.strip("`")) for name, value, _ in rows("Faults")[: len(Fault)]
        ]

        assert listed == [(str(fault), fault.value) for fault in Fault]


class TestPython:
    @pytest.fixture
    def app(self) -> Flask:
        app = Flask(__name__)
        app.testing = True
        app.register_blueprint(HeyGen())
        return app

    def test_runs(self, app: Flask, capsys: pytest.CaptureFixture[str]) -> None:
        """The test of the first block passes, and the other blocks run."""
        test, use, fault = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        with Simulator() as simulator:
            app.config.update(HEYGEN_BASE_URL=simulator.url, HEYGEN_API_KEY=KEY)
            names: dict[str, object] = {}
            exec(test, names)
            names["test_the_question_is_spoken"](app, simulator)  # type: ignore[operator]
        exec(use, names)
        exec(fault, names)

        assert capsys.readouterr().out.startswith("http://127.0.0.1:")
