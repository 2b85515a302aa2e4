"""Flask-WTF with CSRFProtect on for the avatar's routes, too.

The module sends the token of ``<meta name="csrf-token">`` as ``X-CSRFToken``. A page without the
module does the same::

    const token = document.querySelector('meta[name="csrf-token"]').content;
    fetch("/api/heygen/start", { method: "POST", headers: { "X-CSRFToken": token } });

- *Stop* is exempt, so that a session can be ended when the user's cookie, and with it the token's
  other half, has gone first. It needs a handle, which no other site's page knows, and the
  blueprint refuses those pages itself.
- An interview may last longer than Flask-WTF's hour, so the token is valid as long as the session.
- A missing or wrong token is 400 ``bad_request``, with Flask-WTF's reason as the message.
- A page whose user has logged out, if that clears ``session``, gets 400 ``bad_request``, "The CSRF
  session token is missing.", and not 401 ``not_signed_in``: CSRFProtect rejects the request before
  the owner_loader is asked.
- Over https Flask-WTF also requires a ``Referer`` of your own host, so that pages of other origins
  need the exemption.
"""

from flask import Flask, render_template, session
from flask_wtf import CSRFProtect

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    csrf = CSRFProtect(app)

    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    csrf.exempt(app.view_functions["heygen.stop"])
    app.add_url_rule("/", "page", lambda: render_template("avatar.html"))
    return app
