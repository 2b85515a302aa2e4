"""A front end on another origin, with the cookie of the user who is signed in here.

The page imports the module from here, and the module sends the cookie along. A page without the
module asks for that itself::

    import { HeyGenAvatar } from "https://api.example.org/api/heygen/heygen-avatar.js";
    fetch("https://api.example.org/api/heygen/start", { method: "POST", credentials: "include" });

- Write an origin as the browser sends it: lower case, no path, a port only if it is not the usual.
- Allow only origins of your own: their pages may do all that your user may.
- The two cookie settings are for a front end on another *site*. ``app.example.com`` and
  ``api.example.com`` are one site and need the first setting alone.
- With ``SameSite=None`` requests from anywhere carry your users' cookies, to all your routes. The
  avatar's routes are guarded; the others need CSRFProtect.
- A browser that blocks third-party cookies sends none in any case: use a JWT in a header there.
"""

from flask import Flask, session

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config.update(
        HEYGEN_CORS_ORIGINS=["https://app.example.com"],
        SESSION_COOKIE_SAMESITE="None",
        SESSION_COOKIE_SECURE=True,
    )
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    return app
