"""Behind a reverse proxy: ProxyFix.

Each number is how many proxies set that header. Set 0 for a header that no proxy sets, or clients
can write it themselves.

Without ProxyFix your app takes the proxy's address of it for its own. Most browsers are not refused
for that, since they send ``Sec-Fetch-Site: same-origin``; those that do not (older ones, and all
of them over plain http except on localhost) get 403 ``cross_site``.
"""

from flask import Flask, session
from werkzeug.middleware.proxy_fix import ProxyFix

from flask_heygen import HeyGen


def trust_proxy(app: Flask) -> None:
    """Believe the headers of one proxy; ``nginx.conf`` sets them."""
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # as Flask documents it
        app.wsgi_app, x_for=1, x_proto=1, x_host=1
    )


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    trust_proxy(app)
    return app
