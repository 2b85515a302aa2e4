"""A sub-path: the proxy serves the app below ``/shop`` and says so in ``X-Forwarded-Prefix``.

ProxyFix's ``x_prefix`` makes ``url_for`` add the prefix. The page imports the module from
``url_for("heygen.module")``, and the module calls the routes beside itself, so that no path is
written down anywhere. The nginx that goes with it::

    location /shop/ {
        proxy_pass http://127.0.0.1:8000/;
        proxy_set_header X-Forwarded-Prefix /shop;
        …
    }
"""

from flask import Flask, render_template, session
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_heygen import HeyGen


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    app.add_url_rule("/", "page", lambda: render_template("avatar.html"))
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask documents it
        app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1
    )
    return app
