"""An interview in the browser: one page, and the blueprint by which its interviewer speaks."""

import json
import os
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, render_template, request, url_for

from flask_heygen import HeyGen

from . import livekit
from .candidates import require_sign_in
from .interview import INTERVIEW

#: Origins of the vendor's rooms.
ROOMS = ("https://*.livekit.cloud", "wss://*.livekit.cloud")
#: Names by which a browser on this machine reaches the app.
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the app from `config`, or from the environment without one.

    `INTERVIEW` is the `Interview` to hold. `INTERVIEW_SIGN_IN = False` removes the sign-in.
    `TRUSTED_HOSTS` names the hosts that the app answers for, those of this machine by default: a
    page whose domain name points at this machine (DNS rebinding) is of another host.
    """
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secrets.token_hex(), SESSION_COOKIE_SAMESITE="Lax")
    app.config["INTERVIEW"] = INTERVIEW
    app.config["INTERVIEW_CDN"] = not livekit.installed()
    app.config["TRUSTED_HOSTS"] = [*LOCAL_HOSTS]
    app.config.update(environment() if config is None else config)
    app.config["TRUSTED_HOSTS"] = app.config["TRUSTED_HOSTS"] or [*LOCAL_HOSTS]  # never all of them
    avatar = HeyGen()
    # Anything else keeps the sign-in: a blank variable must not open the interview.
    if app.config.get("INTERVIEW_SIGN_IN") not in (False, 0):
        require_sign_in(app, avatar)
    app.register_blueprint(avatar)
    app.add_url_rule("/", "interview", interview)
    app.add_url_rule("/livekit-client.js", "livekit_client", livekit.livekit_client)
    app.after_request(harden)
    return app


def environment() -> dict[str, Any]:
    """Read HEYGEN_*, INTERVIEW_*, SECRET_KEY and TRUSTED_HOSTS.

    A value that is JSON is parsed, except for the keys, which are text.
    """
    prefixes = ("HEYGEN_", "INTERVIEW_", "SECRET_KEY", "TRUSTED_HOSTS")
    settings = {name: text for name, text in os.environ.items() if name.startswith(prefixes)}
    return {
        name: text if name.endswith("_KEY") else _json_or_text(text)
        for name, text in settings.items()
    }


def interview() -> str:
    """Render the page: the interview, or with `INTERVIEW_CONVERSATION` a free talk."""
    free = current_app.config.get("INTERVIEW_CONVERSATION")
    held = current_app.config["INTERVIEW"]
    return render_template(
        "conversation.html" if free else "interview.html",
        interview=held,
        livekit_url=livekit.CDN if current_app.config["INTERVIEW_CDN"] else None,
        livekit_integrity=livekit.INTEGRITY,
        import_map=import_map(),
        page={"interview": asdict(held)},
    )


def import_map() -> str:
    """Return the import map by which scripts find the blueprint's module, whatever its prefix."""
    return json.dumps({"imports": {"heygen-avatar": url_for("heygen.module")}})


def harden(response: Response) -> Response:
    """Add the security headers to a response."""
    response.headers["Content-Security-Policy"] = _content_security_policy()
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _content_security_policy() -> str:
    """Allow what the page needs: its files, the room, and the CDN if npm installed nothing."""
    base = urlsplit(current_app.config.get("HEYGEN_BASE_URL", "https://api.heygen.com"))
    simulator = f"http://{base.netloc}", f"ws://{base.netloc}"
    rooms = simulator if base.scheme == "http" else ROOMS
    scripts = ["'self'"]
    if request.endpoint == "interview":
        digest = b64encode(sha256(import_map().encode()).digest()).decode()
        scripts.append(f"'sha256-{digest}'")
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
