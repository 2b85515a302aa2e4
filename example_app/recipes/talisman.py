"""Flask-Talisman: a content security policy under which the page and the room work.

- ``script-src``: the page's inline script by its nonce. The module and its parts are of your own
  origin; livekit-client is here loaded from a CDN, unless you `host it yourself <livekit.py>`_.
- ``connect-src``: the session's room. LiveKit Cloud is where the vendor's rooms are.
- ``media-src``: the picture and the voice, which are streams of the page itself.
- Talisman's ``Permissions-Policy`` must allow the microphone if the avatar is to hear the user.
- Talisman redirects http to https, but not in debug mode. In tests set ``FLASK_TESTING=1`` before
  the factory runs, or call by https: ``page.post(path, base_url="https://localhost")``.
- To develop against the simulator add its URL to ``connect-src``, as ``http://`` and as ``ws://``.

The page gives its script the nonce: ``<script type="module" nonce="{{ csp_nonce() }}">``.
"""

from collections.abc import Sequence

from flask import Flask, render_template, session
from flask_talisman import Talisman

from flask_heygen import HeyGen

#: Where the rooms of both vendors are.
ROOMS = ("https://*.livekit.cloud", "wss://*.livekit.cloud")


def policy(rooms: Sequence[str]) -> dict[str, str | list[str]]:
    """Return what the page needs and nothing else."""
    return {
        "default-src": "'self'",
        "script-src": ["'self'", "https://cdn.jsdelivr.net/npm/livekit-client@2.23.0/"],
        "connect-src": ["'self'", *rooms],
        "media-src": ["'self'", "blob:", "mediastream:"],
        "base-uri": "'none'",
        "object-src": "'none'",
        "frame-ancestors": "'none'",
    }


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    Talisman(
        app,
        content_security_policy=policy(app.config.get("ROOMS", ROOMS)),
        content_security_policy_nonce_in=["script-src"],
        permissions_policy={"microphone": "(self)"},
        force_https=not app.testing,
    )
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    app.add_url_rule("/", "page", lambda: render_template("avatar.html"))
    return app
