"""App whose calls to the vendor fail, and the answers that its page gets."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from flask import Flask

from flask_heygen import heygen_bp
from flask_heygen.simulator import Simulator
from tests.constants import KEY

#: Seconds of HEYGEN_TIMEOUT: for what uses them up, and enough.
SHORT, ENOUGH = 2, 10
#: Seconds added for a slow machine. Less than SHORT, so that no call can use its time twice.
GRACE = 1.9
TEXT = "Tell me about a time when you failed."

#: The status of each error that the vendor causes.
STATUSES = {
    "heygen_auth_failed": 502,
    "heygen_refused": 502,
    "heygen_error": 502,
    "api_retired": 502,
    "heygen_timeout": 504,
    "outcome_unknown": 504,
    "rate_limited": 429,
    "concurrent_limit": 429,
    "session_not_found": 404,
    "session_not_ready": 409,
    "session_closed": 410,
    "not_configured": 503,
}
_RETRYABLE = {
    "heygen_error",
    "heygen_timeout",
    "rate_limited",
    "concurrent_limit",
    "session_not_ready",
}
_RESTART = {"session_not_found", "session_closed"}
_RETRY_AFTER = {"rate_limited": 7, "concurrent_limit": 30, "session_not_ready": 1}

#: The code of an error, None for a success.
Code = str | None
SUCCESS: Code = None
FAILED, REFUSED = "heygen_error", "heygen_refused"
TIMED_OUT, UNKNOWN = "heygen_timeout", "outcome_unknown"


def port_of(url: str) -> int:
    """Return the port of a simulator's URL."""
    return int(url.rpartition(":")[2])


class Answer(NamedTuple):
    """An answer that has the right form."""

    code: Code
    data: dict[str, Any]


class Host:
    """An app in front of the simulator, and a page with a session."""

    def __init__(self, sim: Simulator, **settings: object) -> None:
        self.sim = sim
        self.app = Flask(__name__)
        self.app.config.update(
            HEYGEN_API_KEY=KEY,
            HEYGEN_BASE_URL=sim.url,
            HEYGEN_TIMEOUT=ENOUGH,
            HEYGEN_SPARE_TOKENS=0,  # so that it is known which call meets a fault
        )
        self.app.config.update(settings)
        self.app.register_blueprint(heygen_bp)
        self.session_id = ""

    def start(self) -> Code:
        """Start a session, the page's from now on."""
        code, data = self.post("start")
        self.session_id = data.get("session_id", self.session_id)
        return code

    def stop(self) -> Code:
        """Stop the page's session."""
        return self.command("stop")

    def command(self, route: str, **fields: object) -> Code:
        """Call a route with the page's session."""
        return self.post(route, session_id=self.session_id, **fields).code

    def speak(self, text: str = TEXT, **fields: object) -> Code:
        """Send a text; check that it is spoken at most once, and exactly once after a success."""
        code, data = self.post("task", session_id=self.session_id, text=text, **fields)
        spoken = [speech.task_id for speech in self.sim.spoken if speech.text == text]

        assert spoken[1:] == []
        assert code is not SUCCESS or spoken == [data["task_id"]]
        return code

    def mend(self) -> None:
        """End all faults, and leave enough time."""
        self.sim.clear()
        self.app.config["HEYGEN_TIMEOUT"] = ENOUGH

    def goes_on(self) -> bool:
        """Return whether the next text is spoken once all faults have ended."""
        self.mend()
        return self.speak("The next one.") is SUCCESS

    def post(self, route: str, **fields: object) -> Answer:
        """Call a route; check the time and the form of its answer."""
        page, begun = self.app.test_client(), time.monotonic()
        answer = page.post(f"/api/heygen/{route}", json=fields)

        assert time.monotonic() - begun < self.app.config["HEYGEN_TIMEOUT"] + GRACE
        assert answer.mimetype == "application/json"
        body: dict[str, Any] = answer.get_json()
        if answer.status_code == 200:
            assert body.keys() == {"status", "data"}
            assert body["status"] == "success"
            return Answer(SUCCESS, body["data"])

        error = body["error"]
        code = error["code"]
        assert body.keys() == {"status", "error"}
        assert body["status"] == "error"
        assert answer.status_code == STATUSES[code]
        assert error["retryable"] is (code in _RETRYABLE)
        assert error["restart_session"] is (code in _RESTART)
        assert error["message"].endswith(".")
        wait = _RETRY_AFTER.get(code)
        assert error.get("retry_after") == wait
        assert answer.headers.get("Retry-After") == (str(wait) if wait else None)
        return Answer(code, error)
