"""The options of a simulator."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


def _option(default: Any, help: str) -> Any:  # noqa: A002  click's word for it
    return field(default=default, metadata={"help": help})


@dataclass(kw_only=True, eq=False)
class Config:
    """The options: keywords of `Simulator`, and attributes that may be changed while it runs.

    Times are in seconds; each field's ``metadata["help"]`` describes it.
    """

    token_seconds: float = _option(3600, "How long a session token is valid.")
    session_seconds: float = _option(600, "The hard limit of a session that sets none.")
    idle_seconds: float = _option(
        120, "The idle limit of a v1 session without activity_idle_timeout."
    )
    empty_seconds: float = _option(300, "How long a session whose room is empty stays open.")
    agent_seconds: float = _option(
        0, "How long after its start a LiveAvatar session's avatar joins the room."
    )
    release_seconds: float = _option(0, "How long a session that has ended still holds its slot.")
    concurrent_limit: int = _option(3, "How many sessions may be open at once.")
    rate_limit: int = _option(1000, "How many calls per second LiveAvatar allows to an endpoint.")
    credits: float = _option(
        1_000_000, "What sessions use up: LiveAvatar's 2 per minute, v1's 0.2."
    )
    api_key: str | None = field(
        default=None,
        repr=False,
        metadata={"help": "The only valid key; the default is any that is not blank."},
    )
    joined: bool = _option(
        True,  # noqa: FBT003
        "Whether every room counts as joined; if not, a session is connecting until a client"
        " joins its room.",
    )
    ms_per_character: float = _option(
        60, "How long the avatar speaks, in a session whose room no client has joined."
    )
    frame_rate: int = _option(25, "Pictures of the avatar per second, at most 50; 5 save CPU.")
    latency: dict[str, float] = field(
        default_factory=dict,
        metadata={"help": 'How long a call waits, by its name; "*" is any other.'},
    )
    hears: Sequence[str] = _option(
        (), "The words of what is said into microphones, one by one; then come sample answers."
    )

    def latency_of(self, call: str) -> float:
        """Return how long a call waits."""
        return self.latency.get(call, self.latency.get("*", 0))
