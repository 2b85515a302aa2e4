"""A call and the connection it came on, for the function that makes it fail."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from .request_log import disconnected

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(eq=False)
class Exchange:
    """A call that has arrived completely; its methods are for the simulator's event loop.

    Where the connection is closed, `write`, `close` and `reset` raise ConnectionResetError, which
    ends the fault.
    """

    request: web.Request
    #: Executes the call.
    handler: Handler
    #: The name of the call, such as ``task``.
    name: str
    #: ``streaming`` or ``liveavatar``.
    api: str
    #: Whether the connection has carried a call before.
    reused: bool
    #: Those of `Simulator.fault`.
    retry_after: int
    seconds: float
    #: Called once, before a byte is sent, with the status of the response; None: there is none.
    on_status: Callable[[int | None], object]
    _executed: int | None = None
    _noted: bool = False

    async def execute(self) -> web.Response:
        """Execute the call, and return its response, of which nothing is sent yet."""
        response = await self.handler(self.request)
        assert isinstance(response, web.Response)  # noqa: S101  as for every call
        self._executed = response.status
        return response

    def encode(self, response: web.Response) -> tuple[bytes, bytes]:
        """Return the head and the body of a response as bytes."""
        body = response.body if isinstance(response.body, bytes) else b""
        fields = {**response.headers, "Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {response.status} {response.reason}", *map(": ".join, fields.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1"), body

    async def write(self, content: bytes) -> None:
        """Send bytes, and wait until the operating system has taken them."""
        # Straight to the transport: aiohttp would mend the response.
        self.note(self._executed)
        self._transport().write(content)
        while self._transport().get_write_buffer_size():
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """Close the connection, over TLS without a close_notify."""
        self.note(None)
        self._transport().abort()

    def reset(self) -> None:
        """Reset the connection."""
        # With no time to linger, a close is a reset.
        linger = struct.pack("ii", 1, 0)
        connection = self._transport().get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    async def wait_closed(self) -> None:
        """Wait until the client has closed the connection."""
        while not disconnected(self.request):
            await asyncio.sleep(0.02)

    def note(self, status: int | None) -> None:
        """Report the status of the response, unless one was reported."""
        if not self._noted:
            self._noted = True
            self.on_status(status)

    def _transport(self) -> asyncio.Transport:
        if self.request.transport is None or disconnected(self.request):
            raise ConnectionResetError("The connection is closed.")
        return self.request.transport


class Written(web.StreamResponse):
    """The response of a fault that has written its bytes itself, if any."""

    def __init__(self, request: web.Request) -> None:
        super().__init__()
        self._request = request

    @property
    def keep_alive(self) -> bool:
        """Whether the connection takes another call."""
        return self._request.keep_alive

    async def prepare(self, request: web.BaseRequest) -> None:
        """Send nothing."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send nothing."""
