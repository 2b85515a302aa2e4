"""The execution of a fault: a false response, or the true one damaged on its way."""

import asyncio
import socket
import struct
from collections.abc import Iterable, Iterator

from aiohttp import web

from .errors import InvalidParams, Unauthorized
from .faults import Fault, ScheduledFault
from .request_log import disconnected, json_body
from .responses import error, json_response, liveavatar_success, success

_BAD_GATEWAY = b"<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
_RETIRED = "This endpoint has been retired, please migrate to LiveAvatar"


# The false responses that depend on nothing: status, body and content type.
_LITERAL = {
    Fault.HTML: (502, _BAD_GATEWAY, "text/html"),
    Fault.INVALID_JSON: (200, b'{"code":100,"message":', "application/json"),
    Fault.REDIRECT: (307, b"", "text/html"),
}


async def false_response(
    scheduled: ScheduledFault, call: str, api: str, request: web.Request
) -> web.Response:
    """Make the response to a call that is not executed."""
    if scheduled.fault is Fault.ECHO:
        return await _echo(request)
    if scheduled.fault in _LITERAL:
        status, body, content_type = _LITERAL[scheduled.fault]
        response = web.Response(status=status, body=body, content_type=content_type)
    else:
        response = _json_response(scheduled.fault, call, api)
    match scheduled.fault:
        case Fault.RATE_LIMITED:
            response.headers["Retry-After"] = str(scheduled.retry_after)
        case Fault.REDIRECT:
            response.headers["Location"] = "/v1/elsewhere"
    return response


def _json_response(fault: Fault, call: str, api: str) -> web.Response:
    match fault:
        case Fault.UNAUTHORIZED:
            return Unauthorized().response(api)
        case Fault.SUNSET:  # the exact JSON is unknown (guess)
            return error(410, {"error": {"code": "endpoint_sunset", "message": _RETIRED}})
        case Fault.RATE_LIMITED:
            return error(429, {"code": 400123, "message": "Exceed rate limit"})
        case Fault.NO_DATA:
            return _no_data(call, api)
        case Fault.HUGE:
            return success({"padding": "x" * 5_000_000})
    # Where nothing is sent, it does not matter.
    return error(500, {"code": 500, "message": "Internal Server Error"})


def _no_data(call: str, api: str) -> web.Response:
    if call == "create_token":
        return json_response({"error": None, "data": None})
    return liveavatar_success(None) if api == "liveavatar" else success(None)


async def _echo(request: web.Request) -> web.Response:
    content = await json_body(request)
    text = content.get("text") if isinstance(content, dict) else None
    secrets = (request.headers.get("X-Api-Key"), request.headers.get("Authorization"), text)
    message = ", ".join(str(secret) for secret in secrets if secret)
    return error(
        400, {"code": InvalidParams.code, "message": f"{InvalidParams.message}: {message}"}
    )


async def damage(scheduled: ScheduledFault, request: web.Request, response: web.Response) -> None:
    """Send a response damaged by its fault, and end the connection; most faults damage nothing."""
    body = response.body if isinstance(response.body, bytes) else b""
    match scheduled.fault:
        case Fault.RESET_BEFORE | Fault.RESET_AFTER:
            _reset(request)
        case Fault.NO_RESPONSE:
            while not disconnected(request):
                await asyncio.sleep(0.02)
        case Fault.TRUNCATED:
            await _write(request, [_head(response, len(body)), body[: len(body) // 2]])
        case Fault.SLOW_BODY:
            await _write(request, [_head(response, len(body)), *_bytes(body)], scheduled.seconds)
        case Fault.SLOW_HEADERS:
            await _write(request, _bytes(_head(response, len(body)) + body), scheduled.seconds)
        case _:
            pass


def _head(response: web.Response, length: int) -> bytes:
    fields = {**response.headers, "Content-Length": length, "Connection": "close"}
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"HTTP/1.1 {response.status} {response.reason}\r\n{''.join(lines)}\r\n".encode("latin-1")


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return

    # With no time to linger, a close is a reset.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _write(request: web.Request, pieces: Iterable[bytes], seconds: float = 0) -> None:
    # Straight to the transport: aiohttp would not let a response end before its Content-Length.
    pause = 0.0
    for piece in pieces:
        await asyncio.sleep(pause)
        pause = seconds
        if request.transport is None:
            return
        request.transport.write(piece)
    request.protocol.force_close()


def _bytes(content: bytes) -> Iterator[bytes]:
    return (bytes([byte]) for byte in content)
