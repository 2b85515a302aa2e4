"""Faults that the simulator does not bring: each a function of an exchange."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterable

from aiohttp import web

from flask_heygen.simulator import Exchange
from flask_heygen.simulator.faults import FaultFunction

#: Bytes of a body that is far too long, and of a compressed one when decompressed.
HUGE = 50 << 20


async def close_before(exchange: Exchange) -> None:
    """Close the connection when the whole call has arrived."""
    exchange.close()


async def close_after(exchange: Exchange) -> None:
    """Close the connection when the vendor has acted."""
    await exchange.execute()
    exchange.close()


async def half_head(exchange: Exchange) -> None:
    """Stop in the middle of the head."""
    head, _ = exchange.encode(await exchange.execute())
    await exchange.write(head[: len(head) // 2])
    exchange.close()


async def half_body_without_length(exchange: Exchange) -> None:
    """Stop in the middle of a body without a Content-Length."""
    _, body = exchange.encode(await exchange.execute())
    await exchange.write(b"HTTP/1.1 200 OK\r\n\r\n" + body[: len(body) // 2])
    exchange.close()


async def close_on_reuse(exchange: Exchange) -> web.Response | None:
    """Close a reused connection when the call arrives."""
    if not exchange.reused:
        return await exchange.execute()
    exchange.close()
    return None


async def reset_on_reuse(exchange: Exchange) -> web.Response | None:
    """Reset a reused connection when the call arrives."""
    if not exchange.reused:
        return await exchange.execute()
    exchange.reset()
    return None


async def close_afterwards(exchange: Exchange) -> None:
    """Answer, then close the connection without announcing it."""
    await exchange.write(b"".join(exchange.encode(await exchange.execute())))
    exchange.close()


async def reset_afterwards(exchange: Exchange) -> None:
    """Answer, then reset the connection."""
    await exchange.write(b"".join(exchange.encode(await exchange.execute())))
    exchange.reset()


async def announce_close(exchange: Exchange) -> web.Response:
    """Answer with Connection: close, and close the connection."""
    response = await exchange.execute()
    response.force_close()
    return response


async def early_hints(exchange: Exchange) -> web.Response:
    """Send an interim response, and the final one after a pause."""
    response = await exchange.execute()
    await exchange.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    await asyncio.sleep(exchange.seconds)
    return response


def chunk_of(size: str) -> FaultFunction:
    """Send the response in one chunk, with this size or the right one."""

    async def fault(exchange: Exchange) -> None:
        _, body = exchange.encode(await exchange.execute())
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = f"{size or f'{len(body):x}'}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        await exchange.write(head.encode() + chunk)

    return fault


async def another_protocol(exchange: Exchange) -> None:
    """Answer with something other than HTTP."""
    await exchange.execute()
    await exchange.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    exchange.close()


async def answer_twice(exchange: Exchange) -> None:
    """Send the response twice at once."""
    await exchange.write(2 * b"".join(exchange.encode(await exchange.execute())))


def redirect(status: int, location: str) -> FaultFunction:
    """Redirect the call."""

    async def fault(_exchange: Exchange) -> web.Response:
        return web.Response(status=status, headers={"Location": location})

    return fault


async def bomb(exchange: Exchange) -> web.Response:
    """Send the response followed by 50 MB of spaces, compressed."""
    response = await exchange.execute()
    _, body = exchange.encode(response)
    response.body = b"".join(_packed(body))
    response.headers["Content-Encoding"] = "gzip"
    return response


async def huge(exchange: Exchange) -> None:
    """Send the response followed by 50 MB of spaces."""
    _, body = exchange.encode(await exchange.execute())
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + HUGE))
    for piece in _inflated(body):
        await exchange.write(piece)


def labelled(content_type: str | None) -> FaultFunction:
    """Send the response with another content type."""

    async def fault(exchange: Exchange) -> None:
        response = await exchange.execute()
        del response.headers["Content-Type"]
        if content_type is not None:
            response.headers["Content-Type"] = content_type
        await exchange.write(b"".join(exchange.encode(response)))

    return fault


async def in_latin_1(exchange: Exchange) -> web.Response:
    """Send the response in the encoding that it declares, which is not JSON's."""
    response = await exchange.execute()
    _, body = exchange.encode(response)
    response.body = body.replace(b"{", '{"ä":"ö",'.encode("latin-1"), 1)
    response.headers["Content-Type"] = "application/json; charset=latin-1"
    return response


def _inflated(body: bytes) -> Iterable[bytes]:
    """Yield a JSON document and spaces, which JSON ignores."""
    yield body
    piece = b" " * (1 << 16)
    for _ in range(HUGE // len(piece)):
        yield piece


def _packed(body: bytes) -> Iterable[bytes]:
    # Concatenated members decompress to one document.
    members: dict[bytes, bytes] = {}
    for piece in _inflated(body):
        if piece not in members:
            members[piece] = gzip.compress(piece)
        yield members[piece]
