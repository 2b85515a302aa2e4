"""What the simulated vendor grants its one account."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """The keywords of `Simulator` that say how its vendor behaves; times are in seconds."""

    token_seconds: float
    concurrent_limit: int
    api_key: str | None
    joined: bool
    idle_seconds: float
    empty_seconds: float
    session_seconds: float
    agent_seconds: float
    ms_per_character: float
