"""The upstream's self-signed certificate, and a CA bundle that includes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import certifi

_OPENSSL = """openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
    -addext keyUsage=critical,digitalSignature,keyCertSign"""


def certificate(directory: Path) -> Path:
    """Create a certificate for localhost and return its PEM file, which includes the key."""
    made = directory / "certificate.pem"
    key = directory / "key.pem"
    command = [*_OPENSSL.split(), "-keyout", str(key), "-out", str(made)]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + key.read_text())
    return made


def environment(made: Path) -> dict[str, str]:
    """Return the variables that make Python, OpenSSL and Node trust the certificate.

    The bundle also has the public roots, so that verification costs what it does in production.
    """
    bundle = made.with_name("bundle.pem")
    certificate_only = made.read_text().partition("-----BEGIN PRIVATE")[0]
    bundle.write_text(Path(certifi.where()).read_text() + certificate_only)
    names = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
    return dict.fromkeys(names, str(bundle))
