"""The simulator's own paths, for a person or for a test in another process.

    GET  /                                a page: what this is, and what was spoken
    GET  /simulator                       the records, as JSON
    POST /simulator/faults                {"call", "fault", "times"?, "retry_after"?, "seconds"?}
    POST /simulator/sessions/<id>/close   end a session as the vendor would
    POST /simulator/reset                 forget everything

None of these is a call: they are not counted, delayed or made to fail.
"""

import html
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from aiohttp import web

from .account import Account
from .errors import ApiError
from .fault_queue import ScheduledFault
from .faults import Fault
from .request_log import json_body

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>HeyGen, simulated</title>
<h1>This is a simulation</h1>
<p>It stands in for HeyGen's v1 streaming API and for LiveAvatar, side by side: its avatar is drawn,
its answers are stand-ins, and nothing is paid for.
<a href="/simulator">Its records, as JSON</a>.</p>
<h2>Spoken</h2>
<ol>
{spoken}
</ol>
</html>
"""


class AdminApi:
    """The handlers; `connections` returns the number of TCP connections."""

    def __init__(self, account: Account, connections: Callable[[], int]) -> None:
        self._account = account
        self._connections = connections

    def routes(self) -> Iterator[web.RouteDef]:
        """Yield every route."""
        yield web.get("/", self.page, allow_head=False)
        yield web.get("/simulator", self.records)
        yield web.post("/simulator/faults", self.fault)
        yield web.post("/simulator/sessions/{session_id}/close", self.close)
        yield web.post("/simulator/reset", self.reset)

    async def page(self, _request: web.Request) -> web.Response:
        """Show what was spoken, newest last."""
        texts = [html.escape(speech.text) for speech in self._account.speech.spoken]
        page = _PAGE.format(spoken="\n".join(f"<li>{text}</li>" for text in texts))
        # JSON can carry half a surrogate pair, UTF-8 cannot.
        content = page.encode(errors="replace")
        return web.Response(body=content, content_type="text/html", charset="utf-8")

    async def records(self, _request: web.Request) -> web.Response:
        """Return all that Python code could read, but for the contents of calls."""
        account = self._account
        sessions = account.sessions.sessions
        return web.json_response(
            {
                "simulation": True,
                "spoken": [asdict(speech) for speech in account.speech.spoken],
                "tokens": [
                    asdict(token) for each in account.tokens.values() for token in each.tokens
                ],
                "sessions": {i: asdict(session) for i, session in sessions.items()},
                "events": {i: events for i in sessions if (events := account.events(i))},
                "counts": Counter(call.name for call in account.log.calls),
                "connections": self._connections(),
            }
        )

    async def fault(self, request: web.Request) -> web.Response:
        """Schedule a fault."""
        try:
            name, scheduled = _parse_fault(await json_body(request))
            self._account.faults.add(name, scheduled)
        except (TypeError, ValueError) as error:
            return _message(400, str(error))
        return _message(200, "success")

    async def close(self, request: web.Request) -> web.Response:
        """End a session as the vendor would."""
        try:
            self._account.sessions.close(request.match_info["session_id"])
        except ApiError as error:
            return _message(404, error.message)
        return _message(200, "success")

    async def reset(self, _request: web.Request) -> web.Response:
        """Forget everything."""
        self._account.reset()
        return _message(200, "success")


def _parse_fault(content: Any) -> tuple[str, ScheduledFault]:
    match content:
        case {"call": str(name), "fault": str(fault), **options}:
            numbers: dict[str, Any] = {str(key): value for key, value in options.items()}
            if all(isinstance(value, int | float | None) for value in numbers.values()):
                return name, ScheduledFault(Fault(fault), **numbers)
    raise ValueError('A fault is {"call", "fault"} and, if wanted, times, retry_after, seconds.')


def _message(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
