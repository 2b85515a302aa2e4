"""Signals: log who started, how much was spoken, and who stopped.

- ``session_id`` is the vendor's own, as ``flask heygen sessions`` lists it.
- ``owner`` is what your owner_loader returned; None after logout.
- ``task_sent`` also carries ``task_id`` and ``duration_ms``. No signal carries the text.
- ``upstream_failed`` (``endpoint``, and ``error``, a HeyGenError) is the one to count and to alert
  on.
- ``session_stopped`` says that a page stopped its session, nothing more: a session that its page
  never stopped is ended by the vendor, without a signal.
"""

import logging
from typing import Any

from flask import Flask, session

from flask_heygen import HeyGen, session_started, session_stopped, task_sent

interviews = logging.getLogger("interviews")


def log_start(_app: Flask, *, owner: object, session_id: str, **_: Any) -> None:
    interviews.info("%s: started by %s", session_id, owner)


def log_task(_app: Flask, *, session_id: str, characters: int, **_: Any) -> None:
    interviews.info("%s: %d characters spoken", session_id, characters)


def log_stop(_app: Flask, *, owner: object, session_id: str, **_: Any) -> None:
    interviews.info("%s: stopped by %s", session_id, owner)


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)

    session_started.connect(log_start, app)
    task_sent.connect(log_task, app)
    session_stopped.connect(log_stop, app)
    return app
