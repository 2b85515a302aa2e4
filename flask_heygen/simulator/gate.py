"""What every call passes: it is noted, delayed, and made to fail where that is planned."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from .calls import CallLog, body
from .faults import Plan
from .mishaps import false_reply, send
from .refusals import Refusal
from .replies import Reply

Act = Callable[[web.Request], Awaitable[Reply]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log = logging.getLogger("flask_heygen.simulator")


class Gate:
    """The one way to an endpoint."""

    def __init__(self, calls: CallLog, plan: Plan, latency: Mapping[str, float]) -> None:
        self._calls = calls
        self._plan = plan
        self._latency = latency

    def handler(self, name: str, act: Act) -> Handler:
        """Make an endpoint's handler of what it does; a Refusal raised there is its reply."""

        async def handle(request: web.Request) -> web.StreamResponse:
            number = self._calls.begin(name, request, await body(request))
            try:
                reply = await self._pass(name, act, request, number)
            finally:
                self._calls.end(number)
            return web.Response(status=reply.status, body=reply.body, headers=reply.fields)

        return handle

    async def _pass(self, name: str, act: Act, request: web.Request, number: int) -> Reply:
        mishap = self._plan.take(name)
        await asyncio.sleep(self._latency.get(name, self._latency.get("*", 0)))
        if mishap is None or mishap.fault.acted:
            reply = await _answer(act, request)
        else:
            reply = await false_reply(mishap, name, request)

        status = reply.status if mishap is None or mishap.fault.answered else None
        self._calls.answer(number, status)
        # Neither token nor text: no body, no header, no query.
        _log.debug("%s %s %s", request.method, request.rel_url.raw_path, status or "no reply")
        if mishap is not None:
            await send(mishap, request, reply)
        return reply


async def _answer(act: Act, request: web.Request) -> Reply:
    try:
        return await act(request)
    except Refusal as refusal:
        return refusal.reply()
