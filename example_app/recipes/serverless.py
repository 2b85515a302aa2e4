"""Serverless: workers that are frozen between requests, or that live for one request alone.

``HEYGEN_SPARE_TOKENS = 0`` mints each session token within the request that needs it. Otherwise a
task orders the next token in a background thread, which a frozen worker stops halfway: the token
would be ready for nobody, and the connection dead when the worker is thawed. A task then takes two
round trips instead of one.

Handles need no memory of a worker: any of them that has the same ``SECRET_KEY`` can read them.
"""

from flask import Flask, session

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    app.config["HEYGEN_SPARE_TOKENS"] = 0
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    return app
