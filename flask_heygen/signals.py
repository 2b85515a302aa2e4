"""What a host app can listen to: what becomes of sessions, never what is said in them.

The sender is the Flask app; receivers are called within the request that it happened in. One that
fails is logged and changes no answer: a page that is told of an error would send its text again.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace
from flask import current_app

logger = logging.getLogger(__name__)

_signals = Namespace()

session_started = _signals.signal(
    "session-started",
    "A session has started: ``owner`` (None without an owner_loader) and the vendor's "
    "``session_id``.",
)
session_stopped = _signals.signal(
    "session-stopped",
    "A page has stopped a session: ``owner`` (None also after logout) and ``session_id``.",
)
task_sent = _signals.signal(
    "task-sent",
    "A text was taken to be spoken: ``owner``, ``session_id``, ``task_id``, the number of its "
    "``characters``, and the ``duration_ms`` that it takes to speak, None where untold.",
)
upstream_failed = _signals.signal(
    "upstream-failed",
    "The vendor did not do it: the ``endpoint`` of ours and the ``error``, a HeyGenError.",
)


def tell(signal: NamedSignal, **event: Any) -> None:
    """Call each receiver of ``signal``, whatever becomes of the others."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **event)
        except Exception:
            logger.exception("A receiver of the signal %s failed.", signal.name)
