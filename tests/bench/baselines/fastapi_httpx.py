"""FastAPI with a new httpx client for each of its two calls."""

import os
import socket
import sys
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

BASE = os.environ["HEYGEN_BASE_URL"]
KEY = os.environ["HEYGEN_API_KEY"]

app = FastAPI()


class Task(BaseModel):
    """Body of a task request."""

    session_id: str
    text: str


async def create_token() -> str:
    """Create a session token."""
    async with httpx.AsyncClient(timeout=20) as client:
        url = f"{BASE}/v1/streaming.create_token"
        answer = await client.post(url, headers={"X-Api-Key": KEY})
    answer.raise_for_status()
    return str(answer.json()["data"]["token"])


@app.post("/api/heygen/task")
async def speak(task: Task) -> Any:
    """Send a text to the avatar."""
    token = await create_token()
    async with httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(
            f"{BASE}/v1/streaming.task",
            headers={"Authorization": f"Bearer {token}"},
            json={**task.model_dump(), "task_type": "repeat", "task_mode": "async"},
        )
    answer.raise_for_status()
    return answer.json()


if __name__ == "__main__":
    # The port is already open; uvicorn's --fd would treat it as a Unix socket.
    config = uvicorn.Config(app, log_level="warning", timeout_keep_alive=75)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
