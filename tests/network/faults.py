"""What may become of a call on its way: each a function of the call."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import replace

from .call import Call, Fault, Reply, none

#: Seconds between two bytes of a drip.
DRIP = 0.2
#: Bytes of a body that is far too long, and of what a bomb unpacks to.
HUGE = 50 << 20


def reset_before(call: Call) -> None:
    """Reset the connection when all of the call has come."""
    call.read()
    call.reset()


def reset_after(call: Call) -> None:
    """Reset it when the vendor has acted."""
    call.act()
    call.reset()


def close_before(call: Call) -> None:
    """Close the connection when all of the call has come."""
    call.read()
    call.end()


def close_after(call: Call) -> None:
    """Close it when the vendor has acted."""
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


def half_body_of_no_length(call: Call) -> None:
    """Stop in the middle of a body whose length was not told."""
    reply = call.act()
    call.write(b"HTTP/1.1 200 OK\r\n\r\n" + reply.body[: len(reply.body) // 2])
    call.end()


def drip_head(call: Call) -> None:
    """Send all of the reply byte by byte."""
    reply = call.act()
    _drip(call, reply.whole)


def drip_body(call: Call) -> None:
    """Send its head at once, and the body byte by byte."""
    reply = call.act()
    call.write(reply.head)
    _drip(call, reply.body)


def close_on_reuse(call: Call) -> None:
    """Close a connection that has idled just when something comes."""
    none(call) if not call.reused else call.end()


def reset_on_reuse(call: Call) -> None:
    """Reset it then."""
    none(call) if not call.reused else call.reset()


def close_afterwards(call: Call) -> None:
    """Answer, then close the connection without having said so."""
    none(call)
    call.end()


def reset_afterwards(call: Call) -> None:
    """Answer, then reset it."""
    none(call)
    call.reset()


def say_goodbye(call: Call) -> None:
    """Answer, saying that this was the last on this connection."""
    call.answer(replace(call.act(), more=b"Connection: close\r\n"))
    call.end()


def hint_first(call: Call) -> None:
    """Send an interim reply, and the final one when the client has had time to take it for that."""
    reply = call.act()
    call.write(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
    call.ended.wait(DRIP)
    call.answer(reply)


def chunk_of(size: str) -> Fault:
    """Send the reply in one chunk, of a size of one's own."""

    def fault(call: Call) -> None:
        body = call.act().body
        head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        call.write(f"{head}{size or f'{len(body):x}'}\r\n".encode() + body + b"\r\n0\r\n\r\n")

    return fault


def speak_another_language(call: Call) -> None:
    """Answer in no HTTP."""
    call.act()
    call.write(b"SSH-2.0-OpenSSH_9.2\r\n")
    call.end()


def answer_twice(call: Call) -> None:
    """Send the reply twice in one piece."""
    reply = call.act()
    call.write(2 * reply.whole)


def redirect(status: int, location: str) -> Fault:
    """Send the caller elsewhere."""
    more = f"Location: {location}\r\n".encode()
    reply = Reply(b"", status, content_type="text/html", more=more)

    def fault(call: Call) -> None:
        call.read()
        call.answer(reply)

    return fault


def bomb(call: Call) -> None:
    """Send the reply with much air in it, packed."""
    reply = call.act()
    packed = b"".join(_packed(reply.body))
    call.answer(replace(reply, body=packed, more=b"Content-Encoding: gzip\r\n"))


def huge(call: Call) -> None:
    """Send the reply with much air in it."""
    reply = call.act()
    length = len(reply.body) + HUGE
    call.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    for piece in _inflated(reply.body):
        call.write(piece)


def labelled(content_type: str | None) -> Fault:
    """Give the reply another content type."""
    return lambda call: call.answer(replace(call.act(), content_type=content_type))


def in_latin_1(call: Call) -> None:
    """Send a reply in the encoding that it names, which is not JSON's."""
    reply = call.act()
    body = reply.body.replace(b"{", '{"ä":"ö",'.encode("latin-1"), 1)
    call.answer(replace(reply, body=body, content_type="application/json; charset=latin-1"))


def _drip(call: Call, content: bytes) -> None:
    for byte in content:
        call.write(bytes([byte]))
        if call.ended.wait(DRIP):
            return


def _inflated(body: bytes) -> Iterable[bytes]:
    """Yield a JSON document and spaces, which mean nothing."""
    yield body
    piece = b" " * (1 << 16)
    for _ in range(HUGE // len(piece)):
        yield piece


def _packed(body: bytes) -> Iterable[bytes]:
    # Members, one after the other, unpack to one whole.
    members: dict[bytes, bytes] = {}
    for piece in _inflated(body):
        if piece not in members:
            members[piece] = gzip.compress(piece)
        yield members[piece]
