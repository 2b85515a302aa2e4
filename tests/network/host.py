"""A host whose way to the vendor is broken, and what its page is told."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from flask import Flask

from flask_heygen import heygen_bp
from flask_heygen.simulator import Simulator
from tests.constants import KEY

from .proxy import Proxy

#: Seconds of HEYGEN_TIMEOUT: for what uses them up, and enough.
SHORT, ENOUGH = 2, 10
#: Seconds; a slow machine's share beside them. A call that had the short ones anew takes longer.
GRACE = 1.4
TEXT = "Tell me about a time when you failed."


class Answer(NamedTuple):
    """The status, and the code of what went wrong."""

    status: int
    code: str | None = None


SUCCESS = Answer(200)
REFUSED = Answer(502, "heygen_refused")
FAILED = Answer(502, "heygen_error")
TIMED_OUT = Answer(504, "heygen_timeout")
UNKNOWN = Answer(504, "outcome_unknown")


class Host:
    """An app in front of a proxy, and a page with a session."""

    def __init__(self, sim: Simulator, proxy: Proxy, url: str = "", **settings: object) -> None:
        self.sim, self.proxy = sim, proxy
        self.app = Flask(__name__)
        self.app.config.update(
            HEYGEN_API_KEY=KEY,
            HEYGEN_BASE_URL=url or proxy.url,
            HEYGEN_TIMEOUT=ENOUGH,
            HEYGEN_SPARE_TOKENS=0,  # so that it is known which call meets a fault
        )
        self.app.config.update(settings)
        self.app.register_blueprint(heygen_bp)
        self.session_id = ""
        self._threads = set(threading.enumerate())

    def start(self) -> Answer:
        """Start a session, the page's from now on."""
        answer, told = self._post("start", {})
        self.session_id = told.get("session_id", "")
        return answer

    def stop(self) -> Answer:
        """Stop the session."""
        return self._post("stop", {"session_id": self.session_id})[0]

    def speak(self, text: str = TEXT) -> Answer:
        """Send a text, which is spoken once at most; a success is told of this text alone."""
        answer, told = self._post("task", {"session_id": self.session_id, "text": text})
        spoken = [speech.task_id for speech in self.sim.spoken if speech.text == text]

        assert spoken[1:] == []
        assert answer != SUCCESS or spoken == [told["task_id"]]
        return answer

    def mend(self) -> None:
        """Break nothing any more, and leave enough time."""
        self.proxy.mend()
        self.app.config["HEYGEN_TIMEOUT"] = ENOUGH

    def goes_on(self) -> bool:
        """Tell whether the next text is spoken where nothing breaks any more."""
        self.mend()
        return self.speak("The next one.") == SUCCESS

    def rest(self) -> None:
        """Wait until nothing goes on in the background."""
        until = time.monotonic() + 30
        while busy := set(threading.enumerate()) - self._threads - self.proxy.threads:
            assert time.monotonic() < until, f"Still there: {busy}"
            time.sleep(0.005)

    def _post(self, route: str, fields: dict[str, str]) -> tuple[Answer, dict[str, Any]]:
        page, begun = self.app.test_client(), time.monotonic()
        answer = page.post(f"/api/heygen/{route}", json=fields)

        assert time.monotonic() - begun < self.app.config["HEYGEN_TIMEOUT"] + GRACE
        told = answer.get_json()
        assert told["status"] == ("success" if answer.status_code == 200 else "error")
        code = told.get("error", {}).get("code")
        return Answer(answer.status_code, code), told.get("data", {})
