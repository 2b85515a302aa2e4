"""The simulated vendor: its parts, put together."""

from collections.abc import Iterator, Mapping

from aiohttp import web

from .calls import CallLog
from .clock import Clock
from .credentials import Credentials
from .door import Door
from .faults import Plan
from .gate import Act, Gate
from .liveavatar import replies
from .liveavatar.agents import Agents
from .liveavatar.commands import Commands
from .liveavatar.endpoints import LiveAvatar
from .refusals import UnknownPath
from .replies import Reply
from .rooms import Rooms
from .rules import Rules
from .sessions import Sessions
from .streaming import Streaming
from .voice import Voice
from .window import Window


class Vendor:
    """One account with both APIs: its key, sessions, limits and clock are the same for both."""

    def __init__(self, rules: Rules, latency: Mapping[str, float]) -> None:
        self.clock = Clock()
        self.calls = CallLog()
        self.plan = Plan()
        self.voice = Voice(self.clock, ms_per_character=rules.ms_per_character)
        self.sessions = Sessions(
            self.clock,
            self.voice,
            concurrent_limit=rules.concurrent_limit,
            joined=rules.joined,
            empty_seconds=rules.empty_seconds,
        )
        self.agents = Agents(
            self.clock, self.sessions, self.voice, agent_seconds=rules.agent_seconds
        )
        self.rooms = Rooms(self.sessions, self.agents.script)
        self.commands = Commands(self.sessions, self.rooms, self.agents)
        # Neither API takes the other's tokens.
        self.credentials = tuple(
            Credentials(self.clock, token_seconds=rules.token_seconds, api_key=rules.api_key)
            for _ in range(2)
        )
        self._gate = Gate(self.calls, self.plan, latency)
        self._door = Door(self.clock, self.sessions, self.rooms)
        first, second = self.credentials
        self._streaming = Streaming(
            self.clock, first, self.sessions, self.voice, self.rooms, self._door, rules
        )
        self._liveavatar = LiveAvatar(
            self.clock,
            second,
            self.sessions,
            self._door,
            self.agents,
            session_seconds=rules.session_seconds,
        )

    @property
    def names(self) -> set[str]:
        """What its calls are named."""
        return {name for name, *_ in self._calls()}

    def application(self, window: Window) -> web.Application:
        """Put it behind a server, every path where it leads."""
        application = web.Application()
        application.on_startup.append(self.rooms.begin)
        application.on_shutdown.append(self.rooms.end)
        application.on_response_prepare.append(replies.share)
        application.add_routes([*window.routes(), *self._door.routes()])
        application.router.add_route("OPTIONS", f"{replies.PATHS}/{{call:.*}}", replies.permit)
        for name, method, path, act in self._calls():
            application.router.add_route(method, path, self._gate.handler(name, act))
        application.router.add_route("*", "/{path:.*}", self._gate.handler("unknown", _unknown))
        return application

    def reset(self) -> None:
        """Forget sessions, tokens, speech, calls and faults."""
        for memory in (self.plan, self.calls, self.sessions, self.voice, self.agents):
            memory.reset()
        for credentials in self.credentials:
            credentials.reset()
        self._liveavatar.reset()

    def _calls(self) -> Iterator[tuple[str, str, str, Act]]:
        yield from self._streaming.routes()
        yield from self._liveavatar.routes()


async def _unknown(_request: web.Request) -> Reply:
    raise UnknownPath
