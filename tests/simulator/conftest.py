"""Fixtures of the simulator's tests: a simulator for each module, and clients of its rooms."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import MISSING, fields
from typing import Any

import pytest
import requests

from flask_heygen.simulator import Simulator
from flask_heygen.simulator.config import Config
from tests.simulator.guest import Invite, Kind

Configure = Callable[..., Simulator]


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """Run one simulator for all tests of a module: `configure` makes it a new one for each."""
    with Simulator() as sim:
        yield sim


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    """Keep connections for all tests of a module."""
    with requests.Session() as http:
        http.trust_env = False
        yield http


@pytest.fixture
def configure(running: Simulator) -> Configure:
    """Return a function that forgets what was and sets options, the others to their defaults."""

    def configure(**options: Any) -> Simulator:
        running.reset()
        for field in fields(Config):
            factory = field.default_factory
            default = field.default if factory is MISSING else factory()
            setattr(running, field.name, options.pop(field.name, default))
        assert not options
        return running

    return configure


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread, for LiveKit's client."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def stack(loop: asyncio.AbstractEventLoop) -> Iterator[ExitStack]:
    """Close what a test opened, last first, while the event loop still runs."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def invite(loop: asyncio.AbstractEventLoop, stack: ExitStack) -> Invite:
    """Make clients, which leave when the test is over."""

    def invite(kind: type[Kind]) -> Kind:
        guest = kind(loop)
        stack.callback(guest.leave)
        return guest

    return invite
