"""The upstream's certificate, and a bundle of it and the usual roots."""

from __future__ import annotations

import subprocess
from pathlib import Path

import certifi

_OPENSSL = """openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
    -addext keyUsage=critical,digitalSignature,keyCertSign"""


def certificate(directory: Path) -> Path:
    """Create a certificate for localhost, with its key in the same file."""
    made = directory / "certificate.pem"
    key = directory / "key.pem"
    command = [*_OPENSSL.split(), "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + key.read_text())
    return made


def environment(made: Path) -> dict[str, str]:
    """Return the variables by which each language's client trusts it, among some 120 others."""
    bundle = made.with_name("bundle.pem")
    ours = made.read_text().partition("-----BEGIN PRIVATE")[0]
    bundle.write_text(Path(certifi.where()).read_text() + ours)
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    return dict.fromkeys(names, str(bundle))
