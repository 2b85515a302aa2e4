"""App with the blueprint, a token route for LiveAvatar's SDK, and a page for each.

Its config comes from ``FLASK_*`` variables.
"""

from __future__ import annotations

from pathlib import Path

import requests
from flask import Flask, Response, abort, send_file

from flask_heygen import heygen_bp

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / "example_app/node_modules"
FILES = {
    "module.html": HERE / "module.html",
    "sdk.html": HERE / "sdk.html",
    "clock.js": HERE / "clock.js",
    "livekit-client.js": MODULES / "livekit-client/dist/livekit-client.umd.js",
    "events.js": MODULES / "events/events.js",
    "sdk.js": MODULES / "@heygen/liveavatar-web-sdk/dist/index.umd.js",
}

app = Flask(__name__)
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)
vendor = requests.Session()
vendor.trust_env = False


@app.get("/<name>")
def file(name: str) -> Response:
    """Send a page or one of its scripts."""
    if name not in FILES:  # the browser's favicon.ico
        abort(404)
    return send_file(FILES[name])


@app.post("/token")
def token() -> dict[str, str]:
    """Create a session token for LiveAvatar's SDK, as its README describes."""
    avatar_id = app.config["HEYGEN_SESSION_DEFAULTS"]["avatar_id"]
    body = {"mode": "FULL", "avatar_id": avatar_id, "avatar_persona": {"language": "en"}}
    reply = vendor.post(
        f"{app.config['HEYGEN_BASE_URL']}/v1/sessions/token",
        json=body,
        headers={"X-API-KEY": app.config["HEYGEN_API_KEY"]},
        timeout=30,
    )
    return {"token": reply.json()["data"]["session_token"], "url": app.config["HEYGEN_BASE_URL"]}
