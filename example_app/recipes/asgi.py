"""ASGI: the app behind uvicorn or hypercorn, by a bridge.

Run ``uvicorn --factory example_app.recipes.asgi:create_asgi_app``.

a2wsgi runs each request in a thread of its pool. Its default size of 10 is the number of tasks that
may wait for the vendor at once: give it more. asgiref's ``WsgiToAsgi`` works, too, but runs all
requests in one thread, so that one task waits for the other. Neither notices that a page has gone:
a session that was being started for that page runs until its idle timeout.
"""

from a2wsgi import WSGIMiddleware
from flask import Flask, session

from flask_heygen import HeyGen

THREADS = 128


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.from_prefixed_env()
    heygen = HeyGen()
    heygen.owner_loader(lambda: session.get("user_id"))
    app.register_blueprint(heygen)
    return app


def create_asgi_app() -> WSGIMiddleware:
    app = create_app()
    return WSGIMiddleware(app, workers=THREADS)  # type: ignore[arg-type]  # parameter names differ
