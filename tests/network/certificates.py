"""Self-signed certificates for any name, valid or expired."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from tests.requirements import program

#: The host name in a certificate of no other.
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
    """A certificate for a name, valid from 2020 to a date that is written as openssl does."""

    def __init__(
        self, folder: Path, name: str = f"DNS:{HOST}", end: str = "20491231235959Z"
    ) -> None:
        program("openssl", "openssl")
        self.path, key, request = folder / "certificate", folder / "key", folder / "request"
        config = folder / "config"
        config.write_text(_CONFIG.format(folder=folder))
        (folder / "index").touch()
        _openssl(
            # Each with its own issuer, or OpenSSL would take one for the other's.
            f"req -new -newkey rsa:2048 -nodes -subj /CN={name}-{end} -keyout {key} -out {request} "
            f"-addext subjectAltName={name} "
            "-addext keyUsage=critical,digitalSignature,keyCertSign"
        )
        _openssl(
            f"ca -batch -selfsign -notext -config {config} -keyfile {key} -in {request} "
            f"-out {self.path} -startdate 20200101000000Z -enddate {end}"
        )
        #: For a server that presents it.
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.path, key)


def _openssl(command: str) -> None:
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
