"""The vendor APIs, one module each, behind one interface."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import replace

from flask_heygen.errors import HeyGenError
from flask_heygen.http.deadline import Deadline
from flask_heygen.settings import Settings

from .base import Backend, Progress, no_progress
from .data import is_id
from .liveavatar import LiveAvatarBackend
from .redaction import one_line
from .streaming import StreamingBackend

__all__ = [
    "BACKENDS",
    "Backend",
    "Progress",
    "create_backend",
    "is_id",
    "no_progress",
    "one_line",
    "working_apis",
]

#: The backends, by the value of ``HEYGEN_API``.
BACKENDS: dict[str, type[StreamingBackend | LiveAvatarBackend]] = {
    "streaming": StreamingBackend,
    "liveavatar": LiveAvatarBackend,
}


def create_backend(settings: Settings) -> Backend:
    """Return the backend that ``HEYGEN_API`` names."""
    return BACKENDS[settings.api](settings)


def working_apis(settings: Settings, deadline: Deadline) -> list[str]:
    """Return the names of the other APIs that accept the key and are not retired."""
    names = []
    for name in BACKENDS.keys() - {settings.api}:
        with suppress(HeyGenError), closing(create_backend(replace(settings, api=name))) as backend:
            backend.check(deadline)
            names.append(name)
    return names
