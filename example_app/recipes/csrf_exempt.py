"""Flask-WTF, the short way: exempt the blueprint from CSRFProtect.

The routes need no CSRF token: a request that comes from the page of another site is refused by
what the browser says about it (``Sec-Fetch-Site``, or ``Origin`` where that is not sent).

Exempt the ``HeyGen`` instance itself: exempting a blueprint does not exempt the blueprints that
are nested in it.
"""

from flask import Flask, session
from flask_wtf import CSRFProtect

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)

    csrf = CSRFProtect(app)
    csrf.exempt(heygen)
    return app
