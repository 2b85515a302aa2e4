"""The page, as axe-core judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flask_heygen.simulator import Fault, Simulator
from tests.parts import module

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit


def violations(visit: Visit) -> list[str]:
    """Return what keeps somebody out, in the state that the page is in now."""
    visit.page.evaluate(module("axe-core/axe.min.js").read_text())
    found = visit.page.evaluate("axe.run()")["violations"]
    grave = [each for each in found if each["impact"] in {"serious", "critical"}]
    return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]


@pytest.mark.parametrize(
    "screen",
    [
        {
            "viewport": {"width": width, "height": 800},
            "color_scheme": scheme,
            "reduced_motion": "reduce",  # colours in mid-flight are nobody's to read
        }
        for width in (360, 1280)
        for scheme in ("light", "dark")
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
