"""Fixtures: a host of the simulator, over http or https."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flask_heygen.simulator import Simulator

from .certificates import HOST, Certificate
from .host import Host, port_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore this machine's proxies and certificates."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def host(sim: Simulator) -> Host:
    """Return a host of the simulator, without spare tokens."""
    return Host(sim)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a valid certificate."""
    return Certificate(tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="session")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Return a certificate that has expired."""
    return Certificate(tmp_path_factory.mktemp("expired"), end="20200131235959Z")


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Resolve names to ports of this machine, and no other name below .test."""
    ports: dict[str, int] = {}
    look_up = socket.getaddrinfo

    def look_up_port(host: str, port: int, *args: Any) -> Any:
        if host in ports:
            return look_up("127.0.0.1", ports[host], *args)
        if host.endswith(".test"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, port, *args)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_port)
    return ports


@pytest.fixture
def trusted(
    certificate: Certificate, expired: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trust the issuers of both."""
    bundle = tmp_path / "bundle"
    bundle.write_bytes(certificate.path.read_bytes() + expired.path.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))


@pytest.fixture
def secure_host(certificate: Certificate, trusted: None, ports: dict[str, int]) -> Iterator[Host]:
    """Return a host of a simulator that serves https."""
    with Simulator(ssl_context=certificate.context) as sim:
        ports[HOST] = port_of(sim.url)
        yield Host(sim, HEYGEN_BASE_URL=f"https://{HOST}")
