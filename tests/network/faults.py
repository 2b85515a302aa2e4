"""Damage to a call that the simulator cannot do: each a function of the call."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import replace

from .call import Call, Damage, Reply, none

#: Seconds between two bytes.
DRIP = 0.2
#: Bytes of a body that is far too long, and of a compressed one when decompressed.
HUGE = 50 << 20


def reset_before(call: Call) -> None:
    """Reset the connection when the whole call has arrived."""
    call.read()
    call.reset()


def reset_after(call: Call) -> None:
    """Reset the connection when the vendor has acted."""
    call.act()
    call.reset()


def close_before(call: Call) -> None:
    """Close the connection when the whole call has arrived."""
    call.read()
    call.end()


def close_after(call: Call) -> None:
    """Close the connection when the vendor has acted."""
    call.act()
    call.end()


def half_head(call: Call) -> None:
    """Stop in the middle of the head."""
    head = call.act().head
    call.write(head[: len(head) // 2])
    call.end()


def half_body(call: Call) -> None:
    """Stop in the middle of the body."""
    reply = call.act()
    call.write(reply.head + reply.body[: len(reply.body) // 2])
    call.end()


def half_body_without_length(call: Call) -> None:
    """Stop in the middle of a body without a Content-Length."""
    reply = call.act()
    call.write(b"HTTP/1.1 200 OK\r\n\r\n" + reply.body[: len(reply.body) // 2])
    call.end()


def drip_head(call: Call) -> None:
    """Send the whole reply byte by byte."""
    reply = call.act()
    _drip(call, reply.whole)


def drip_body(call: Call) -> None:
    """Send the head at once, and the body byte by byte."""
    reply = call.act()
    call.write(reply.head)
    _drip(call, reply.body)


def close_on_reuse(call: Call) -> None:
    """Close a reused connection just when the call arrives."""
    none(call) if not call.reused else call.end()


def reset_on_reuse(call: Call) -> None:
    """Reset a reused connection just when the call arrives."""
    none(call) if not call.reused else call.reset()


def close_afterwards(call: Call) -> None:
    """Answer, then close the connection without announcing it."""
    none(call)
    call.end()


def reset_afterwards(call: Call) -> None:
    """Answer, then reset the connection."""
    none(call)
    call.reset()


def announce_close(call: Call) -> None:
    """Answer with Connection: close, and close the connection."""
    call.answer(replace(call.act(), more=b"Connection: close\r\n"))
    call.end()


def early_hints(call: Call) -> None:
    """Send an interim response, and the final one after a pause."""
    reply = call.act()
    call.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    call.ended.wait(DRIP)
    call.answer(reply)


def chunk_of(size: str) -> Damage:
    """Send the reply in one chunk, with this size or the right one."""

    def fault(call: Call) -> None:
        body = call.act().body
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        call.write(f"{head}{size or f'{len(body):x}'}\r\n".encode() + body + b"\r\n0\r\n\r\n")

    return fault


def another_protocol(call: Call) -> None:
    """Answer with something other than HTTP."""
    call.act()
    call.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    call.end()


def answer_twice(call: Call) -> None:
    """Send the reply twice at once."""
    reply = call.act()
    call.write(2 * reply.whole)


def redirect(status: int, location: str) -> Damage:
    """Redirect the call."""
    more = f"Location: {location}\r\n".encode()
    reply = Reply(b"", status, content_type="text/html", more=more)

    def fault(call: Call) -> None:
        call.read()
        call.answer(reply)

    return fault


def bomb(call: Call) -> None:
    """Send the reply followed by 50 MB of spaces, compressed."""
    reply = call.act()
    packed = b"".join(_packed(reply.body))
    call.answer(replace(reply, body=packed, more=b"Content-Encoding: gzip\r\n"))


def huge(call: Call) -> None:
    """Send the reply followed by 50 MB of spaces."""
    reply = call.act()
    length = len(reply.body) + HUGE
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    for piece in _inflated(reply.body):
        call.write(piece)


def labelled(content_type: str | None) -> Damage:
    """Send the reply with another content type."""
    return lambda call: call.answer(replace(call.act(), content_type=content_type))


def in_latin_1(call: Call) -> None:
    """Send the reply in the encoding that it declares, which is not JSON's."""
    reply = call.act()
    body = reply.body.replace(b"{", '{"ä":"ö",'.encode("latin-1"), 1)
    call.answer(replace(reply, body=body, content_type="application/json; charset=latin-1"))


def _drip(call: Call, content: bytes) -> None:
    for byte in content:
        call.write(bytes([byte]))
        if call.ended.wait(DRIP):
            return


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
