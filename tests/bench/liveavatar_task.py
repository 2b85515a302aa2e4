"""Measure the CPU time of a LiveAvatar task, which calls no vendor, and of a bare Flask route.

`python tests/bench/liveavatar_task.py` calls the WSGI apps in turns, in one thread. It prints the
minimum of all rounds, as other programs on the machine can only add to it.
"""

from __future__ import annotations

import json
import sys
import time
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask, request
from werkzeug.test import EnvironBuilder, run_wsgi_app

sys.path[0] = str(Path(__file__).parents[2])  # the project's root, in place of this directory

from flask_heygen import HeyGen  # noqa: E402
from flask_heygen.simulator import Simulator  # noqa: E402

ROUNDS, REQUESTS = 150, 40
SECRET_KEY = "the-secret-key-of-the-bench"
TEXT = "Tell me about a project that you are proud of."
#: The Accept header of the page's module, which asks for a response in two lines.
NDJSON = "application/x-ndjson, application/json"


def bare() -> Flask:
    """Return an app with one route, which reads and returns JSON."""
    app = Flask("bare", static_folder=None)
    app.secret_key = SECRET_KEY

    @app.post("/api/heygen/task")
    def task() -> dict[str, Any]:
        fields = request.get_json()
        return {"status": "success", "data": {**fields, "task_id": "a-task"}}

    return app


def with_blueprint(vendor: str, *, owner: bool = False) -> Flask:
    """Return an app with the blueprint, optionally with an owner loader."""
    app = Flask("host", static_folder=None)
    app.config.update(
        SECRET_KEY=SECRET_KEY,
        HEYGEN_API="liveavatar",
        HEYGEN_API_KEY="the-api-key-of-the-bench",
        HEYGEN_BASE_URL=vendor,
        HEYGEN_SESSION_DEFAULTS={"is_sandbox": True},
    )
    avatar = HeyGen()
    if owner:
        avatar.owner_loader(lambda: "ada")
    app.register_blueprint(avatar)
    return app


class Target:
    """An app, and the task request that is sent to it repeatedly."""

    def __init__(self, app: Flask, session_id: str, **headers: str) -> None:
        self._app = app
        body = {"session_id": session_id, "text": TEXT}
        builder = EnvironBuilder(
            "/api/heygen/task", method="POST", json=body, headers=[*headers.items()]
        )
        self._environ = builder.get_environ()
        self._body = self._environ["wsgi.input"].read()
        self.milliseconds: list[float] = []

    def measure(self) -> None:
        """Send some tasks and record the CPU time of one."""
        begun = time.thread_time()
        for _ in range(REQUESTS):
            chunks, status, _ = run_wsgi_app(
                self._app, {**self._environ, "wsgi.input": BytesIO(self._body)}, buffered=True
            )
            answer = b"".join(chunks)
        self.milliseconds.append(1000 * (time.thread_time() - begun) / REQUESTS)
        if status != "200 OK" or json.loads(answer.splitlines()[-1])["status"] != "success":
            raise RuntimeError(f"{status}: {answer!r}")


def targets(vendor: str) -> dict[str, Target]:
    """Return all targets, each with its own session."""

    def started(app: Flask) -> str:
        return str(app.test_client().post("/api/heygen/start").get_json()["data"]["session_id"])

    plain, owned = with_blueprint(vendor), with_blueprint(vendor, owner=True)
    return {
        "bare route": Target(bare(), "a-session"),
        "the blueprint": Target(plain, started(plain)),
        "with an owner": Target(owned, started(owned)),
        "with an owner, in two lines": Target(owned, started(owned), Accept=NDJSON),
    }


def main() -> None:
    """Run the measurement and print a table."""
    with Simulator() as vendor:
        running = targets(vendor.url)
    for _ in range(ROUNDS):
        for each in running.values():
            each.measure()
    bare, *_ = (min(each.milliseconds) for each in running.values())
    print("| CPU of a task, in ms | | over the bare route | times |\n| --- | --: | --: | --: |")
    for name, each in running.items():
        least = min(each.milliseconds)
        print(f"| {name} | {least:.3f} | {least - bare:.3f} | {least / bare:.2f} |")


if __name__ == "__main__":
    main()
