"""Flask-Limiter on Redis: a rate for what a user says, a daily cap on what a user costs.

The counts are in Redis (``FLASK_RATELIMIT_STORAGE_URI=redis://…``), so that all processes on all
machines count together.

- Too much is 429 ``rate_limited``; the header ``Retry-After`` says for how long.
- An attempt counts whether or not it succeeds. A request that is refused as cross-site does not.
- Without Redis the two limited routes answer 500, and *stop* goes on working.
- With LiveAvatar the rate of *task* binds only pages that keep to it: a page in the session's room
  can make the avatar speak without asking your server. Limit *start*, and the session's length by
  ``max_session_duration``.
- A second ``HeyGen`` instance needs the same lines for its own endpoints.
"""

from flask import Flask, session
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)

    limiter = Limiter(
        lambda: session.get("user_id") or get_remote_address(),
        app=app,
        headers_enabled=True,  # Retry-After
    )
    views = app.view_functions
    for name, limit in {"start": "20 per day", "task": "30 per minute"}.items():
        endpoint = f"{heygen.name}.{name}"
        limited = limiter.limit(limit)(views[endpoint])
        views[endpoint] = limited  # type: ignore[assignment]  # a coroutine only where the view is
    limiter.exempt(views[f"{heygen.name}.stop"])  # it saves money
    return app
