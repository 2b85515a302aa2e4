"""Shared fixtures: a host's app, and the vendor (``vendor``: exact replies, ``sim``: simulated)."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from flask import Flask
from flask.testing import FlaskClient

from flask_heygen import heygen_bp
from flask_heygen.backends import token_pool

if TYPE_CHECKING:
    from flask_heygen.simulator import Simulator

pytest_plugins = ["tests.leak_detector"]

#: What the vendor answers when all is well, by the last word of the endpoint.
_REPLIES: dict[str, dict[str, Any]] = {
    "new": {
        "code": 100,
        "message": "success",
        "data": {
            "session_id": "a-session",
            "url": "wss://room.test",
            "access_token": "room-token",
            "session_duration_limit": 600,
            "is_paid": True,
        },
    },
    "start": {"code": 100, "message": "success", "data": None},
    "task": {
        "code": 100,
        "message": "success",
        "data": {"task_id": "a-task", "duration_ms": 2450.5},
    },
    "interrupt": {"code": 100, "message": "success", "data": None},
    "keep_alive": {"code": 100, "message": "success"},
    "stop": {"status": "success"},
}


def pytest_configure() -> None:
    """Let Ctrl-C end the programs that tests run, though a shell's background jobs ignore it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # pytest rewrites the modules of a package with a plugin. In the simulator's thread, while
    # this one rewrites another, that can end in a SystemError with Python 3.11.
    with contextlib.suppress(ImportError):
        importlib.import_module("flask_heygen.simulator.avatar.room")


def pytest_xdist_auto_num_workers() -> int:
    """Run more workers than there are cores, as most tests wait."""
    return 3 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the slow tests first, so that no worker is left with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


# A thread that mints ends with its last order, as nobody could see whether it waits for another.
token_pool.IDLE_TIMEOUT = 0


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Wait for the tokens that are still minted: the next test would see their calls."""
    until = time.monotonic() + 3
    while any(each.name == "heygen-tokens" for each in threading.enumerate()):
        if time.monotonic() > until:  # one that a test holds up
            return
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def log_levels() -> Iterator[None]:
    """Set the levels of the loggers back, as a recipe's app configures logging."""
    loggers = logging.getLogger(), logging.getLogger("flask_heygen")
    levels = [each.level for each in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def app() -> Flask:
    """Return a host's app with the blueprint and a key, and nothing else set."""
    app = Flask("host")
    app.config.update(
        TESTING=True,
        HEYGEN_API_KEY="the-key-of-the-tests",
        HEYGEN_BASE_URL="http://heygen.test",
    )
    app.register_blueprint(heygen_bp)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return the browser of the app's user."""
    return app.test_client()


@pytest.fixture
def vendor() -> Iterator[requests_mock.Mocker]:
    """Answer every call well, each token another; a reply registered later replaces ours."""
    numbers = itertools.count(1)

    def mint(*_: Any) -> dict[str, Any]:
        return {"error": None, "data": {"token": f"session-token-of-the-vendor-{next(numbers)}"}}

    with requests_mock.Mocker() as vendor:
        vendor.post("/v1/streaming.create_token", json=mint)
        for name, reply in _REPLIES.items():
            vendor.post(f"/v1/streaming.{name}", json=reply)
        yield vendor


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Run the vendor's stand-in on a port of its own."""
    from flask_heygen.simulator import Simulator  # noqa: PLC0415  only its tests need its extra

    with Simulator() as sim:
        yield sim


@pytest.fixture
def minters() -> Callable[[], set[threading.Thread]]:
    """Tell which threads mint in the background, or wait for an order to, since the test began."""

    def all_minters() -> set[threading.Thread]:
        return {each for each in threading.enumerate() if each.name == "heygen-tokens"}

    before = all_minters()
    return lambda: all_minters() - before


@pytest.fixture
def wait_idle(minters: Callable[[], set[threading.Thread]]) -> Callable[[], None]:
    """Wait until nothing is minted in the background any more."""

    def wait_idle() -> None:
        until = time.monotonic() + 30
        while minters():
            assert time.monotonic() < until, "A background mint never ended."
            time.sleep(0.005)

    return wait_idle
