"""What the rooms of an API say and understand beside audio and video."""

from collections.abc import Iterable, Mapping
from typing import Protocol

#: A data message before it is packed.
Message = Mapping[str, object]


class RoomProtocol(Protocol):
    """The data messages of one session's room."""

    #: The LiveKit topic of what is sent; empty: none.
    topic: str
    #: The identity of a second participant, without audio and video; empty: there is none.
    agent_identity: str

    def avatar_joined(self) -> bool:
        """Return whether the avatar has joined the room."""

    def translate(self, message: Message) -> Iterable[Message]:
        """Translate what the avatar does from the streaming API's messages to the API's own."""

    def listens(self) -> bool:
        """Return whether a microphone is listened to."""

    def user_started(self) -> Iterable[Message]:
        """Return what is sent when a user begins to speak."""

    def user_said(self, text: str) -> Iterable[Message]:
        """Return what is sent when a user has said something, and answer it if there is a model."""

    def on_data(self, topic: str, payload: bytes) -> None:
        """Handle a reliable data message of a client."""

    def closing_messages(self, reason: str) -> Iterable[Message]:
        """Return what is sent when the session has ended."""

    def events(self) -> tuple[dict[str, object], ...]:
        """Return every event so far, of an API that has any."""
