"""App whose users are named by a header, configured by ``FLASK_*`` variables."""

from __future__ import annotations

from flask import Flask, request

from flask_heygen import heygen_bp


@heygen_bp.owner_loader
def owner() -> str | None:
    """Return the X-User header; the soak tests load, not authentication."""
    return request.headers.get("X-User")


app = Flask(__name__)
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)
