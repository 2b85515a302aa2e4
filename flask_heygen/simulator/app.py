"""The aiohttp application: every route, and the middlewares in front of them."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from aiohttp import web

from .account import Account
from .admin import AdminApi
from .middleware import allow_origins, answer_errors, limit_rate, record_calls
from .signaling_endpoint import SignalingEndpoint


class Api(Protocol):
    """A part that has routes; those of a vendor's API have the names of its calls."""

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""


def create_app(account: Account, apis: Iterable[Api], admin: AdminApi) -> web.Application:
    """Make an application, which serves in one event loop."""
    app = web.Application(
        middlewares=[
            allow_origins,
            record_calls(account.log, account.config, account.faults),
            limit_rate(account.rate_limiter, account.config),
            answer_errors,
        ]
    )
    app.on_startup.append(account.rooms.begin)
    app.on_shutdown.append(account.rooms.end)
    parts: list[Api] = [admin, SignalingEndpoint(account), *apis]
    for part in parts:
        app.add_routes(part.routes())
    return app
