"""Server-Timing: where the time of a request went."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient
from requests_mock import Mocker

TASK = {"session_id": "a-session", "text": "Tell me about yourself."}


def timings(page: FlaskClient, route: str, **options: Any) -> dict[str, float]:
    response = page.post(f"/api/heygen/{route}", **options)
    parts = re.findall(r"(\w+);dur=([\d.]+)", response.headers["Server-Timing"])
    return {name: float(spent) for name, spent in parts}


@pytest.fixture
def slow(vendor: Mocker) -> Mocker:
    """Let a token take 20 ms and a task, which fails, 10."""

    def mint(*_: Any) -> dict[str, Any]:
        time.sleep(0.02)
        return {"error": None, "data": {"token": "a-session-token-that-took-its-time"}}

    def fail(_: Any, context: Any) -> dict[str, Any]:
        time.sleep(0.01)
        context.status_code = 400
        return {"code": 1, "message": "no"}

    vendor.post("/v1/streaming.create_token", json=mint)
    vendor.post("/v1/streaming.task", json=fail)
    return vendor


class TestAnAnswer:
    def test_names_the_time_upstream(self, client: FlaskClient, slow: Mocker) -> None:
        """In milliseconds, with that of the token as a part of it; of an error, too."""
        spent = timings(client, "task", json=TASK)

        assert spent["mint"] >= 20
        assert spent["upstream"] >= 30

    def test_counts_each_request_alone(self, client: FlaskClient, slow: Mocker) -> None:
        """The time of another context is not added."""
        timings(client, "task", json=TASK)

        assert timings(client, "task", json={})["upstream"] == 0

    def test_that_needed_no_call_says_so(self, client: FlaskClient, vendor: Mocker) -> None:
        """An error of the page's has cost no time upstream."""
        assert timings(client, "task", json={}) == {"upstream": 0, "mint": 0}

    def test_of_an_app_without_a_key_says_so(self, app: Flask, client: FlaskClient) -> None:
        """Wrong settings are an answer as well."""
        app.config["HEYGEN_API_KEY"] = None

        assert timings(client, "task", json=TASK) == {"upstream": 0, "mint": 0}

    def test_keeps_the_app_s_own_header(
        self, app: Flask, client: FlaskClient, vendor: Mocker
    ) -> None:
        """A header may come twice."""

        @app.after_request
        def add(response: Response) -> Response:
            response.headers.add("Server-Timing", "db;dur=1")
            return response

        response = client.post("/api/heygen/task", json=TASK)

        assert len(response.headers.getlist("Server-Timing")) == 2

    def test_in_two_lines_names_it_in_the_last(self, client: FlaskClient, slow: Mocker) -> None:
        """Its headers are sent before the vendor is called."""
        headers = {"Accept": "application/x-ndjson"}

        response = client.post("/api/heygen/task", json=TASK, headers=headers)

        assert "Server-Timing" not in response.headers
        spent = json.loads(response.text.splitlines()[-1])["timings"]
        assert spent["mint"] >= 20
        assert spent["upstream"] >= 30
