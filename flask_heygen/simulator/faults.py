"""The faults of a call, each a function of its `Exchange`.

Such a function returns the response to send, or None if it has written, closed or reset the
connection itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from aiohttp import web

from .errors import InvalidParams, Unauthorized
from .exchange import Exchange
from .request_log import json_body
from .responses import error, json_response, liveavatar_success, success

FaultFunction = Callable[[Exchange], Awaitable[web.Response | None]]


class Fault(Enum):
    """A fault of one call, which is executed only where its comment says so."""

    #: 401, the API's literal body.
    UNAUTHORIZED = "unauthorized"
    #: 410, the API is retired.
    SUNSET = "endpoint-sunset"
    #: 429 with a Retry-After of ``retry_after`` seconds.
    RATE_LIMITED = "rate-limited"
    #: 500 with a JSON body.
    SERVER_ERROR = "server-error"
    #: 502 with a proxy's HTML page.
    HTML = "html"
    #: 200 and a JSON content type, but no JSON.
    INVALID_JSON = "invalid-json"
    #: 200 in the success envelope, with ``data`` null.
    NO_DATA = "no-data"
    #: The connection is reset before a byte of the response.
    RESET_BEFORE = "reset-before"
    #: The call is executed, then the connection is reset before a byte of the response.
    RESET_AFTER = "reset-after"
    #: The call is executed, then the connection ends halfway through the response's body.
    TRUNCATED = "truncated"
    #: The call is executed, then the response's body comes a byte every ``seconds``.
    SLOW_BODY = "slow-body"
    #: The same from the status line on.
    SLOW_HEADERS = "slow-headers"
    #: Nothing comes until the client closes the connection.
    NO_RESPONSE = "no-response"
    #: 400 whose message repeats the key, the token and the text of the request.
    ECHO = "echo"
    #: 307 to a path that the vendor does not have.
    REDIRECT = "redirect"
    #: 200 with 5 MB of JSON.
    HUGE = "huge"

    async def __call__(self, exchange: Exchange) -> web.Response | None:
        """Make a call fail, as every `FaultFunction` does."""
        return await _FUNCTIONS[self](exchange)


_BAD_GATEWAY = b"<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
_RETIRED = "This endpoint has been retired, please migrate to LiveAvatar"


async def _unauthorized(exchange: Exchange) -> web.Response:
    return Unauthorized().response(exchange.api)


async def _sunset(_exchange: Exchange) -> web.Response:
    # The exact JSON is unknown (guess).
    return error(410, {"error": {"code": "endpoint_sunset", "message": _RETIRED}})


async def _rate_limited(exchange: Exchange) -> web.Response:
    response = error(429, {"code": 400123, "message": "Exceed rate limit"})
    response.headers["Retry-After"] = str(exchange.retry_after)
    return response


async def _server_error(_exchange: Exchange) -> web.Response:
    return error(500, {"code": 500, "message": "Internal Server Error"})


async def _html(_exchange: Exchange) -> web.Response:
    return web.Response(status=502, body=_BAD_GATEWAY, content_type="text/html")


async def _invalid_json(_exchange: Exchange) -> web.Response:
    return web.Response(body=b'{"code":100,"message":', content_type="application/json")


async def _no_data(exchange: Exchange) -> web.Response:
    if exchange.name == "create_token":
        return json_response({"error": None, "data": None})
    return liveavatar_success(None) if exchange.api == "liveavatar" else success(None)


async def _reset_before(exchange: Exchange) -> None:
    exchange.reset()


async def _reset_after(exchange: Exchange) -> None:
    await exchange.execute()
    exchange.reset()


async def _truncated(exchange: Exchange) -> None:
    head, body = exchange.encode(await exchange.execute())
    await exchange.write(head + body[: len(body) // 2])
    exchange.close()


async def _slow_body(exchange: Exchange) -> None:
    head, body = exchange.encode(await exchange.execute())
    await exchange.write(head)
    await _write_slowly(exchange, body)


async def _slow_headers(exchange: Exchange) -> None:
    await _write_slowly(exchange, b"".join(exchange.encode(await exchange.execute())))


async def _no_response(exchange: Exchange) -> None:
    await exchange.wait_closed()


async def _echo(exchange: Exchange) -> web.Response:
    content, headers = await json_body(exchange.request), exchange.request.headers
    text = content.get("text") if isinstance(content, dict) else None
    secrets = (headers.get("X-Api-Key"), headers.get("Authorization"), text)
    message = ", ".join(str(secret) for secret in secrets if secret)
    return error(
        400, {"code": InvalidParams.code, "message": f"{InvalidParams.message}: {message}"}
    )


async def _redirect(_exchange: Exchange) -> web.Response:
    headers = {"Location": "/v1/elsewhere"}
    return web.Response(status=307, headers=headers, content_type="text/html")


async def _huge(_exchange: Exchange) -> web.Response:
    return success({"padding": "x" * 5_000_000})


async def _write_slowly(exchange: Exchange, content: bytes) -> None:
    for byte in content:
        await exchange.write(bytes([byte]))
        await asyncio.sleep(exchange.seconds)


_FUNCTIONS: dict[Fault, FaultFunction] = {
    Fault.UNAUTHORIZED: _unauthorized,
    Fault.SUNSET: _sunset,
    Fault.RATE_LIMITED: _rate_limited,
    Fault.SERVER_ERROR: _server_error,
    Fault.HTML: _html,
    Fault.INVALID_JSON: _invalid_json,
    Fault.NO_DATA: _no_data,
    Fault.RESET_BEFORE: _reset_before,
    Fault.RESET_AFTER: _reset_after,
    Fault.TRUNCATED: _truncated,
    Fault.SLOW_BODY: _slow_body,
    Fault.SLOW_HEADERS: _slow_headers,
    Fault.NO_RESPONSE: _no_response,
    Fault.ECHO: _echo,
    Fault.REDIRECT: _redirect,
    Fault.HUGE: _huge,
}
