"""App that cannot start threads; it sends three tasks and prints the status of each."""

import resource
import threading

from flask import Flask

from flask_heygen import heygen_bp

# With stacks as large as the process's memory limit, no thread can be started.
MEMORY = 1 << 30
threading.stack_size(MEMORY)
resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
try:
    threading.Thread(target=print).start()
except RuntimeError:
    pass
else:
    raise SystemExit("A thread was to be had.")

app = Flask(__name__)
app.debug = True  # silence the warning about a missing owner_loader
app.config.from_prefixed_env()
app.register_blueprint(heygen_bp)
page = app.test_client()
session_id = page.post("/api/heygen/start", json={}).get_json()["data"]["session_id"]
for text in ("One.", "Two.", "Three."):
    answer = page.post("/api/heygen/task", json={"session_id": session_id, "text": text})
    print(answer.status_code)  # noqa: T201  what the test reads
