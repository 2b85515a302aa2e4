"""What rooms have in common: the loop of their guests, and that everybody leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.simulator.guest import Invite, Kind


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Run a loop for LiveKit's client, which knows no other way."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def stack(loop: asyncio.AbstractEventLoop) -> Iterator[ExitStack]:
    """Close what a test opened, last first, while the guests' loop still runs."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def invite(loop: asyncio.AbstractEventLoop, stack: ExitStack) -> Invite:
    """Bring guests."""

    def invite(kind: type[Kind]) -> Kind:
        guest = kind(loop)
        stack.callback(guest.leave)
        return guest

    return invite
