"""Send one task from an installation without any extra, the simulator's included."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from flask import Flask

from flask_heygen import heygen_bp

MINTED = "a-session-token"
TEXT = "Tell me about yourself."
spoken: list[str] = []


class Vendor(BaseHTTPRequestHandler):
    """The endpoints that a task calls."""

    def do_POST(self) -> None:
        """Create a token, or accept a text that is sent with it."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/streaming.create_token":
            self._answer({"error": None, "data": {"token": MINTED}})
        elif self.headers["Authorization"] == f"Bearer {MINTED}":
            spoken.append(body["text"])
            self._answer({"code": 100, "data": {"task_id": "task-1", "duration_ms": 1500}})

    def _answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Send the task, print its answer, and check the error without the simulator's extra."""
    with HTTPServer(("127.0.0.1", 0), Vendor) as vendor:
        threading.Thread(target=vendor.serve_forever, daemon=True).start()
        app = Flask(__name__)
        app.config.update(
            TESTING=True,
            HEYGEN_API_KEY="a-key",
            HEYGEN_BASE_URL=f"http://127.0.0.1:{vendor.server_port}",
        )
        app.register_blueprint(heygen_bp)
        task = {"session_id": "session-1", "text": TEXT, "task_type": "repeat"}
        answer = app.test_client().post("/api/heygen/task", json=task)
        vendor.shutdown()
    print("POST /api/heygen/task:", answer.status, answer.get_data(as_text=True))
    if answer.status_code != 200 or spoken != [TEXT]:
        sys.exit(f"The text should be spoken once; spoken: {spoken}.")

    try:
        import flask_heygen.simulator  # noqa: F401, PLC0415  it is tried here
    except ImportError as error:
        print("import flask_heygen.simulator:", error)
        if "pip install 'flask-heygen[simulator]'" not in str(error):
            sys.exit("The error does not say what to install.")
    else:
        sys.exit("The simulator's extra is installed, so this tests nothing.")


if __name__ == "__main__":
    main()
