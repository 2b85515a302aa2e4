"""Requests that claim any origin and host: a page of another site is refused."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.serving import make_server

STOP = "/api/heygen/stop"
OURS, NAMED = "www.example.com", "https://app.example.com"
BODY = {"session_id": "a-session"}

words = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=12)
others = st.sampled_from(
    ["evil.example", f"{OURS}.evil.example", f"{OURS}@evil.example", "localhost"]
)
#: The origins that a browser may write for the page of another site.
origins = st.just("null") | st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https"]),
    others,
    st.sampled_from(["", ":80", ":1"]),
)
#: What no browser lets a page say, and what a proxy may have left over.
more = st.dictionaries(
    st.sampled_from(
        [
            "X-Forwarded-Host",
            "Forwarded",
            "X-Original-Host",
            "X-HTTP-Method-Override",
            "Referer",
            "Access-Control-Request-Method",
            "X-Requested-With",
        ]
    ),
    words | st.sampled_from([OURS, NAMED, "evil.example", "POST", "host=evil.example"]),
    max_size=3,
)


@pytest.fixture(scope="module")
def app(host_of: Callable[..., Flask]) -> Flask:
    return host_of(HEYGEN_CORS_ORIGINS=[NAMED])


class TestAnotherSite:
    @given(
        route=st.sampled_from(["start", "task", "stop", "interrupt", "keep-alive"]),
        origin=origins | words,
        site=st.sampled_from([None, "cross-site", "same-site", "Same-Origin", "none, same-origin"]),
        more=more,
    )
    def test_is_refused(
        self,
        app: Flask,
        attacker: Any,
        hostile: Any,
        *,
        route: str,
        origin: str,
        site: str | None,
        more: dict[str, str],
    ) -> None:
        """Whatever else its request says; the vendor hears nothing of it."""
        hostile.heard = b""
        headers = {**more, "Origin": origin, **({"Sec-Fetch-Site": site} if site else {})}

        answer = attacker.send(
            app,
            f"/api/heygen/{route}",
            method="POST",
            headers=headers,
            json=BODY,
            base_url=f"http://{OURS}",
        )

        assert answer.get_json()["error"]["code"] == "cross_site"
        assert hostile.heard == b""
        assert "Access-Control-Allow-Origin" not in answer.headers


class TestTrustedHosts:
    @pytest.fixture
    def app(self, host_of: Callable[..., Flask]) -> Flask:
        return host_of(TRUSTED_HOSTS=[OURS])

    @pytest.fixture
    def server(self, app: Flask) -> Iterator[http.client.HTTPConnection]:
        """Serve the app as hosts do in development, and return a connection to it."""
        server = make_server("127.0.0.1", 0, app)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        yield connection
        connection.close()
        server.shutdown()
        thread.join()
        server.server_close()

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            f"{OURS}.evil.example",
            f"evil.{OURS}",
            f"evil.example:{OURS}",
            f"evil.example@{OURS}",
            f"evil.example/{OURS}",
            f"evil.example#{OURS}",
            f"evil.example, {OURS}",
            f"{OURS}, evil.example",
            f"[{OURS}]",
            "[::1]",
            "127.0.0.1",
            "localhost",
            "",
            ".",
            "\xe9.example",
            "x" * 10_000,
        ],
    )
    def test_refuse_another(self, app: Flask, attacker: Any, hostile: Any, host: str) -> None:
        """A page whose name leads to our address is answered in JSON, and the vendor not asked."""
        hostile.heard = b""
        headers = {"X-Forwarded-Host": OURS, "X-Host": OURS, "Forwarded": f"host={OURS}"}

        answer = attacker.send(
            app,
            STOP,
            method="POST",
            json=BODY,
            headers=headers,
            environ_overrides={"HTTP_HOST": host},
        )

        assert answer.status_code == 400
        assert answer.get_json()["error"]["code"] == "bad_request"
        assert hostile.heard == b""

    @pytest.mark.parametrize(
        ("forwarded", "status"),
        [
            (OURS, 200),
            ("evil.example", 400),
            (f"{OURS}, evil.example", 400),
            # What a client wrote goes before what the proxy saw, which alone is believed.
            (f"evil.example, {OURS}", 200),
        ],
    )
    @pytest.mark.parametrize("host", [OURS, "127.0.0.1:8000"])
    def test_are_asked_of_what_a_proxy_saw(
        self, app: Flask, attacker: Any, hostile: Any, *, host: str, forwarded: str, status: int
    ) -> None:
        """Behind ProxyFix the last host that was forwarded counts, whatever the proxy asked for."""
        app.wsgi_app = ProxyFix(app.wsgi_app, x_host=1)  # type: ignore[method-assign]
        hostile.heard = b""

        answer = attacker.send(
            app,
            STOP,
            method="POST",
            json=BODY,
            headers={"X-Forwarded-Host": forwarded},
            environ_overrides={"HTTP_HOST": host},
        )

        assert answer.status_code == status
        assert bool(hostile.heard) == (status == 200)

    @pytest.mark.parametrize(
        ("target", "host", "status"),
        [
            (STOP, OURS, 200),
            (STOP, f"{OURS}:8080", 200),
            (STOP, "evil.example", 400),
            (f"http://{OURS}{STOP}", OURS, 200),
            (f"http://evil.example{STOP}", "evil.example", 400),
            # The target goes before the header: RFC 9112, 3.2.2.
            (f"http://evil.example{STOP}", OURS, 400),
            (f"http://{OURS}@evil.example{STOP}", OURS, 400),
        ],
    )
    def test_are_asked_whatever_names_the_host(
        self, server: http.client.HTTPConnection, target: str, host: str, status: int
    ) -> None:
        """A header, or a target that is a whole URL."""
        headers = {"Host": host, "Content-Type": "application/json"}

        server.request("POST", target, json.dumps(BODY), headers)
        answer = server.getresponse()

        assert answer.status == status
        assert json.loads(answer.read())["status"] == ("success" if status == 200 else "error")
