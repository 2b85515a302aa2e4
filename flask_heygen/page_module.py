"""The page's module: ``heygen-avatar.js``, and the parts that it imports."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory


def serve_module(blueprint: Blueprint) -> None:
    """Serve the module to everybody: it holds no secret and needs no setting."""
    blueprint.get("/heygen-avatar.js", endpoint="module")(_module)
    blueprint.get("/heygen-avatar/<name>.js", endpoint="module_part")(_part)


def _module() -> Response:
    return _file("heygen-avatar")


def _part(name: str) -> Response:
    return _file(f"heygen-avatar/{name}")


def _file(path: str) -> Response:
    # By name: an operating system's own list of types may say otherwise, and a browser then
    # refuses the module.
    response = send_from_directory(
        Path(__file__).parent / "static",
        f"{path}.js",
        mimetype="text/javascript",
        conditional=False,
        max_age=0,  # asked for anew by each page: parts of two releases do not fit together
    )
    with suppress(OverflowError):  # If-Modified-Since a date that no calendar has
        response.make_conditional(request)
    # A page of another site imports it only with this; there are no cookies to it.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
