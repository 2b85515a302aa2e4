"""Requests from other sites, and the headers for browsers: CORS, cookies and timings."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from copy import deepcopy
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request, session
from flask_cors import cross_origin
from werkzeug.http import parse_cookie

from .errors import CrossSite

#: Maximum warnings that ``warn_once`` logs per app, as clients can cause new ones.
MAX_WARNINGS = 100

#: The key of what the session held when a *stop* began, in the environment of its request.
_SESSION = "flask_heygen.session"

logger = logging.getLogger(__name__)


def reject_cross_site(origins: Collection[str]) -> None:
    """Raise CrossSite if a page of another site, other than ``origins``, makes the request.

    The browser's own ``Sec-Fetch-Site`` is preferred to a comparison of hosts, which a proxy may
    have changed. A client that sends neither that nor ``Origin`` is not a browser.
    """
    origin = request.headers.get("Origin")
    if origin in origins:
        return
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        same = origin is None or _is_same_origin(origin)
    else:
        same = site in ("same-origin", "none")
    if same:
        return
    warn_once(
        "Refused a request of a page at %.200r to the host %.200r: HEYGEN_CORS_ORIGINS does not "
        "name the page's origin. If it is the app's own, a proxy hides it: see ProxyFix.",
        origin or "another site",
        request.host,
    )
    if request.method != "OPTIONS":  # a preflight does nothing; the browser refuses its answer
        raise CrossSite


def _is_same_origin(origin: str) -> bool:
    try:
        url = urlsplit(origin)
    except ValueError:  # not a URL
        return False
    # Behind a proxy that terminates TLS, without ProxyFix, the app sees http.
    return url.netloc == request.host and url.scheme in (request.scheme, "https")


def add_cors_headers(response: Response, origins: Collection[str]) -> Response:
    """Allow a page of one of ``origins`` to read the response, and to send cookies."""
    if not origins:
        return response
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin is None or origin not in origins:
        return response

    # The app's own CORS(app) has added them to an error already: browsers refuse duplicates.
    for name in [name for name, _ in response.headers if name.startswith("Access-Control-")]:
        response.headers.remove(name)
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


def add_timings(response: Response, timings: Mapping[str, float]) -> Response:
    """Send ``Server-Timing``, which a browser shows in its developer tools."""
    if not response.is_streamed:  # the vendor has not been called yet
        value = ", ".join(f"{name};dur={spent:.1f}" for name, spent in timings.items())
        response.headers.add("Server-Timing", value)
    return response


def note_session() -> None:
    """Note what the session holds before the app handles a *stop*, for ``drop_session_cookie``."""
    with suppress(Exception):  # of a value that cannot be copied; the cookie then stays
        request.environ[_SESSION] = deepcopy(dict(session))


def drop_session_cookie(app: Flask, response: Response, **_: object) -> None:
    """Remove the session cookie from the answer to *stop* if the request did not change it.

    Flask sets the cookie of a permanent session with every response. The *stop* of a page that is
    left by a logout link is answered after the logout, and would sign the user in again. So would
    any other cookie that is sent back, such as Flask-Login's ``remember_token``. This receives
    ``request_finished``, which is sent after the session was saved.
    """
    # Not by session.modified: an app that makes its sessions permanent in a before_request sets it.
    if _SESSION not in request.environ or request.environ[_SESSION] != dict(session):
        return
    name = app.session_interface.get_cookie_name(app)
    cookies = response.headers.getlist("Set-Cookie")
    others = [each for each in cookies if not each.startswith(f"{name}=")]
    response.headers.setlist("Set-Cookie", [each for each in others if not _is_sent_back(each)])


def _is_sent_back(cookie: str) -> bool:
    """Return whether the request had the cookie, with the same value."""
    new = parse_cookie(cookie.partition(";")[0]).to_dict()
    return bool(new) and new.items() <= request.cookies.to_dict().items()


def warn_once(message: str, *args: object) -> None:
    """Log a warning, the first time only for the current app."""
    logged: set[object] = current_app.extensions.setdefault("heygen_warnings", set())
    if (message, args) not in logged and len(logged) < MAX_WARNINGS:
        logged.add((message, args))
        logger.warning(message, *args)
