"""A client that has joined a room: its signaling and its two connections."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from aiohttp import WSMsgType, web
from aiortc import InvalidStateError, MediaStreamTrack, RTCDataChannel, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp
from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from . import signaling
from .media import Track
from .microphone import detect_speech
from .participants import Participants
from .subscriber import Subscriber, peer_connection


class Peer:
    """One client.

    `on_data` is called with topic and payload of each message that it publishes, `on_speech` with
    True or False when its microphone begins or ends to carry speech.
    """

    def __init__(  # noqa: PLR0913  a client, and two callbacks
        self,
        socket: web.WebSocketResponse,
        participants: Participants,
        identity: str,
        *,
        on_data: Callable[[str, bytes], object],
        on_speech: Callable[[bool], object],
        firefox: bool,
    ) -> None:
        self.identity = identity
        self._socket = socket
        self._participants = participants
        self._on_data = on_data
        self._on_speech = on_speech
        self._outbox: asyncio.Queue[rtc.SignalResponse | None] = asyncio.Queue()
        self._listening: set[asyncio.Task[None]] = set()
        # Whether its microphone is.
        self._muted = False
        # Whether it knows that the avatar has joined.
        self._avatar_known = False
        self._subscriber = Subscriber(participants, self.signal, firefox=firefox)
        self._publisher = peer_connection()
        self._publisher.on("track", self._receive_track)
        self._publisher.on("datachannel", self._receive_channel)

    @property
    def receives(self) -> bool:
        """True while it receives audio and video."""
        return self._subscriber.receives

    @property
    def tracks(self) -> tuple[Track, Track]:
        """The audio and the video track that it receives."""
        return self._subscriber.tracks

    def signal(self, response: rtc.SignalResponse) -> None:
        """Send a signaling message."""
        self._outbox.put_nowait(response)

    def send(self, packet: bytes) -> None:
        """Send a data message."""
        self._subscriber.send(packet)

    def disconnect(self, reason: models.DisconnectReason) -> None:
        """Disconnect the client, which ends `run`."""
        self.signal(signaling.leave(reason))
        self._outbox.put_nowait(None)

    async def announce(self, *, present: bool) -> None:
        """Announce that the avatar has joined, and offer its media, or that it has left."""
        self._avatar_known = present
        self.signal(signaling.participant_update(self._participants.describe(present=present)))
        # The client may be going at this very moment.
        with suppress(InvalidStateError):
            await self._subscriber.offer(active=present)

    async def run(self, room: str, *, avatar_present: bool) -> None:
        """Answer the client until it leaves or is sent away."""
        writer = asyncio.create_task(self._write())
        self._avatar_known = avatar_present
        try:
            others = self._participants.describe() if avatar_present else []
            self.signal(signaling.join_response(room, self.identity, others))
            await self._subscriber.offer(active=avatar_present)
            async for message in self._socket:
                if message.type == WSMsgType.BINARY:
                    await self._handle(rtc.SignalRequest.FromString(message.data))
        except DecodeError:
            await self._socket.close(code=1003)
        finally:
            writer.cancel()
            await self._subscriber.close()
            await self._publisher.close()
            await asyncio.gather(*self._listening)

    async def _write(self) -> None:
        # A socket that breaks off ends `run`, too.
        with suppress(ConnectionError):
            while (response := await self._outbox.get()) is not None:
                await self._socket.send_bytes(response.SerializeToString())
            await self._socket.close()

    async def _handle(self, request: rtc.SignalRequest) -> None:
        match request.WhichOneof("message"):
            case "answer":
                await self._subscriber.accept_answer(request.answer)
                await self._subscriber.offer(active=self._avatar_known)
            case "offer":
                await self._answer(request.offer)
            case "trickle":
                await self._add_candidate(request.trickle)
            case "mute":
                self._muted = request.mute.muted
            case "add_track":
                self._muted = request.add_track.muted
                self.signal(signaling.track_published(request.add_track))
            case "ping" | "ping_req":
                self.signal(signaling.pong(request))
            case "leave":
                await self._socket.close()

    async def _answer(self, offer: rtc.SessionDescription) -> None:
        await self._publisher.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        await self._publisher.setLocalDescription(await self._publisher.createAnswer())
        self.signal(signaling.answer(self._publisher.localDescription.sdp, offer.id))

    async def _add_candidate(self, trickle: rtc.TrickleRequest) -> None:
        init = json.loads(trickle.candidateInit)
        if not init.get("candidate"):
            return

        candidate = candidate_from_sdp(init["candidate"].partition(":")[2])
        # A browser hides its address behind a name of mDNS. Its own checks show the address, and
        # looking the name up takes a second, in which no other message is read.
        if candidate.ip.endswith(".local"):
            return

        candidate.sdpMid = init.get("sdpMid")
        candidate.sdpMLineIndex = init.get("sdpMLineIndex")
        if trickle.target == rtc.PUBLISHER:
            await self._publisher.addIceCandidate(candidate)
        else:
            await self._subscriber.add_candidate(candidate)

    def _receive_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "_reliable":
            channel.on("message", self._receive_message)

    def _receive_message(self, content: bytes | str) -> None:
        with suppress(DecodeError):
            packet = models.DataPacket.FromString(content if isinstance(content, bytes) else b"")
            if packet.HasField("user"):
                self._on_data(packet.user.topic, packet.user.payload)

    def _receive_track(self, track: MediaStreamTrack) -> None:
        task = asyncio.create_task(detect_speech(track, self._on_speech, lambda: self._muted))
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
