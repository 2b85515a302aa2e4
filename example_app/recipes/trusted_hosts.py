"""TRUSTED_HOSTS: refuse requests for any other host name with 400 ``bad_request``.

This stops a page whose domain name has been pointed at your server's address (DNS rebinding): for
the browser and the cross-site check such a page is of the same origin as your app. It has no
cookies of your users, so that this matters most without an owner_loader.
"""

from flask import Flask

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["TRUSTED_HOSTS"] = ["www.example.com"]
    app.register_blueprint(HeyGen())
    return app
