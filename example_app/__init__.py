"""An interview in the browser: one page, and the blueprint through which its interviewer speaks."""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, url_for

from flask_heygen import HeyGen

from . import livekit
from .candidates import ask_to_sign_in
from .interview import INTERVIEW

#: Where HeyGen's rooms are.
ROOMS = ("https://*.livekit.cloud", "wss://*.livekit.cloud")


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the app from `config`, or from the environment where none is given.

    `INTERVIEW_SIGN_IN = False` lets everybody in unasked.
    """
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
    app.config["INTERVIEW_CDN"] = not livekit.installed()
    app.config.update(environment() if config is None else config)
    # Not heygen_bp: the owner_loader is an instance's, and a process may hold two of these apps.
    avatar = HeyGen()
    if app.config.get("INTERVIEW_SIGN_IN", True):
        ask_to_sign_in(app, avatar)
    app.register_blueprint(avatar)
    app.add_url_rule("/", "interview", interview)
    app.add_url_rule("/livekit-client.js", "livekit_client", livekit.livekit_client)
    app.after_request(harden)
    return app


def environment() -> dict[str, Any]:
    """Read HEYGEN_*, INTERVIEW_* and SECRET_KEY: as JSON where it is JSON, keys always as text."""
    ours = ("HEYGEN_", "INTERVIEW_", "SECRET_KEY")
    settings = {name: text for name, text in os.environ.items() if name.startswith(ours)}
    return {
        name: text if name.endswith("_KEY") else _json_or_text(text)
        for name, text in settings.items()
    }


def interview() -> str:
    """Show the page."""
    return render_template(
        "interview.html",
        interview=INTERVIEW,
        livekit_url=livekit.CDN if current_app.config["INTERVIEW_CDN"] else None,
        livekit_integrity=livekit.INTEGRITY,
        import_map=import_map(),
        page={"interview": asdict(INTERVIEW)},
    )


def import_map() -> str:
    """Tell scripts where the blueprint's module is, wherever the blueprint is registered."""
    return json.dumps({"imports": {"heygen-avatar": url_for("heygen.module")}})


def harden(response: Response) -> Response:
    """Tell the browser what it may do with any answer of ours."""
    response.headers["Content-Security-Policy"] = _content_security_policy()
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _content_security_policy() -> str:
    """Allow what the page needs: its files, the room, and livekit-client where npm has none."""
    base = urlsplit(current_app.config.get("HEYGEN_BASE_URL", "https://api.heygen.com"))
    simulator = f"http://{base.netloc}", f"ws://{base.netloc}"
    rooms = simulator if base.scheme == "http" else ROOMS
    digest = b64encode(sha256(import_map().encode()).digest()).decode()
    scripts = ["'self'", f"'sha256-{digest}'"]
    if current_app.config["INTERVIEW_CDN"]:
        scripts.append(livekit.CDN)
    return (
        f"default-src 'self'; script-src {' '.join(scripts)}; "
        f"connect-src 'self' {' '.join(rooms)}; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
