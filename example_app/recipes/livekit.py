"""livekit-client from your own server instead of a CDN.

``npm ci`` installs it, at the version that ``package-lock.json`` pins; the app serves that one
file. Then the page loads nothing from elsewhere, and a content security policy needs no CDN.
"""

from pathlib import Path

from flask import Flask, Response, render_template, send_from_directory, session, url_for

from flask_heygen import HeyGen

#: Where npm puts it: here for the example app's package.json.
DIRECTORY = Path(__file__).parents[1] / "node_modules/livekit-client/dist"


def livekit_client() -> Response:
    # By name: a browser refuses a module whose type the system's own list does not know.
    return send_from_directory(DIRECTORY, "livekit-client.esm.mjs", mimetype="text/javascript")


def page() -> str:
    return render_template("avatar.html", livekit_url=url_for("livekit_client"))


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    app.add_url_rule("/", "page", page)
    app.add_url_rule("/livekit-client.mjs", "livekit_client", livekit_client)
    return app
