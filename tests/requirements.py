"""The real parts that tests run, and what becomes of a test where one of them is missing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

#: Whether all has to be tried.
CI = bool(os.environ.get("CI"))
MODULES = Path(__file__).parents[1] / "example_app/node_modules"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test that cannot be run on a laptop; in CI, fail it."""
    if CI:
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """Return where a program of Debian is, which is not always where a user looks."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        skip_or_fail(f"There is no {name}; Debian: apt-get install {package}.")
    return path


def unmeasured() -> dict[str, str]:
    """Return the environment of a program that has too much to do to be measured for coverage."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE_PROCESS_")
    }


def module(path: str) -> Path:
    """Return a file that npm has installed for the example."""
    if not (MODULES / path).is_file():
        skip_or_fail(f"There is no {path}: npm ci in example_app.")
    return MODULES / path
