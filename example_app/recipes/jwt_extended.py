"""Flask-JWT-Extended: the user is the identity of the access token, in a header or in a cookie.

With ``optional=True`` a request without a token has no user. A token that is expired or invalid,
and a cookie without its CSRF header, raise; the blueprint answers that with 401 ``not_signed_in``
in JSON, and *stop* goes on without a user: a valid handle is enough for it.

Flask-JWT-Extended's cookies carry their CSRF token beside them. Let the module send it::

    const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1];
    const headers = () => ({ "X-CSRF-TOKEN": cookie("csrf_access_token") });
    const avatar = new HeyGenAvatar({ livekit, video, headers });
"""

from flask import Flask
from flask_jwt_extended import JWTManager, get_jwt_identity, verify_jwt_in_request

from flask_heygen import HeyGen


def identity() -> str | None:
    """Return the identity in the request's access token, None without a token."""
    verify_jwt_in_request(optional=True)
    user_id: str | None = get_jwt_identity()
    return user_id


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["JWT_TOKEN_LOCATION"] = ["headers", "cookies"]
    app.config.from_prefixed_env()  # FLASK_JWT_SECRET_KEY
    JWTManager(app)
    heygen = HeyGen()
    heygen.owner_loader(identity)
    app.register_blueprint(heygen)
    return app
