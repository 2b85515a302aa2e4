"""Programs and modules that tests need, and what happens without them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

#: Whether nothing may be skipped.
CI = bool(os.environ.get("CI"))
MODULES = Path(__file__).parents[1] / "example_app/node_modules"


def skip_or_fail(reason: str) -> NoReturn:
    """Skip a test that cannot run here; in CI, fail it."""
    if CI:
        pytest.fail(reason)
    pytest.skip(reason)


def program(name: str, package: str) -> str:
    """Return the path of a program, which Debian may have put outside PATH."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        skip_or_fail(f"There is no {name}; Debian: apt-get install {package}.")
    return path


def unmeasured() -> dict[str, str]:
    """Return the environment of a program that coverage would slow down too much."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("COVERAGE_PROCESS_")
    }


def module(path: str) -> Path:
    """Return the path of a file that npm has installed for the example."""
    if not (MODULES / path).is_file():
        skip_or_fail(f"There is no {path}: npm ci in example_app.")
    return MODULES / path
