"""Firefox as Debian packages it, driven over its own WebDriver BiDi.

Playwright drives no Firefox but a build of its own, and Selenium needs geckodriver.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.requirements import program

#: Seconds to wait for a response, or for a condition on a page.
TIMEOUT = 30.0

#: Sound without a gesture, and rooms on this machine.
PREFERENCES = """
user_pref("media.autoplay.default", 0);
user_pref("media.peerconnection.ice.loopback", true);
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("app.update.disabledForTesting", true);
"""


class Firefox:
    """A running Firefox, over its WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._id = 0
        #: The contexts that have loaded a page, and were not waited for.
        self.loaded: list[str] = []
        self.call("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        self.call("session.subscribe", events=["browsingContext.load"])

    def call(self, method: str, **params: Any) -> Any:
        """Send a command, and return its result."""
        self._id += 1
        self._connection.send(json.dumps({"id": self._id, "method": method, "params": params}))
        while (message := self._receive()).get("id") != self._id:
            pass
        assert message["type"] == "success", message
        return message["result"]

    def wait_for_load(self, context: str) -> None:
        """Wait until a page has been loaded into a context."""
        while context not in self.loaded:
            self._receive()
        self.loaded.clear()

    def _receive(self) -> Any:
        message = json.loads(self._connection.recv(TIMEOUT))
        if message.get("method") == "browsingContext.load":
            self.loaded.append(message["params"]["context"])
        return message

    @contextmanager
    def tab(self) -> Iterator[Tab]:
        """Open a tab, and close it afterwards."""
        context = self.call("browsingContext.create", type="tab")["context"]
        tab = Tab(self, context)
        yield tab
        if not tab.closed:
            tab.close()


class Tab:
    """A tab, with Playwright's names for what is used of it."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self._firefox = firefox
        self._context = context
        self.closed = False

    def close(self) -> None:
        """Close it, as a user does."""
        self._firefox.call("browsingContext.close", context=self._context)
        self.closed = True

    def reload(self) -> None:
        """Load the page again, and wait until it is loaded."""
        self._firefox.call("browsingContext.reload", context=self._context, wait="complete")
        self._firefox.loaded.clear()

    def goto(self, url: str) -> None:
        """Open a URL, and wait until it is loaded."""
        self._firefox.call(
            "browsingContext.navigate", context=self._context, url=url, wait="complete"
        )
        self._firefox.loaded.clear()  # also of the blank page before

    def wait_for_load(self) -> None:
        """Wait until the page that was opened is loaded."""
        self._firefox.wait_for_load(self._context)

    def evaluate(self, script: str, *arguments: str) -> Any:
        """Call a function, or evaluate an expression, and await the result; as in a click."""
        result = self._firefox.call(
            "script.callFunction",
            functionDeclaration=script if "=>" in script else f"() => ({script})",
            arguments=[{"type": "string", "value": each} for each in arguments],
            awaitPromise=True,
            userActivation=True,
            target={"context": self._context},
        )
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        return _value(result["result"])

    def until(self, condition: str) -> None:
        """Wait for a condition of the page."""
        end = time.monotonic() + TIMEOUT
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, f"In vain was waited until {condition}."
            time.sleep(0.1)


def _value(result: dict[str, Any]) -> Any:
    """Return a value that was serialized for WebDriver."""
    value = result.get("value")
    if result["type"] == "object":
        return {name: _value(each) for name, each in value or ()}
    if result["type"] == "array":
        return [_value(each) for each in value or ()]
    return value


@contextmanager
def running(folder: Path) -> Iterator[Firefox]:
    """Run Firefox with a profile of its own in ``folder``."""
    executable = program("firefox-esr", "firefox-esr")
    profile = folder / "profile"
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES)
    log = folder / "firefox.log"
    arguments = (
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port=0",
    )
    with (
        log.open("w") as output,
        subprocess.Popen([executable, *arguments], stdout=output, stderr=output) as process,
    ):
        try:
            with connect(f"{_url(log)}/session", max_size=None) as connection:
                firefox = Firefox(connection)
                yield firefox
                firefox.call("browser.close")
        finally:
            process.terminate()


def _url(log: Path) -> str:
    """Wait until Firefox has written where it listens."""
    end = time.monotonic() + TIMEOUT
    while (match := re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text())) is None:
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.05)
    return match[1]
