"""The page's module: ``heygen-avatar.js`` and the parts that it imports."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files

from flask import Response, abort, current_app, request


def module() -> Response:
    """Return the module; it is public, as it holds no secret."""
    return _send("heygen-avatar.js", "")


def module_part() -> Response:
    """Return one of the modules that it imports."""
    return _send(f"{(request.view_args or {})['module_name']}.js", "heygen-avatar")


def _send(name: str, folder: str) -> Response:
    # Looked up in the list of files, so that no name leads out of the folder. Not
    # send_file: its ETag is made of a file's time, which two releases or machines may share.
    sources = {each.name: each for each in (files(__package__) / "static" / folder).iterdir()}
    if name not in sources:
        abort(404)
    # The content type is not left to the operating system: browsers refuse a wrong one.
    response = current_app.response_class(sources[name].read_bytes(), mimetype="text/javascript")
    response.add_etag()
    # Browsers revalidate it each time: parts of two releases do not fit together.
    response.cache_control.no_cache = True
    response.cache_control.max_age = 0
    # Pages of other sites may import it; it needs no cookies.
    response.headers["Access-Control-Allow-Origin"] = "*"
    with suppress(OverflowError):  # an If-Modified-Since beyond the calendar
        response.make_conditional(request)
    return response
