"""A start through the blueprint, and the same calls of the vendor made directly."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from flask_heygen.simulator import Simulator
from tests.bench.start.hosts import AVATAR
from tests.bench.targets import KEY

#: Starts one session; returns its id.
Start = Callable[[], str]


@dataclass(frozen=True)
class Started:
    """One start."""

    #: Milliseconds until its answer.
    milliseconds: float
    #: The calls of the vendor, those in the background too.
    calls: int


def measure(start: Start, vendor: Simulator) -> Started:
    """Start a session and end it."""
    before = len(vendor.calls)
    begun = time.perf_counter()
    session_id = start()
    milliseconds = 1000 * (time.perf_counter() - begun)
    time.sleep(0.2)  # a token is minted ahead
    made = len(vendor.calls) - before
    vendor.close_session(session_id)
    return Started(milliseconds, made)


def through(url: str) -> Start:
    """Return a start through the blueprint at a URL."""
    http = _session()

    def start() -> str:
        reply = http.post(f"{url}/api/heygen/start", json={}, timeout=30)
        return str(reply.json()["data"]["session_id"])

    return start


def direct(api: str, url: str) -> Start:
    """Return the vendor's calls, one after the other on a kept connection."""
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
