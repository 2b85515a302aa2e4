"""Simulated pages, each of which holds one interview after the other.

A page behaves as the JavaScript module does: it accepts NDJSON, retries only a request that was
certainly not carried out, and treats a text whose connection was cut as in doubt.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.soak.browser import Browser

#: Seconds that a page waits for an answer.
PATIENCE = 40.0
#: Number of retries, and the longest Retry-After in seconds that a page waits for.
REPEATS, LONGEST_WAIT = 5, 2
#: Each text is this sentence and the text's name.
REQUEST = "Tell me about yourself, please."
SUCCESS = "success"
#: Codes for no answer: the connection was cut, or the page's timeout has passed.
CUT, UNANSWERED = "cut", "unanswered"
#: Codes that leave open whether the request was carried out.
DOUBTS = {"outcome_unknown", CUT, UNANSWERED}


@dataclass(frozen=True)
class Answer:
    """The outcome of one request of a page."""

    route: str
    #: The text of a task, or the name of the session to start.
    name: str
    code: str
    seconds: float
    #: The data of a success, or the error.
    data: dict[str, Any]

    @property
    def soon(self) -> bool:
        """Whether the request was not carried out and its Retry-After is short enough to wait."""
        wait = self.data.get("retry_after", 0)
        put_off = self.code in {"session_not_ready", "rate_limited", "concurrent_limit"}
        return put_off and 0 < wait <= LONGEST_WAIT


class Page:
    """A user's page, which holds one interview after the other."""

    def __init__(
        self, port: int, number: int, think: tuple[float, float], *, until: float, seed: int
    ) -> None:
        self._user = f"page-{number}"
        self.browser = Browser(port, headers=f"X-User: {self._user}\r\n")
        self._think_time, self._until = think, until
        self._chance = random.Random(f"{seed} {number}")
        self._count = 0
        #: The answers to all requests, in order.
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Hold interviews until the time is up."""
        await self._pause(self._chance.uniform(0, self._think_time[1]))
        while time.monotonic() < self._until:
            started = await self._start()
            if started.code == SUCCESS:
                await self._interview(started.data["session_id"])
            await self._think()
        self.browser.close()

    async def _interview(self, handle: str) -> None:
        for _ in range(self._chance.randint(4, 12)):
            await self._think()
            if time.monotonic() >= self._until:
                break
            besides = self._chance.random()
            if besides < 0.1:
                await self._ask("keep-alive", {"session_id": handle})
            elif besides < 0.15:
                await self._ask("interrupt", {"session_id": handle})
            spoken = await self._speak(handle, interrupt=self._chance.random() < 0.1)
            if spoken.data.get("restart_session"):
                break
        await self._stop(handle)

    async def _start(self) -> Answer:
        # A unique name for each attempt identifies the vendor's session.
        return await self._with_retries(
            lambda: self._ask("start", {"avatar_name": self._name("session")}, "avatar_name")
        )

    async def _speak(self, handle: str, *, interrupt: bool) -> Answer:
        text = f"{REQUEST} {self._name('text')}"
        task = {"session_id": handle, "text": text, "interrupt": interrupt}
        return await self._with_retries(lambda: self._ask("task", task, "text"))

    async def _stop(self, handle: str) -> None:
        for _ in range(REPEATS):  # a stop is idempotent
            if (await self._ask("stop", {"session_id": handle})).code == SUCCESS:
                return
            await asyncio.sleep(self._chance.uniform(0.5, 1.5))

    async def _with_retries(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        answer = await ask()
        for _ in range(REPEATS):
            if not answer.soon:
                break
            await asyncio.sleep(answer.data["retry_after"])
            answer = await ask()
        return answer

    async def _ask(self, route: str, fields: dict[str, Any], name: str = "session_id") -> Answer:
        begun = time.monotonic()
        try:
            data = await asyncio.wait_for(self._post(route, fields), PATIENCE)
        except asyncio.TimeoutError:  # which is an OSError from Python 3.11 on
            data = {"code": UNANSWERED}
            self.browser.close()
        except (OSError, ValueError):
            data = {"code": CUT}
        seconds = time.monotonic() - begun
        answer = Answer(route, fields[name], data.get("code", SUCCESS), seconds, data)
        self.answers.append(answer)
        return answer

    async def _post(self, route: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a success, or the error."""
        answer = await self.browser.post(f"/api/heygen/{route}", fields)
        return dict(answer["data"] if answer["status"] == "success" else answer["error"])

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self._user} {kind} {self._count}"

    async def _think(self) -> None:
        await self._pause(self._chance.uniform(*self._think_time))

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(max(0, min(seconds, self._until - time.monotonic())))
