"""A host whose users say in a header who they are; its config comes from ``FLASK_*`` variables."""

from __future__ import annotations

from flask import Flask, request

from flask_heygen import heygen_bp


@heygen_bp.owner_loader
def owner() -> str | None:
    """Believe the header: the soak is about load."""
    return request.headers.get("X-User")


app = Flask(__name__)
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)
