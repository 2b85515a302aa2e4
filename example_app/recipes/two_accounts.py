"""Two accounts in one app: a second instance has its own config keys, routes and command.

The second one reads ``COACH_API_KEY`` and so on, and serves ``/api/coach``; its command is
``flask coach``. Sessions of one instance are not valid for the other.
"""

from flask import Flask, session

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    for heygen in (HeyGen(), HeyGen("coach", config_prefix="COACH")):
        heygen.owner_loader(lambda: session.get("user_id"))
        app.register_blueprint(heygen)
    return app
