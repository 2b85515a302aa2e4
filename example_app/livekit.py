"""Where the page gets livekit-client from: npm's copy where there is one, else a CDN's."""

from __future__ import annotations

from pathlib import Path

from flask import Response, send_from_directory

#: As package.json pins it.
VERSION = "2.23.0"
#: Of the very file: a browser runs no other.
INTEGRITY = "sha384-HkA7rQNo8H04l1p4zoXX1Cy+h9YoYp8LvKt4vfMFhv4KFk07UkrNwIUnyBum8Pw6"
CDN = f"https://cdn.jsdelivr.net/npm/livekit-client@{VERSION}/dist/livekit-client.umd.js"

_NAME = "livekit-client.umd.js"
#: Where ``npm ci`` puts it.
_DIRECTORY = Path(__file__).parent / "node_modules/livekit-client/dist"


def installed() -> bool:
    """Tell whether npm has put it here."""
    return (_DIRECTORY / _NAME).is_file()


def livekit_client() -> Response:
    """Send npm's copy, to be asked for anew: after an update the page runs no other."""
    return send_from_directory(_DIRECTORY, _NAME, mimetype="text/javascript", max_age=0)
