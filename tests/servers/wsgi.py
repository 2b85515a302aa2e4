"""The smallest host there is, for real servers: its config comes from ``FLASK_*`` variables.

Where ``FLASK_WARM`` names a session, a task is sent before the server forks its workers.
"""

from flask import Flask

from flask_heygen import heygen_bp

app = Flask(__name__)
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)

if "WARM" in app.config:
    task = {"session_id": app.config["WARM"], "text": "Before the fork."}
    assert app.test_client().post("/api/heygen/task", json=task).status_code == 200
