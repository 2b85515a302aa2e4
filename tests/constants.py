"""Secrets of the tests, long enough for the leak detector to search for."""

from __future__ import annotations

#: An API key.
KEY = "a-key-that-no-test-may-tell"


def question(number: int) -> str:
    """Return one of many texts that are to be spoken."""
    return f"What did you learn from your project {number}?"
