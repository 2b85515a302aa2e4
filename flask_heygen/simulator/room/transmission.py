"""What one client is sent: the avatar's voice, face and data messages, and the offers of them."""

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

from . import signals, tracks
from .cast import IDENTITY, Cast


def connection() -> RTCPeerConnection:
    """Make one end of a connection."""
    # No ICE servers: who can reach the simulator's port can reach its media.
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


class Transmission:
    """The connection that the client subscribes by; what it cannot receive yet waits for it."""

    def __init__(
        self, cast: Cast, signal: Callable[[rtc.SignalResponse], None], *, firefox: bool
    ) -> None:
        self.voice, self.face = tracks.voice(), tracks.face()
        self._cast = cast
        self._signal = signal
        self._firefox = firefox
        self._unsent: list[bytes] = []
        # Candidates that came before the description they belong to.
        self._early: list[RTCIceCandidate] = []
        self._connection = connection()
        self._reliable = self._connection.createDataChannel("_reliable")
        self._reliable.on("open", self._flush)
        # Clients wait for both.
        self._connection.createDataChannel("_lossy", ordered=False, maxRetransmits=0)
        self._sections = {
            self._connection.addTransceiver(track, "inactive"): sid
            for track, sid in ((self.voice, cast.voice), (self.face, cast.face))
        }
        self._offering = asyncio.Lock()
        self._offers = 0
        # Whether the last offer was of voice and face.
        self._shown = False

    @property
    def flows(self) -> bool:
        """Whether voice and face arrive."""
        settled = self._shown and self._connection.signalingState == "stable"
        return settled and self._connection.connectionState == "connected"

    def send(self, packet: bytes) -> None:
        """Send a data message."""
        self._unsent.append(packet)
        if self._reliable.readyState == "open":
            self._flush()

    async def offer(self, *, begun: bool) -> None:
        """Offer data messages, and once the avatar has come, voice and face.

        Until then their sections are inactive: a client throws a track away that belongs to nobody
        who is there.
        """
        async with self._offering:
            # One offer at a time: `settle` leads back here.
            if self._connection.signalingState != "stable" or (
                self._offers and self._shown == begun
            ):
                return

            self._shown = begun
            for section in self._sections:
                section.direction = "sendonly" if begun else "inactive"
            await self._connection.setLocalDescription(await self._connection.createOffer())
            self._offers += 1
            mids = {str(section.mid): sid for section, sid in self._sections.items()}
            self._signal(signals.offer(self._named(), self._offers, mids if begun else {}))

    async def settle(self, answer: rtc.SessionDescription) -> None:
        """Take the client's answer to an offer."""
        await self._connection.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))
        for candidate in self._early:
            await self._connection.addIceCandidate(candidate)
        self._early.clear()

    async def add_candidate(self, candidate: RTCIceCandidate) -> None:
        """Take a way on which the client may be reached."""
        if self._connection.remoteDescription is None:
            self._early.append(candidate)
        else:
            await self._connection.addIceCandidate(candidate)

    async def close(self) -> None:
        """Send no more."""
        for track in (self.voice, self.face):
            track.stop()
        await self._connection.close()

    def _flush(self) -> None:
        for packet in self._unsent:
            self._reliable.send(packet)
        self._unsent.clear()

    def _named(self) -> str:
        """Give the offer with the lines by which a client finds participant and track."""
        sdp = str(self._connection.localDescription.sdp)
        for section, sid in self._sections.items():
            stream = sid if self._firefox else IDENTITY
            name = f"msid:{self._cast.sid}|{stream} {sid}"
            sdp = re.sub(rf"msid:\S+ {section.sender.track.id}", name, sdp)
        return sdp
