"""The interview that the example holds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Interview:
    """The questions, the interviewer and the role."""

    role: str
    company: str
    interviewer: str
    minutes: int
    greeting: str
    questions: tuple[str, ...]
    closing: str


INTERVIEW = Interview(
    role="Backend Engineer, Payments",
    company="Alderwick",
    interviewer="Maya Lindqvist",
    minutes=10,
    greeting="Hello, and thank you for making the time. I'm Maya, and I lead the payments team.",
    questions=(
        "Tell me about a system you built that you are still proud of. What made it good?",
        "Tell me about a failure in production. How did you notice, and what changed after it?",
        "A payment call times out, and the charge may have gone through. What happens next?",
        "When did you last disagree with a colleague about a design? How did you decide?",
        "To end with: what would you like to learn in your first three months here?",
    ),
    closing="That was my last question. Thank you, I enjoyed this. You will hear from us soon.",
)
