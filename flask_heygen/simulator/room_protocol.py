"""The data messages of a room."""

from collections.abc import Iterable, Mapping

#: A data message before it is packed.
Message = Mapping[str, object]


class RoomProtocol:
    """The data messages of one session's room; each API has its own subclass.

    This base is for a room whose avatar is present from the start and is controlled by HTTP.
    """

    #: The LiveKit topic of what is sent; empty: none.
    topic = ""
    #: The identity of a second participant, without audio and video; empty: there is none.
    agent_identity = ""

    def avatar_joined(self) -> bool:
        """Return whether the avatar has joined the room."""
        return True

    def on_avatar_joined(self) -> None:
        """Handle that avatar and client have met in the room, for the first time."""

    def translate(self, message: Message) -> Iterable[Message]:
        """Translate what the avatar does from the streaming API's messages to the API's own."""
        return [message]

    def listens(self) -> bool:
        """Return whether a microphone is listened to."""
        return False

    def user_started(self) -> Iterable[Message]:
        """Return what is sent when a user begins to speak."""
        return []

    def user_said(self, text: str) -> Iterable[Message]:  # noqa: ARG002
        """Return what is sent when a user has said something, and answer it if there is a model."""
        return []

    def on_data(self, topic: str, payload: bytes) -> None:
        """Handle a reliable data message of a client."""

    def closing_messages(self, reason: str) -> Iterable[Message]:  # noqa: ARG002
        """Return what is sent when the session has ended, before the room is deleted."""
        return []

    def events(self) -> tuple[dict[str, object], ...]:
        """Return every event so far, of an API that has any."""
        return ()
