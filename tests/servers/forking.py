"""A host that forks after its first task, then speaks in both processes at once.

It prints one line of JSON for each task: its text, and the answer.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

from flask import Flask

from flask_heygen import heygen_bp

app = Flask(__name__)
app.debug = True  # silence the warning about a missing owner_loader
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)
page = app.test_client()


def say(session_id: str, text: str) -> None:
    """Send a text and print the outcome."""
    answer = page.post("/api/heygen/task", json={"session_id": session_id, "text": text})
    line = {"text": text, **answer.get_json()}
    os.write(sys.stdout.fileno(), json.dumps(line).encode() + b"\n")


def settle() -> None:
    """Wait until no token is being created in the background."""
    # The system ends a thread shortly after Python does; a fork in between causes a warning.
    tasks = Path("/proc/self/task")
    while threading.active_count() > 1 or (tasks.is_dir() and len(list(tasks.iterdir())) > 1):
        time.sleep(0.01)


session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
say(session_id, "Before the fork.")
settle()

child = os.fork()
process = "parent" if child else "child"
for number in range(10):
    say(session_id, f"The {process}'s number {number}.")
if not child:
    os._exit(0)
status = os.waitpid(child, 0)[1]
say(session_id, "After the child.")
settle()  # an exit in the middle of a call would leave its connection unclosed
sys.exit(os.waitstatus_to_exitcode(status))
