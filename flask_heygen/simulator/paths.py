"""Where each path leads: to an endpoint behind the gate, to the door, or to the window."""

from aiohttp import web

from .door import Door
from .gate import Gate
from .refusals import UnknownPath
from .replies import Reply
from .streaming import Streaming
from .window import Window


def application(gate: Gate, streaming: Streaming, window: Window, door: Door) -> web.Application:
    """Put the simulator's parts behind one server."""
    application = web.Application()
    application.on_startup.append(door.rooms.begin)
    application.on_shutdown.append(door.rooms.end)
    application.add_routes([*window.routes(), *door.routes()])
    for name, method, path, act in streaming.routes():
        application.router.add_route(method, path, gate.handler(name, act))
    application.router.add_route("*", "/{path:.*}", gate.handler("unknown", _unknown))
    return application


async def _unknown(_request: web.Request) -> Reply:
    raise UnknownPath
