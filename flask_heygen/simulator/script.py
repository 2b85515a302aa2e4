"""What is said in a session's room beside the voice: data messages, as its API has them."""

from collections.abc import Iterable, Mapping
from typing import Protocol

#: A data message before it is packed.
Message = Mapping[str, object]


class Script(Protocol):
    """How an API's rooms speak in data messages."""

    #: The LiveKit topic of what is told; empty: none.
    topic: str
    #: The identity of a second participant, who has neither face nor voice; empty: nobody.
    companion: str

    def present(self) -> bool:
        """Tell whether the avatar has joined the room."""

    def lines(self, message: Message) -> Iterable[Message]:
        """Put what the avatar does, in the words of the streaming API, into the API's own."""

    def heard(self, text: str) -> Iterable[Message]:
        """Tell what a user said."""

    def heed(self, topic: str, payload: bytes) -> None:
        """Take a reliable data message of somebody in the room."""

    def farewell(self, reason: str) -> Iterable[Message]:
        """Tell why the session has ended."""
