"""Who may call: users, the pages of this site, and those of the sites that the operator names."""

from __future__ import annotations

import re
from collections.abc import Collection
from inspect import isawaitable
from urllib.parse import urlsplit

from flask import Response, request
from flask_cors import cross_origin
from werkzeug import Response as AnyResponse

from .errors import CrossSite


def owner_of(loaded: object) -> str | None:
    """Return the id that an ``owner_loader`` returned, None where nobody is signed in.

    Raises:
        TypeError: it is no id, but an answer (of a decorator that wants a login), a yes or no, or
            a coroutine; as a text, that would be one user whom all strangers are.

    """
    if loaded is None or loaded == "":
        return None
    if isinstance(loaded, bool | AnyResponse) or isawaitable(loaded):
        kind = type(loaded).__name__
        raise TypeError(
            f"The owner_loader returned a {kind}, and neither a user's id nor None for nobody."
        )
    return str(loaded)


def refuse_cross_site(origins: Collection[str]) -> None:
    """Raise CrossSite where another site's page makes the request, with our user's cookies.

    ``origins`` are the sites that may. A browser's own word (``Sec-Fetch-Site``) goes before a
    comparison of hosts, which a proxy in front may have changed; what sends neither is no browser.
    """
    origin = request.headers.get("Origin")
    if request.method == "OPTIONS" or origin in origins:  # a preflight asks and does nothing
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or _host(origin) == request.host
    if not ours:
        raise CrossSite


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:  # not a URL
        return None


def allow_origins(response: Response, origins: Collection[str]) -> Response:
    """Add the CORS headers by which a page of one of ``origins`` may call, cookies included."""
    if not origins:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return response

    # Round the response: CORS(blueprint) would freeze one app's origins for all apps. As a
    # pattern: a plain origin with the brackets of IPv6 would be taken for one. What is not given
    # here would be taken from the host's own CORS_ settings.
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
