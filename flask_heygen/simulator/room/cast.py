"""Who is on stage in a room: the avatar, and whoever comes with it."""

import time
import uuid
from dataclasses import dataclass, field

from livekit.protocol import models

from . import portrait

#: The avatar's identity (sdk).
IDENTITY = "heygen"


def sid(kind: str) -> str:
    """Make an id as LiveKit does, such as ``PA_…`` for a participant."""
    return f"{kind}_{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Cast:
    """The ids of the avatar and its tracks in one room, and its companion, if it has one."""

    #: The companion's identity; empty: none.
    companion: str = ""
    sid: str = field(default_factory=lambda: sid("PA"))
    companion_sid: str = field(default_factory=lambda: sid("PA"))
    voice: str = field(default_factory=lambda: sid("TR"))
    face: str = field(default_factory=lambda: sid("TR"))

    @property
    def speaker(self) -> tuple[str, str]:
        """The id and identity of who sends data messages: the companion, if there is one."""
        return (self.companion_sid, self.companion) if self.companion else (self.sid, IDENTITY)

    def participants(self) -> list[models.ParticipantInfo]:
        """Describe everybody as participants."""
        return [self._avatar(), *([self._companion()] if self.companion else [])]

    def _companion(self) -> models.ParticipantInfo:
        return models.ParticipantInfo(
            sid=self.companion_sid,
            identity=self.companion,
            name=self.companion,
            state=models.ParticipantInfo.ACTIVE,
            kind=models.ParticipantInfo.AGENT,
            version=1,
            joined_at=int(time.time()),
        )

    def _avatar(self) -> models.ParticipantInfo:
        width, height = portrait.SIZE
        layer = models.VideoLayer(quality=models.HIGH, width=width, height=height)
        voice = models.TrackInfo(
            sid=self.voice,
            type=models.AUDIO,
            name="audio",
            source=models.MICROPHONE,
            mime_type="audio/opus",
            stream=IDENTITY,
        )
        face = models.TrackInfo(
            sid=self.face,
            type=models.VIDEO,
            name="video",
            source=models.CAMERA,
            mime_type="video/VP8",
            width=width,
            height=height,
            layers=[layer],
            stream=IDENTITY,
        )
        return models.ParticipantInfo(
            sid=self.sid,
            identity=IDENTITY,
            name=IDENTITY,
            state=models.ParticipantInfo.ACTIVE,
            is_publisher=True,
            version=1,
            joined_at=int(time.time()),
            tracks=[voice, face],
        )
