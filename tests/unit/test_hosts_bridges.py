"""Servers that pass a body on without its length: ASGI bridges, and HTTP/2 in front."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi
from flask import Flask
from requests_mock import Mocker

from tests.coroutines import run

TASK = json.dumps({"session_id": "a-session", "text": "Hello."}).encode()

bridges = pytest.mark.parametrize("bridge", [WsgiToAsgi, WSGIMiddleware])


def post(
    bridge: Callable[[Any], Any],
    app: Flask,
    route: str,
    *,
    body: bytes = b"",
    http_version: str = "1.1",
    **headers: str,
) -> tuple[int, dict[str, Any]]:
    """Send a request through an ASGI bridge, and return the status and the JSON of the answer."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def call() -> None:
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/api/heygen/{route}",
            "query_string": b"",
            "http_version": http_version,
            "scheme": "http",
            "server": ("localhost", 80),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        await bridge(app)(scope, receive, send)

    run(call())
    content = b"".join(each.get("body", b"") for each in sent)
    return sent[0]["status"], json.loads(content)


@bridges
class TestNoBody:
    @pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
    def test_starts_a_session(
        self, bridge: Any, app: Flask, vendor: Mocker, content_type: str | None
    ) -> None:
        """A start needs none, whatever its content type says, and no Content-Length."""
        headers: dict[str, Any] = {"content_type": content_type} if content_type else {}

        status, _ = post(bridge, app, "start", **headers)

        assert status == 200

    def test_starts_a_session_over_http_2(self, bridge: Any, app: Flask, vendor: Mocker) -> None:
        """There no header says that there is no body."""
        status, _ = post(bridge, app, "start", http_version="2")

        assert status == 200


@bridges
class TestABodyWithoutLength:
    @pytest.mark.parametrize("route", ["start", "task", "stop"])
    @pytest.mark.parametrize(
        ("http_version", "headers"), [("1.1", {"transfer_encoding": "chunked"}), ("2", {})]
    )
    def test_is_refused_with_the_reason(
        self,
        *,
        bridge: Any,
        app: Flask,
        vendor: Mocker,
        route: str,
        http_version: str,
        headers: dict[str, str],
    ) -> None:
        """Werkzeug does not read it; a start without its fields would not be what was asked."""
        status, answer = post(
            bridge,
            app,
            route,
            body=TASK,
            http_version=http_version,
            content_type="application/json",
            **headers,
        )

        assert (status, answer["error"]["code"]) == (400, "bad_request")
        assert "send a Content-Length" in answer["error"]["message"]
        assert vendor.call_count == 0

    def test_is_read_once_the_server_marks_its_end(
        self, bridge: Any, app: Flask, vendor: Mocker
    ) -> None:
        """As the message says, ``wsgi.input_terminated`` is what a bridge leaves out."""
        wsgi_app = app.wsgi_app

        def terminated(environ: Any, start_response: Any) -> Any:
            return wsgi_app({**environ, "wsgi.input_terminated": True}, start_response)

        app.wsgi_app = terminated  # type: ignore[method-assign]

        status, _ = post(bridge, app, "task", body=TASK, content_type="application/json")

        assert status == 200


@bridges
class TestABodyWithLength:
    def test_is_read(self, bridge: Any, app: Flask, vendor: Mocker) -> None:
        """As over any server."""
        length = str(len(TASK))

        status, _ = post(
            bridge, app, "task", body=TASK, content_type="application/json", content_length=length
        )

        assert status == 200
