"""Access: the signed-in user, cross-site requests, and CORS."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection
from inspect import isawaitable
from urllib.parse import urlsplit

from flask import Response, current_app, request
from flask_cors import cross_origin
from werkzeug import Response as AnyResponse

from .errors import CrossSite

#: Returns the id of the user who makes the current request, None if nobody is signed in.
OwnerLoader = Callable[[], object]

#: Different warnings that ``warn_once`` logs per app; a client chooses what some of them say.
MAX_WARNINGS = 100

logger = logging.getLogger(__name__)


def parse_owner(loaded: object) -> str | None:
    """Return the id that an ``owner_loader`` returned, None if nobody is signed in.

    Raises:
        TypeError: it is not an id, but a response (of a login decorator), a bool or a coroutine.
            As a string, that would be one user whom all strangers share.

    """
    if loaded is None or loaded == "":
        return None
    if isinstance(loaded, bool | AnyResponse) or isawaitable(loaded):
        raise TypeError(
            f"The owner_loader returned a {type(loaded).__name__}; it must return the id of a "
            "user, or None."
        )
    return str(loaded)


def reject_cross_site(origins: Collection[str]) -> None:
    """Raise CrossSite if a page of another site, other than ``origins``, makes the request.

    The browser's own ``Sec-Fetch-Site`` is preferred to a comparison of hosts, which a proxy may
    have changed. A client that sends neither that nor ``Origin`` is not a browser.
    """
    origin = request.headers.get("Origin")
    if request.method == "OPTIONS" or origin in origins:  # a preflight does nothing
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        same = origin is None or _is_same_origin(origin)
    else:
        same = site in ("same-origin", "none")
    if not same:
        raise CrossSite


def _is_same_origin(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:  # not a URL
        return False


def add_cors_headers(response: Response, origins: Collection[str]) -> Response:
    """Allow a page of one of ``origins`` to read the response, and to send cookies."""
    if not origins:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return response

    # Not CORS(blueprint): it would use one app's origins for all apps. The origin is a pattern, as
    # the brackets of a plain IPv6 origin would be taken for one. Options that are left out here
    # would be read from the app's own CORS_ settings.
    add_headers = cross_origin(
        origins=[re.compile(re.escape(origin) + r"\Z")],
        methods=["POST"],
        allow_headers="*",
        supports_credentials=True,
        expose_headers=["Retry-After"],
        automatic_options=False,
        vary_header=False,
    )
    allowed: Response = add_headers(lambda: response)()
    return allowed


def warn_once(message: str, *args: object) -> None:
    """Log a warning the first time that the current app has it."""
    logged: set[object] = current_app.extensions.setdefault("heygen_warnings", set())
    if (message, args) not in logged and len(logged) < MAX_WARNINGS:
        logged.add((message, args))
        logger.warning(message, *args)
