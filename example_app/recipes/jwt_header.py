"""PyJWT: the user is the subject of a token in the ``Authorization`` header.

The page sends the header with each ``fetch``; the module calls ``headers`` before each request::

    const headers = () => ({ Authorization: `Bearer ${jwt}` });
    const avatar = new HeyGenAvatar({ livekit, video, headers });

``navigator.sendBeacon``, which stops the session when the page is left, can send no header. It
needs none: *stop* accepts a valid handle without a user.
"""

import jwt
from flask import Flask, current_app, request

from flask_heygen import HeyGen


def subject() -> str | None:
    """Return the subject of the request's token, None without a valid one."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None

    try:
        claims = jwt.decode(
            token,
            current_app.config["JWT_KEY"],
            algorithms=["HS256"],
            options={"require": ["exp", "sub"]},
        )
    except jwt.InvalidTokenError:
        return None
    return str(claims["sub"])


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(subject)
    app.register_blueprint(heygen)
    return app
