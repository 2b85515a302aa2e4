"""Starts through the blueprint, and the same vendor calls made directly."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from flask_heygen.simulator import Simulator
from tests.bench.start.hosts import AVATAR
from tests.bench.targets import KEY

#: Function that starts a session and returns its id.
Start = Callable[[], str]


@dataclass(frozen=True)
class Started:
    """Measurements of one start."""

    #: Time until the response.
    milliseconds: float
    #: Number of vendor calls, including those in the background.
    calls: int


def measure(start: Start, vendor: Simulator) -> Started:
    """Measure a start, then end the session."""
    before = len(vendor.calls)
    begun = time.perf_counter()
    session_id = start()
    milliseconds = 1000 * (time.perf_counter() - begun)
    time.sleep(0.2)  # for the next token, which is created in the background
    made = len(vendor.calls) - before
    vendor.close_session(session_id)
    return Started(milliseconds, made)


def through(url: str) -> Start:
    """Return a function that starts a session through the blueprint at a URL."""
    http = _session()

    def start() -> str:
        reply = http.post(f"{url}/api/heygen/start", json={}, timeout=30)
        return str(reply.json()["data"]["session_id"])

    return start


def direct(api: str, url: str) -> Start:
    """Return a function that makes the vendor's calls in a row, on a kept connection."""
    http = _session()

    def post(path: str, body: Mapping[str, object], token: str | None = None) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {"X-Api-Key": KEY}
        data = http.post(f"{url}/v1/{path}", json=body, headers=headers, timeout=30).json()["data"]
        return dict(data or {})

    def start_streaming() -> str:
        token = post("streaming.create_token", {})["token"]
        made = post("streaming.new", {"avatar_id": AVATAR, "version": "v2"}, token)
        post("streaming.start", {"session_id": made["session_id"]}, token)
        return made["session_id"]

    def start_liveavatar() -> str:
        persona = {"language": "en"}
        body = {"mode": "FULL", "avatar_id": AVATAR, "avatar_persona": persona}
        made = post("sessions/token", body)
        return post("sessions/start", {}, made["session_token"])["session_id"]

    return start_streaming if api == "streaming" else start_liveavatar


def _session() -> requests.Session:
    http = requests.Session()
    http.trust_env = False
    return http
