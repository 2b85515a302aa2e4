"""Flask-WTF with CSRFProtect on for the avatar's routes, too.

The module sends the token of ``<meta name="csrf-token">`` as ``X-CSRFToken``, and as the form
field ``csrf_token`` with the beacon that stops the session when the page is left. A page without
the module does the same::

    const csrf_token = document.querySelector('meta[name="csrf-token"]').content;
    fetch("/api/heygen/start", { method: "POST", headers: { "X-CSRFToken": csrf_token } });
    const form = new URLSearchParams({ session_id, csrf_token });
    addEventListener("pagehide", () => navigator.sendBeacon("/api/heygen/stop", form));

- An interview may last longer than Flask-WTF's hour, so the token is valid as long as the session.
- A missing or wrong token is 400 ``bad_request``, with Flask-WTF's reason as the message.
- A logout that clears ``session`` deletes the token's other half: stop before you log out. A page
  whose login has ended so gets 400 ``bad_request``, "The CSRF session token is missing.", and not
  401 ``not_signed_in``: CSRFProtect rejects the request before the owner_loader is asked.
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
    CSRFProtect(app)

    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    app.add_url_rule("/", "page", lambda: render_template("avatar.html"))
    return app
