"""The connection on which a client receives: audio, video and data messages."""

import asyncio
import re
from collections.abc import Callable

from aiortc import (
    RTCConfiguration,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)
from livekit.protocol import rtc

from . import media, signaling
from .participants import IDENTITY, Participants


def peer_connection() -> RTCPeerConnection:
    """Make one end of a connection."""
    # No ICE servers: who can reach the simulator's port can reach its media.
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class Subscriber:
    """One client's subscription; data messages wait until its channel is open."""

    def __init__(
        self,
        participants: Participants,
        signal: Callable[[rtc.SignalResponse], None],
        *,
        firefox: bool,
    ) -> None:
        self.tracks = media.audio_track(), media.video_track()
        self._participants = participants
        self._signal = signal
        self._firefox = firefox
        self._unsent: list[bytes] = []
        # Candidates that came before the description they belong to.
        self._early: list[RTCIceCandidate] = []
        self._connection = peer_connection()
        self._reliable = self._connection.createDataChannel("_reliable")
        self._reliable.on("open", self._flush)
        # Clients wait for both.
        self._connection.createDataChannel("_lossy", ordered=False, maxRetransmits=0)
        sids = (participants.audio_sid, participants.video_sid)
        self._sections = {
            self._connection.addTransceiver(track, "inactive"): sid
            for track, sid in zip(self.tracks, sids, strict=True)
        }
        self._offering = asyncio.Lock()
        self._offers = 0
        # Whether the last offer had active media.
        self._active = False

    @property
    def receives(self) -> bool:
        """True while the client receives audio and video."""
        stable = self._active and self._connection.signalingState == "stable"
        return stable and self._connection.connectionState == "connected"

    def send(self, packet: bytes) -> None:
        """Send a data message."""
        self._unsent.append(packet)
        if self._reliable.readyState == "open":
            self._flush()

    async def offer(self, *, active: bool) -> None:
        """Offer data messages and, once the avatar has joined, audio and video.

        Until then their sections are inactive: a client discards a track of a participant that it
        does not know.
        """
        async with self._offering:
            # One offer at a time: `accept_answer` leads back here.
            if self._connection.signalingState != "stable" or (
                self._offers and self._active == active
            ):
                return

            self._active = active
            for section in self._sections:
                section.direction = "sendonly" if active else "inactive"
            await self._connection.setLocalDescription(await self._connection.createOffer())
            self._offers += 1
            mids = {str(section.mid): sid for section, sid in self._sections.items()}
            self._signal(signaling.offer(self._sdp(), self._offers, mids if active else {}))

    async def accept_answer(self, answer: rtc.SessionDescription) -> None:
        """Take the client's answer to an offer."""
        await self._connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        for candidate in self._early:
            await self._connection.addIceCandidate(candidate)
        self._early.clear()

    async def add_candidate(self, candidate: RTCIceCandidate) -> None:
        """Take an ICE candidate of the client."""
        if self._connection.remoteDescription is None:
            self._early.append(candidate)
        else:
            await self._connection.addIceCandidate(candidate)

    async def close(self) -> None:
        """Close the connection."""
        for track in self.tracks:
            track.stop()
        await self._connection.close()

    def _flush(self) -> None:
        for packet in self._unsent:
            self._reliable.send(packet)
        self._unsent.clear()

    def _sdp(self) -> str:
        """Return the offer with the msid lines by which a client finds participant and track."""
        sdp = str(self._connection.localDescription.sdp)
        for section, sid in self._sections.items():
            stream = sid if self._firefox else IDENTITY
            name = f"msid:{self._participants.avatar_sid}|{stream} {sid}"
            sdp = re.sub(rf"msid:\S+ {section.sender.track.id}", name, sdp)
        return sdp
