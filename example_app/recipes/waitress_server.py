"""waitress: a server of threads, on Windows, too.

Run ``python -m example_app.recipes.waitress_server [HOST:PORT]``, or in your own app
``waitress-serve --call --threads 128 --channel-request-lookahead 1 shop:create_app``.

Its four threads are too few: each request waits for the vendor, so that four tasks at a time are
all that it handles. With the lookahead it notices that a page has gone, so that a session which was
being started for that page is stopped. Behind a proxy let ProxyFix read the headers, as in
``proxy.py``, and leave waitress's ``--trusted-proxy`` alone: both together believe one header too
many.
"""

import sys

from flask import Flask, session
from waitress import serve

from flask_heygen import HeyGen

THREADS = 128


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    return app


if __name__ == "__main__":
    listen = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:8000"
    app = create_app()
    serve(app, listen=listen, threads=THREADS, channel_request_lookahead=1)
