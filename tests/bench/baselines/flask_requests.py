"""Flask with requests.post: two calls in a row, each on a new connection."""

import os
from typing import Any

import requests
from flask import Flask, request

BASE = os.environ["HEYGEN_BASE_URL"]
KEY = os.environ["HEYGEN_API_KEY"]

app = Flask(__name__)


@app.post("/api/heygen/task")
def speak() -> Any:
    """Send a text to the avatar."""
    fields = request.get_json()

    minted = requests.post(
        f"{BASE}/v1/streaming.create_token", headers={"X-Api-Key": KEY}, timeout=20
    )
    minted.raise_for_status()
    token = minted.json()["data"]["token"]
    spoken = requests.post(
        f"{BASE}/v1/streaming.task",
        headers={"Authorization": f"Bearer {token}"},
        json={**fields, "task_type": "repeat", "task_mode": "async"},
        timeout=20,
    )
    spoken.raise_for_status()
    return spoken.json()
