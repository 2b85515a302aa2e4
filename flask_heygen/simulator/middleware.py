"""The middlewares that every call passes: CORS, log, latency and faults, rate limit, errors.

A call is a request to a route that has a name, or to a path that there is no route for. The
simulator's own paths and LiveKit's have no names and pass unchanged.
"""

import asyncio
import logging
import time
from contextlib import suppress
from weakref import WeakSet

from aiohttp import web
from aiohttp.typedefs import Middleware

from .config import Config
from .errors import ApiError
from .exchange import Exchange, Handler, Written
from .fault_queue import FaultQueue, ScheduledFault
from .rate_limiter import RateLimiter
from .request_log import RequestLog, json_body
from .responses import error as json_error
from .responses import liveavatar_error

_NO_FAULT = ScheduledFault(Exchange.execute)
_log = logging.getLogger("flask_heygen.simulator")


def call_name(request: web.Request) -> str | None:
    """Return the name of a call; None: it is none."""
    resource = request.match_info.route.resource
    return "unknown" if resource is None else resource.name


def api_of(request: web.Request) -> str:
    """Return the API that a path belongs to."""
    v1 = request.path.startswith(("/v1/streaming", "/v2/"))
    return "streaming" if v1 else "liveavatar"


@web.middleware
async def allow_origins(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Allow the pages of any origin to call: the SDKs do, with credentials (sdk)."""
    origin = request.headers.get("Origin")
    if origin is None or call_name(request) is None:
        return await handler(request)

    preflight = request.method == "OPTIONS"
    response = web.Response(status=204) if preflight else await handler(request)
    if not response.prepared:
        response.headers.update(
            {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-KEY",
                "Access-Control-Allow-Methods": "GET, POST, PATCH, DELETE",
                "Vary": "Origin",
            }
        )
    return response


def record_calls(log: RequestLog, config: Config, faults: FaultQueue) -> Middleware:
    """Record each call, delay it, and inject the fault that is scheduled for it."""
    used: WeakSet[asyncio.BaseTransport] = WeakSet()  # connections that have carried a call

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        name = call_name(request)
        if name is None:
            return await handler(request)

        def on_status(status: int | None) -> None:
            log.update(number, status=status)
            # Neither token nor text: no body, no header, no query.
            path = request.rel_url.raw_path
            _log.debug("%s %s %s", request.method, path, status or "no response")

        reused = request.transport in used
        if request.transport is not None:
            used.add(request.transport)
        number = log.begin(name, request, await json_body(request))
        fault = faults.take(name) or _NO_FAULT
        options = fault.retry_after, fault.seconds
        exchange = Exchange(request, handler, name, api_of(request), reused, *options, on_status)
        response = None
        try:
            await asyncio.sleep(config.latency_of(name))
            with suppress(ConnectionResetError):  # the client has gone
                response = await fault.function(exchange)
            exchange.note(None if response is None else response.status)
        finally:
            log.update(number, ended=time.monotonic())
        return Written(request) if response is None else response

    return middleware


def limit_rate(limiter: RateLimiter, config: Config) -> Middleware:
    """Limit the rate of LiveAvatar's calls; every response has the headers."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        fields = request.headers
        name, credential = call_name(request), fields.get("X-Api-Key", fields.get("Authorization"))
        if name is None or credential is None or api_of(request) != "liveavatar":
            return await handler(request)

        left = limiter.take(name, credential)
        if left < 0:
            response: web.StreamResponse = liveavatar_error(429, 4290, "Too many requests")
            response.headers["Retry-After"] = "1"
        else:
            response = await handler(request)
        response.headers["X-RateLimit-Limit"] = str(config.rate_limit)
        response.headers["X-RateLimit-Remaining"] = str(max(0, left))
        response.headers["X-RateLimit-Reset"] = "1"
        return response

    return middleware


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Respond to an error as its API does."""
    try:
        return await handler(request)
    except ApiError as error:
        return error.response(api_of(request))
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        if call_name(request) != "unknown":
            raise
        # LiveAvatar's 405 was seen (live), the rest is a guess.
        return json_error(error.status, {"code": error.status, "message": error.reason})
