"""A session's room: its clients, and the avatar that they see and hear."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress

from aiohttp import web
from livekit.protocol import models

from flask_heygen.simulator.room_protocol import Message, RoomProtocol

from . import signaling
from .media import MediaLoop, Track
from .participants import Participants, participant_info, sid
from .peer import Peer
from .sound import Sound
from .speaker import Speaker

# How long the first words wait for the media of a client that has joined.
_MEDIA_TIMEOUT = 5.0
# What a client gets to close its connection in.
_CLOSE_TIMEOUT = 2.0


class Room:
    """A room, open until `close`; `on_speech` is called when a client begins or ends to speak."""

    def __init__(
        self,
        session_id: str,
        protocol: RoomProtocol,
        on_speech: Callable[[bool], object],
        *,
        frame_rate: int,
    ) -> None:
        self._session_id = session_id
        self._protocol = protocol
        self._on_speech = on_speech
        self._participants = Participants(protocol.agent_identity)
        self._avatar_present = protocol.avatar_joined()
        self._peers: set[Peer] = set()
        #: The ids of the participants that a test has announced, by identity.
        self.others: dict[str, str] = {}
        self._wait_until = 0.0
        self._speaker = Speaker(self._emit)
        loop = MediaLoop(self._speaker, self._viewers, self._ready, frame_rate)
        self._media = asyncio.create_task(loop.run())

    @property
    def empty(self) -> bool:
        """True if no client is connected."""
        return not self._peers

    async def serve(self, socket: web.WebSocketResponse, identity: str, *, firefox: bool) -> None:
        """Serve a client until it leaves; of two with one identity the newer one stays."""
        for other in self._peers:
            if other.identity == identity:
                other.disconnect(models.DUPLICATE_IDENTITY)
        peer = Peer(
            socket,
            self._participants,
            identity,
            on_data=self._protocol.on_data,
            on_speech=self._on_speech,
            firefox=firefox,
        )
        self._peers.add(peer)
        self._wait_until = asyncio.get_running_loop().time() + _MEDIA_TIMEOUT
        try:
            await peer.run(self._session_id, avatar_present=self._avatar_present)
        finally:
            self._peers.discard(peer)

    async def refuse_resume(self, socket: web.WebSocketResponse) -> None:
        """Make a client that tries to resume its connection join again."""
        await socket.send_bytes(signaling.reconnect().SerializeToString())
        await socket.close()

    def say(self, task_id: str, sound: Sound) -> None:
        """Queue a text; without an avatar it is dropped."""
        if self._avatar_present:
            self._speaker.say(task_id, sound)

    def interrupt(self) -> None:
        """End the current text and drop the queue."""
        self._speaker.interrupt()

    async def set_avatar(self, *, present: bool) -> None:
        """Let the avatar join or leave, if it has not."""
        if self._avatar_present == present:
            return

        self._avatar_present = present
        if not present:
            self._speaker.abort()
        await asyncio.gather(*(peer.announce(present=present) for peer in self._peers))

    def announce(self, identity: str) -> None:
        """Announce one more participant, with neither audio nor video."""
        info = participant_info(sid("PA"), identity)
        self.others[identity] = info.sid
        for peer in self._peers:
            peer.signal(signaling.participant_update([info]))

    def broadcast(self, message: Message, sender: str = "") -> None:
        """Send every client a data message, of the avatar or of a participant of `others`."""
        origin = (self.others[sender], sender) if sender else self._participants.sender
        packet = signaling.data_packet(origin, message, self._protocol.topic)
        for peer in self._peers:
            peer.send(packet)

    async def close(self, *, deleted: bool) -> None:
        """Send every client away, for good if the room is deleted."""
        self._media.cancel()
        with suppress(asyncio.CancelledError):
            await self._media
        self._speaker.interrupt()
        for peer in self._peers:
            peer.disconnect(models.ROOM_DELETED if deleted else models.SERVER_SHUTDOWN)
        deadline = asyncio.get_running_loop().time() + _CLOSE_TIMEOUT
        while self._peers and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)

    def _emit(self, message: Message) -> None:
        for translated in self._protocol.translate(message):
            self.broadcast(translated)
        if message["type"] in {"avatar_start_talking", "avatar_stop_talking"}:
            speaking = message["type"] == "avatar_start_talking"
            for peer in self._peers:
                peer.signal(signaling.speakers_changed(self._participants, speaking=speaking))

    def _viewers(self) -> Iterator[tuple[Track, Track]]:
        return (peer.tracks for peer in self._peers)

    def _ready(self) -> bool:
        if any(peer.receives for peer in self._peers):
            return True
        # No client receives anything: the session goes on without, as the vendor's would (guess).
        return asyncio.get_running_loop().time() >= self._wait_until
