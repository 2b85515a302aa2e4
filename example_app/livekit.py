"""livekit-client for the page: the copy that npm installed, or else a CDN's."""

from __future__ import annotations

from pathlib import Path

from flask import Response, send_from_directory

#: As package.json pins it.
VERSION = "2.23.0"
#: The hash of the file: a browser runs no other.
INTEGRITY = "sha384-HkA7rQNo8H04l1p4zoXX1Cy+h9YoYp8LvKt4vfMFhv4KFk07UkrNwIUnyBum8Pw6"
CDN = f"https://cdn.jsdelivr.net/npm/livekit-client@{VERSION}/dist/livekit-client.umd.js"

_NAME = "livekit-client.umd.js"
#: Where ``npm ci`` puts it.
_DIRECTORY = Path(__file__).parent / "node_modules/livekit-client/dist"


def installed() -> bool:
    """Return whether npm has installed it."""
    return (_DIRECTORY / _NAME).is_file()


def livekit_client() -> Response:
    """Send npm's copy, not cached: after an update the hash in the page is another."""
    return send_from_directory(_DIRECTORY, _NAME, mimetype="text/javascript", max_age=0)
