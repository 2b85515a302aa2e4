"""The browser that is driven: Debian's Chromium, and what is said where something is missing."""

from __future__ import annotations

import os
import shutil

import pytest

#: A browser that calls nobody by itself: what it asks for, the page asked for.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def lack(advice: str) -> None:
    """Skip what cannot be tried here; in CI all of it has to be."""
    say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    say(advice)


def program(name: str, advice: str) -> str:
    """Return where a program is."""
    found = shutil.which(name)
    if found is None:
        lack(advice)
    return str(found)
