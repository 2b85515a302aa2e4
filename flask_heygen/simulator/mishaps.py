"""How a fault is carried out: a false reply, or the true one badly sent."""

import asyncio
import socket
import struct
from collections.abc import Iterable, Iterator

from aiohttp import web

from .calls import body, gone
from .faults import Fault, Mishap
from .liveavatar.refusals import BadCredentials
from .refusals import InvalidParams, Unauthorized
from .replies import Reply, error, json_reply, success

_BAD_GATEWAY = b"<html><body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n"
_RETIRED = "This endpoint has been retired, please migrate to LiveAvatar"

# What RESET_BEFORE and NO_RESPONSE keep back.
_UNSENT = Reply(200, b"")
_REPLIES = {
    Fault.UNAUTHORIZED: Unauthorized().reply(),
    # The exact JSON is unknown (guess).
    Fault.SUNSET: error(410, {"error": {"code": "endpoint_sunset", "message": _RETIRED}}),
    Fault.SERVER_ERROR: error(500, {"code": 500, "message": "Internal Server Error"}),
    Fault.HTML: Reply(502, _BAD_GATEWAY, "text/html"),
    Fault.NO_DATA: success(None),
    Fault.INVALID_JSON: Reply(200, b'{"code":100,"message":'),
    Fault.REDIRECT: Reply(307, b"", "text/html", {"Location": "/v1/elsewhere"}),
}
# Where LiveAvatar has an envelope of its own.
_LIVEAVATAR_REPLIES = {
    Fault.UNAUTHORIZED: BadCredentials().reply(),
    Fault.NO_DATA: json_reply({"code": 1000, "data": None, "message": "success"}),
}


async def false_reply(mishap: Mishap, name: str, request: web.Request) -> Reply:
    """Make the reply to a call that is not acted on."""
    replies = {**_REPLIES, **_LIVEAVATAR_REPLIES} if name.startswith("sessions.") else _REPLIES
    match mishap.fault:
        case Fault.RATE_LIMITED:
            limit = {"code": 400123, "message": "Exceed rate limit"}
            return error(429, limit, Retry_After=str(mishap.retry_after))
        case Fault.NO_DATA if name == "create_token":
            return json_reply({"error": None, "data": None})
        case Fault.ECHO:
            return await _echo(request)
        case Fault.HUGE:
            return success({"padding": "x" * 5_000_000})
        case fault:
            return replies.get(fault, _UNSENT)


async def _echo(request: web.Request) -> Reply:
    content = await body(request)
    text = content.get("text") if isinstance(content, dict) else None
    secrets = (request.headers.get("X-Api-Key"), request.headers.get("Authorization"), text)
    message = ", ".join(str(secret) for secret in secrets if secret)
    return error(400, {"code": InvalidParams.code, "message": f"Invalid params: {message}"})


async def send(mishap: Mishap, request: web.Request, reply: Reply) -> None:
    """Send a reply as the fault has it, and end the connection; do nothing if it is sent well."""
    match mishap.fault:
        case Fault.RESET_BEFORE | Fault.RESET_AFTER:
            _reset(request)
        case Fault.NO_RESPONSE:
            await _until_gone(request)
        case Fault.TRUNCATED:
            await _write(request, [reply.head, reply.body[: len(reply.body) // 2]])
        case Fault.SLOW_BODY:
            await _write(request, [reply.head, *_bytes(reply.body)], mishap.seconds)
        case Fault.SLOW_HEADERS:
            await _write(request, _bytes(reply.head + reply.body), mishap.seconds)
        case _:
            pass


async def _until_gone(request: web.Request) -> None:
    while not gone(request):
        await asyncio.sleep(0.02)


def _reset(request: web.Request) -> None:
    transport = request.transport
    if transport is None:
        return

    # To linger for no time makes a close a reset.
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _write(request: web.Request, pieces: Iterable[bytes], seconds: float = 0) -> None:
    # Straight to the socket: aiohttp would not let a reply stop short of its Content-Length.
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
