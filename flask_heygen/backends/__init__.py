"""One module for each vendor API, all with the same few verbs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from flask_heygen.errors import HeyGenError
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings

from .fields import Fields
from .liveavatar import LiveAvatarBackend
from .streaming import StreamingBackend


class Backend(Protocol):
    """What can be had of every vendor: the verbs of a session, each within a deadline.

    A ``task`` or an ``interrupt`` that only the page can carry out, from inside the session's
    room, answers ``deliver``: the message that the page is to publish there.
    """

    #: Where the API is.
    base_url: str
    #: What a session can be made of.
    fields: Fields

    def start(self, fields: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Start a session whole or not at all; return what a page needs to join it."""

    def task(
        self, session_id: str, text: str, task_type: str, deadline: Deadline, *, interrupt: bool
    ) -> dict[str, Any]:
        """Have the avatar speak; return ``task_id``, ``duration_ms`` and perhaps ``deliver``."""

    def interrupt(self, session_id: str, deadline: Deadline) -> dict[str, Any]:
        """Cut the avatar short; return nothing, or ``deliver``."""

    def keep_alive(self, session_id: str, deadline: Deadline) -> None:
        """Have the idle time-out count anew."""

    def stop(self, session_id: str, deadline: Deadline) -> None:
        """End the session; one that has ended already is a success."""

    def check(self, deadline: Deadline) -> None:
        """Raise what keeps the key from being used."""

    def sessions(self, deadline: Deadline) -> list[dict[str, Any]]:
        """List the live sessions: ``session_id``, ``status``, ``age`` in seconds or None."""


_APIS: dict[str, type[StreamingBackend | LiveAvatarBackend]] = {
    "streaming": StreamingBackend,
    "liveavatar": LiveAvatarBackend,
}


def create_backend(settings: Settings) -> Backend:
    """Return the API that ``HEYGEN_API`` names."""
    return _APIS[settings.api](settings)


def drivable_apis(settings: Settings, deadline: Deadline) -> list[str]:
    """Return the names of the APIs that take the key and are alive."""
    names = []
    for name in _APIS:
        with suppress(HeyGenError):
            create_backend(replace(settings, api=name)).check(deadline)
            names.append(name)
    return names
