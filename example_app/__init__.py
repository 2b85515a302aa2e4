"""An interview in the browser: one page, and the blueprint through which its interviewer speaks."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, render_template, url_for

from flask_heygen import HeyGen

from .candidates import ask_to_sign_in
from .interview import INTERVIEW

#: The page loads nothing from elsewhere, runs no inline script and is framed by nobody.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the app from `config`, or from the environment where none is given.

    `INTERVIEW_SIGN_IN = False` lets everybody in unasked.
    """
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
    app.config.update(environment() if config is None else config)
    # Not heygen_bp: the owner_loader is an instance's, and a process may hold two of these apps.
    avatar = HeyGen()
    app.register_blueprint(avatar)
    if app.config.get("INTERVIEW_SIGN_IN", True):
        ask_to_sign_in(app, avatar)
    app.add_url_rule("/", "interview", interview)
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
    urls = {
        "start": url_for("heygen.start"),
        "task": url_for("heygen.task"),
        "interrupt": url_for("heygen.interrupt"),
        "keepAlive": url_for("heygen.keep_alive"),
        "stop": url_for("heygen.stop"),
    }
    page = {"urls": urls, "interview": asdict(INTERVIEW)}
    return render_template("interview.html", interview=INTERVIEW, page=page)


def harden(response: Response) -> Response:
    """Tell the browser what it may do with any answer of ours."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
