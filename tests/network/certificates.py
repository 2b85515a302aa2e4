"""Self-signed certificates with any period of validity."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from tests.requirements import program

#: The host name in every certificate.
HOST = "vendor.test"

_CONFIG = """
[ca]
default_ca = own

[own]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
x509_extensions = strict

[any]
commonName = supplied

[strict]
basicConstraints = critical, CA:true
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


class Certificate:
    """A certificate that is valid from one date to another, as openssl writes them."""

    def __init__(self, folder: Path, start: str, end: str) -> None:
        program("openssl", "openssl")
        self.path, key, request = folder / "certificate", folder / "key", folder / "request"
        config = folder / "config"
        config.write_text(_CONFIG.format(folder=folder))
        (folder / "index").touch()
        _openssl(
            # Each with its own issuer, or OpenSSL would take one for the other's.
            f"req -new -newkey rsa:2048 -nodes -subj /CN={end} -keyout {key} -out {request} "
            f"-addext subjectAltName=DNS:{HOST} "
            "-addext keyUsage=critical,digitalSignature,keyCertSign"
        )
        _openssl(
            f"ca -batch -selfsign -notext -config {config} -keyfile {key} -in {request} "
            f"-out {self.path} -startdate {start} -enddate {end}"
        )
        #: For a server that presents it.
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.path, key)


def _openssl(command: str) -> None:
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
