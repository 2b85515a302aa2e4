"""Fixtures: a host, the simulator, and a proxy between the two."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_heygen.backends import token_pool
from flask_heygen.simulator import Simulator

from .certificates import HOST, Certificate
from .host import Host
from .proxy import Proxy


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore this machine's proxies and certificates, and let no mint worker wait for more work."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    # Patched, as a worker that waits cannot be told from one that mints.
    monkeypatch.setattr(token_pool, "IDLE_TIMEOUT", 0)


@pytest.fixture
def proxy(sim: Simulator) -> Iterator[Proxy]:
    """Run a proxy in front of the simulator."""
    with Proxy(sim.url) as proxy:
        yield proxy


@pytest.fixture
def host(sim: Simulator, proxy: Proxy) -> Host:
    """Return a host in front of the proxy, without spare tokens."""
    return Host(sim, proxy)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a valid certificate."""
    return Certificate(tmp_path_factory.mktemp("good"), "20200101000000Z", "20491231235959Z")


@pytest.fixture(scope="session")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate that has expired."""
    return Certificate(tmp_path_factory.mktemp("expired"), "20200101000000Z", "20200131235959Z")


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Resolve these names to this machine, and no other name below .test."""
    names, lookup = {HOST}, socket.getaddrinfo

    def look_up(host: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in names:
            host = "127.0.0.1"
        elif str(name).endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return lookup(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


@pytest.fixture
def trusted(
    certificate: Certificate, expired: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust the issuers of both."""
    bundle = tmp_path / "bundle"
    bundle.write_bytes(certificate.path.read_bytes() + expired.path.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


@pytest.fixture
def secure_host(
    sim: Simulator, certificate: Certificate, trusted: None, names: set[str]
) -> Iterator[Host]:
    """Return a host in front of a proxy that speaks TLS."""
    with Proxy(sim.url, certificate.context) as proxy:
        yield Host(sim, proxy, f"https://{HOST}:{proxy.port}")
