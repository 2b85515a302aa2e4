"""The page, as axe-core judges it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from flask_heygen.simulator import Fault, Simulator
from tests.requirements import module

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit


def violations(visit: Visit) -> list[str]:
    """Return what keeps somebody out, in the state that the page is in now."""
    visit.page.evaluate(module("axe-core/axe.min.js").read_text())
    found = visit.page.evaluate("axe.run()")["violations"]
    grave = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour as a browser computes it: rgb(1, 2, 3)."""
    shares = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    "screen",
    [
        {
            "viewport": {"width": width, "height": 800},
            "color_scheme": scheme,
            "reduced_motion": "reduce",  # colours in mid-flight are nobody's to read
        }
        for width, scheme in ((360, "dark"), (1280, "light"))
    ],
)
class TestPage:
    def test_keeps_nobody_out(
        self, visit: Visit, simulator: Simulator, screen: dict[str, Any]
    ) -> None:
        """No state has a violation of serious or critical impact."""
        visit.open()
        found = {"intro": violations(visit)}
        visit.press("Start interview")
        visit.reach("listening")
        visit.answer("An answer.")
        found["listening"] = violations(visit)
        simulator.fault("task", Fault.SUNSET)
        visit.press("Next question")
        visit.reach("error")
        found["error"] = violations(visit)
        visit.press("End interview")
        visit.reach("ended")
        found["ended"] = violations(visit)

        assert found == {"intro": [], "listening": [], "error": [], "ended": []}

    @pytest.mark.parametrize("vendor", [{"ms_per_character": 60}])
    def test_keeps_nobody_out_while_it_speaks(self, visit: Visit, screen: dict[str, Any]) -> None:
        """Nor has it with the interviewer's words on the page."""
        visit.open()
        visit.press("Start interview")
        visit.reach("speaking")
        visit.page.locator("#caption .said").first.wait_for()

        assert violations(visit) == []

    def test_shows_the_focus_over_the_picture(self, visit: Visit, screen: dict[str, Any]) -> None:
        """Whatever the picture is, the ring around the button stands on a ground of its own."""
        visit.open()
        visit.page.evaluate("document.querySelector('#sound').hidden = false")
        visit.page.keyboard.press("Tab")
        button = visit.page.get_by_role("button", name="Turn on sound")
        expect(button).to_be_focused()
        style = button.evaluate("({ ...getComputedStyle(document.activeElement) })")
        ring, ground = luminance(style["outlineColor"]), luminance(style["boxShadow"])

        assert (max(ring, ground) + 0.05) / (min(ring, ground) + 0.05) > 3
