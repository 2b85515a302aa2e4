"""Signals about sessions, which never carry the text that is spoken.

The sender is the Flask app. Receivers are called during the request. An exception in a receiver
is logged and does not change the response: on an error a page would send its text again. What a
receiver changes in ``flask.session`` is lost in an answer of two lines (see ``ndjson``), whose
headers have been sent: keep it in a database.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace
from flask.globals import app_ctx

logger = logging.getLogger(__name__)

_signals = Namespace()

session_started = _signals.signal(
    "session-started",
    "A session was started: ``owner`` (None without an owner_loader) and the vendor's "
    "``session_id``.",
)
session_stopped = _signals.signal(
    "session-stopped",
    "A page stopped a session: ``owner`` (None after logout) and ``session_id``.",
)
task_sent = _signals.signal(
    "task-sent",
    "A text was accepted: ``owner``, ``session_id``, ``task_id``, the number of its "
    "``characters``, and ``duration_ms``, the time it takes to speak, or None if unknown.",
)
upstream_failed = _signals.signal(
    "upstream-failed",
    "A call to the vendor failed: the route's ``endpoint`` and the ``error``, a HeyGenError.",
)


def send(signal: NamedSignal, **event: Any) -> None:
    """Send ``signal`` from the current app, and log each receiver that raises."""
    app = app_ctx.app
    for receiver in signal.receivers_for(app):
        try:
            receiver(app, **event)
        except Exception:
            logger.exception("A receiver of the signal %s failed.", signal.name)
