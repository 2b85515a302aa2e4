"""What a person, or a test in another process, sees of the simulator and can do to it.

    GET  /                                a page: what this is, and what was spoken
    GET  /simulator                       the records, as JSON
    POST /simulator/faults                {"call", "fault", "times"?, "retry_after"?, "seconds"?}
    POST /simulator/sessions/<id>/close   the vendor ends a session
    POST /simulator/reset                 forget everything

None of these is a call: they are not counted, delayed or made to fail.
"""

import html
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .calls import body
from .faults import Fault
from .refusals import Refusal

if TYPE_CHECKING:
    from .simulation import Simulator

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="2">
<title>HeyGen, simulated</title>
<h1>This is a simulation</h1>
<p>It stands in for HeyGen's v1 streaming API and for LiveAvatar, side by side: its avatar is drawn,
its answers are stand-ins, and nothing is paid for.
<a href="/simulator">What it knows, as JSON</a>.</p>
<h2>Spoken</h2>
<ol>
{spoken}
</ol>
</html>
"""


class Window:
    """The simulator's own paths, beside the vendor's."""

    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator

    def routes(self) -> Iterator[web.RouteDef]:
        """Every path, its method and its handler."""
        yield web.get("/", self.page)
        yield web.get("/simulator", self.records)
        yield web.post("/simulator/faults", self.fault)
        yield web.post("/simulator/sessions/{session_id}/close", self.close)
        yield web.post("/simulator/reset", self.reset)

    async def page(self, _request: web.Request) -> web.Response:
        """Show what was spoken, newest last."""
        spoken = "\n".join(f"<li>{html.escape(text)}</li>" for text in self._simulator.texts)
        page = _PAGE.format(spoken=spoken)
        # JSON can carry half a surrogate pair, UTF-8 cannot.
        content = page.encode(errors="replace")
        return web.Response(body=content, content_type="text/html", charset="utf-8")

    async def records(self, _request: web.Request) -> web.Response:
        """Tell everything that Python code could read, but for the calls' contents."""
        simulator = self._simulator
        return web.json_response(
            {
                "simulation": True,
                "spoken": [asdict(speech) for speech in simulator.spoken],
                "tokens": [asdict(token) for token in simulator.tokens],
                "sessions": {i: asdict(session) for i, session in simulator.sessions.items()},
                "events": {
                    i: events for i in simulator.sessions if (events := simulator.events(i))
                },
                "counts": Counter(call.name for call in simulator.calls),
                "connections": simulator.connections,
            }
        )

    async def fault(self, request: web.Request) -> web.Response:
        """Plan a fault."""
        try:
            self._simulator.fault(**_fault(await body(request)))
        except (TypeError, ValueError) as error:
            return _outcome(400, str(error))
        return _outcome(200, "success")

    async def close(self, request: web.Request) -> web.Response:
        """End a session as the vendor would."""
        try:
            self._simulator.close_session(request.match_info["session_id"])
        except Refusal as refusal:
            return _outcome(404, refusal.message)
        return _outcome(200, "success")

    async def reset(self, _request: web.Request) -> web.Response:
        """Forget everything."""
        self._simulator.reset()
        return _outcome(200, "success")


def _fault(content: Any) -> dict[str, Any]:
    match content:
        case {"call": str(name), "fault": str(fault), **options}:
            numbers = {str(key): value for key, value in options.items()}
            if all(isinstance(value, int | float | None) for value in numbers.values()):
                return {"name": name, "fault": Fault(fault), **numbers}
    raise ValueError('A fault is {"call", "fault"} and, if wanted, times, retry_after, seconds.')


def _outcome(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)
