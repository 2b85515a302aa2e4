"""The example's interview in few words, since in rooms the avatar speaks in real time."""

from dataclasses import replace

from example_app.interview import INTERVIEW, Interview

#: Each text takes a second or two, and most of them two lines.
BRIEF = replace(
    INTERVIEW,
    greeting="Hello.",
    questions=(
        "Why Flask? And why not?",
        "What is a test? What is none?",
        "How do you find a slow query?",
        "When do you ask for help?",
        "What would you like to learn?",
    ),
    closing="Thank you. Goodbye.",
)


def lines(interview: Interview) -> tuple[str, ...]:
    """Return all that the avatar says, in order."""
    return interview.greeting, *interview.questions, interview.closing
