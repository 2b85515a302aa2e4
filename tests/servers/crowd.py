"""App that sends ``FLASK_TASKS`` texts from 32 threads.

It prints one line of JSON for each text, and a last one for what is left over at the end. The log
goes to the file named by ``FLASK_LOG``.
"""

import gc
import json
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flask import Flask

from flask_heygen import heygen_bp

app = Flask(__name__)
app.debug = True
app.config.from_prefixed_env()
logging.basicConfig(filename=app.config["LOG"], level=logging.DEBUG)
app.register_blueprint(heygen_bp)


def say(number: int) -> dict[str, object]:
    """Send a text; return it with its answer."""
    text, begun = f"What did you learn from your project {number}?", time.monotonic()
    body = {"session_id": app.config["SESSION"], "text": text}
    headers = {"Accept": "application/x-ndjson"} if number % 2 else {}  # in two lines
    answer = app.test_client().post("/api/heygen/task", json=body, headers=headers)
    told = json.loads(answer.get_data().splitlines()[-1]) if headers else answer.get_json()
    status = told.get("error", {}).get("http_status", answer.status_code)
    return {"text": text, "seconds": time.monotonic() - begun, "http": status, **told}


def files() -> int:
    """Count the open file descriptors of this process."""
    return len(list(Path("/dev/fd").iterdir()))


threads, before = threading.active_count(), files()
with ThreadPoolExecutor(32) as pool:
    for told in pool.map(say, range(app.config["TASKS"])):
        sys.stdout.write(json.dumps(told) + "\n")
until = time.monotonic() + 30
while threading.active_count() > threads and time.monotonic() < until:
    time.sleep(0.01)
gc.collect()  # the errors, and what they hold
kept = files()
app.extensions.clear()  # the client, and with it its connections
gc.collect()
left = {
    "threads": threading.active_count() - threads,
    "connections": kept - before,
    "files": files() - before,
}
sys.stdout.write(json.dumps(left) + "\n")
