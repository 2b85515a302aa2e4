"""Flask-Login: each avatar session belongs to the user who is signed in.

No route needs ``@login_required``: the owner_loader is called on each of them, and a request
without a user is answered with 401 in JSON.

The last line before the return matters where your app requires a login before every request:
Flask-Login then answers a page's ``fetch`` below the prefix with a 401 that the page can read, and
not with a redirect to the login form. Leave ``heygen.stop`` out of such a check, so that a session
can be stopped after logout, and let ``OPTIONS`` through if you allow other origins. If you have an
``unauthorized_handler``, it overrides that line; let it call ``abort(401)`` below the prefix.
"""

from flask import Flask
from flask_login import LoginManager, UserMixin, current_user

from flask_heygen import HeyGen


class User(UserMixin):  # type: ignore[misc]  # Flask-Login has no types
    """Your own user class."""

    def __init__(self, user_id: str) -> None:
        self.id = user_id


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    login_manager = LoginManager(app)
    login_manager.login_view = "login"
    login_manager.user_loader(User)

    heygen = HeyGen()
    heygen.owner_loader(lambda: current_user.get_id())  # noqa: PLW0108  a proxy: read it each time
    app.register_blueprint(heygen)
    login_manager.blueprint_login_views[heygen.name] = None  # 401 in JSON instead of a redirect
    return app
