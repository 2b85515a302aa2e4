"""Which sessions have a room that somebody entered, and what happens in it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING

from aiohttp import web

from .parameters import Order
from .records import Session, Speech
from .script import Message, Script
from .sessions import Sessions

if TYPE_CHECKING:
    from .room.room import Room
    from .room.sound import Sound

_CHECK_SECONDS = 0.05
_FAREWELL_SECONDS = 0.3


class Rooms:
    """The rooms; all but `call` is for the loop that `begin` was called in."""

    def __init__(self, sessions: Sessions, script: Callable[[Session], Script]) -> None:
        self._sessions = sessions
        self._script = script
        self._rooms: dict[str, Room] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._preparing: asyncio.Future[type[Room]] | None = None

    async def begin(self, _application: web.Application) -> None:
        """Begin, until `end`."""
        self._loop = asyncio.get_running_loop()
        # One text at a time, so that tasks are spoken in the order of their coming.
        self._recording = asyncio.Lock()
        #: For what pages publish, likewise.
        self.turn = asyncio.Lock()

    async def end(self, _application: web.Application) -> None:
        """Send everybody away; the sessions stay, as after an outage."""
        self._loop = None
        await asyncio.gather(*self._keepers)
        if self._preparing is not None:
            await self._preparing
            self._preparing = None

    def prepare(self) -> None:
        """Load and paint in the background what rooms are made of, which takes a second."""
        if self._preparing is None:
            self._preparing = asyncio.ensure_future(asyncio.to_thread(_room_class))

    async def room(self, session: Session) -> "Room":
        """Open a session's room, if nobody has entered it before."""
        self.prepare()
        assert self._preparing is not None  # noqa: S101  now it is
        room_class = await asyncio.shield(self._preparing)
        session_id = session.session_id
        if session_id not in self._rooms:
            script = self._script(session)
            self._rooms[session_id] = room_class(session_id, script)
            keeper = asyncio.create_task(self._keep(session_id, script))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        return self._rooms[session_id]

    async def _keep(self, session_id: str, script: Script) -> None:
        """Hold a room open for as long as its session is, and let the avatar in."""
        # Its time, a call, another thread or a test's clock may end it.
        while self._loop is not None and self._sessions.find_open(session_id):
            if script.present():
                await self._rooms[session_id].begin()
            await asyncio.sleep(_CHECK_SECONDS)
        deleted = self._sessions.find_open(session_id) is None
        room = self._rooms.pop(session_id)
        if deleted:
            ended = self._sessions.find(session_id)
            last = list(script.farewell((ended and ended.end_reason) or "UNKNOWN"))
            for message in last:
                room.broadcast(message)
            # Who is sent away takes another way than a message, and would come first.
            await asyncio.sleep(_FAREWELL_SECONDS if last else 0)
        await room.close(deleted=deleted)

    async def record(self, order: Order) -> "Sound | None":
        """Speak a task's text, for those in its room; None if nobody ever entered it."""
        room = self._rooms.get(order.session_id)
        session = self._sessions.find_open(order.session_id)
        if room is None or session is None:
            return None

        async with self._recording:
            return await asyncio.to_thread(room.record, order.text, session.language, session.pace)

    def say(self, speech: Speech, sound: "Sound | None") -> None:
        """Have those in the room hear a recorded task."""
        room = self._rooms.get(speech.session_id)
        if room is not None and sound is not None:
            room.say(speech.task_id, sound)

    def interrupt(self, session_id: str) -> None:
        """Silence a session's avatar."""
        if session_id in self._rooms:
            self._rooms[session_id].interrupt()

    def tell(self, session_id: str, message: Message) -> None:
        """Send everybody in a room a data message."""
        if session_id in self._rooms:
            self._rooms[session_id].broadcast(message)

    async def hear(self, session: Session, text: str) -> None:
        """Tell a room what its user said."""
        for message in self._script(session).heard(text):
            self.tell(session.session_id, message)

    def call(self, work: Coroutine[None, None, None]) -> None:
        """Have something done, from another thread, and wait for it; nothing after `end`."""
        if self._loop is None:
            work.close()
        else:
            asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _room_class() -> "type[Room]":
    from .room.room import Room  # noqa: PLC0415  an extra, and slow to load

    Room.paint()
    return Room
