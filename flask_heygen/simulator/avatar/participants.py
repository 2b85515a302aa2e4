"""The simulated participants of a room: the avatar and, with LiveAvatar, its agent."""

import time
import uuid
from dataclasses import dataclass, field

from livekit.protocol import models

from .sprites import SIZE

#: The avatar's identity (sdk).
IDENTITY = "heygen"


def sid(kind: str) -> str:
    """Make an id as LiveKit does, such as ``PA_…`` for a participant."""
    return f"{kind}_{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Participants:
    """The ids of the avatar, its tracks and its agent in one room."""

    #: The agent's identity; empty: there is no agent.
    agent_identity: str = ""
    avatar_sid: str = field(default_factory=lambda: sid("PA"))
    agent_sid: str = field(default_factory=lambda: sid("PA"))
    audio_sid: str = field(default_factory=lambda: sid("TR"))
    video_sid: str = field(default_factory=lambda: sid("TR"))

    @property
    def sender(self) -> tuple[str, str]:
        """Id and identity of the participant that sends data messages."""
        if self.agent_identity:
            return self.agent_sid, self.agent_identity
        return self.avatar_sid, IDENTITY

    def describe(self, *, present: bool = True) -> list[models.ParticipantInfo]:
        """Describe all of them, as active or as disconnected."""
        infos = [self._avatar()]
        if self.agent_identity:
            infos.append(
                participant_info(
                    self.agent_sid, self.agent_identity, kind=models.ParticipantInfo.AGENT
                )
            )
        if not present:
            for info in infos:
                info.state = models.ParticipantInfo.DISCONNECTED
        return infos

    def _avatar(self) -> models.ParticipantInfo:
        width, height = SIZE
        audio = models.TrackInfo(
            sid=self.audio_sid,
            type=models.AUDIO,
            name="audio",
            source=models.MICROPHONE,
            mime_type="audio/opus",
            stream=IDENTITY,
        )
        video = models.TrackInfo(
            sid=self.video_sid,
            type=models.VIDEO,
            name="video",
            source=models.CAMERA,
            mime_type="video/VP8",
            width=width,
            height=height,
            layers=[models.VideoLayer(quality=models.HIGH, width=width, height=height)],
            stream=IDENTITY,
        )
        return participant_info(self.avatar_sid, IDENTITY, is_publisher=True, tracks=[audio, video])


def participant_info(sid: str, identity: str, **more: object) -> models.ParticipantInfo:
    """Describe an active participant."""
    return models.ParticipantInfo(
        sid=sid,
        identity=identity,
        name=identity,
        state=models.ParticipantInfo.ACTIVE,
        version=1,
        joined_at=int(time.time()),
        **more,  # type: ignore[arg-type]  # the generated types name each field
    )
