"""Logging: see the DEBUG lines of the logger ``flask_heygen``.

It writes one DEBUG line for each upstream call (path, status, milliseconds) and a warning for what
an operator can fix. No line holds the key, a token or a text. Configure logging before the app is
created, as Flask asks for; to see everything for once, ``flask run --debug`` does not suffice,
since it sets the level of ``app.logger`` alone.
"""

from logging.config import dictConfig

from flask import Flask, session

from flask_heygen import HeyGen

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"flask_heygen": {"level": "DEBUG"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
}


def create_app() -> Flask:
    dictConfig(LOGGING)
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    return app
