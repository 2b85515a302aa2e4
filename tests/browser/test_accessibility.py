"""Accessibility tests of the page, with axe-core."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import pytest
from playwright.sync_api import expect

from flask_heygen.simulator import Fault, Simulator
from tests.requirements import module

if TYPE_CHECKING:  # tests are no package: at run time, fixtures bring it
    from tests.browser.conftest import Visit

ColorScheme = Literal["light", "dark"]
T = TypeVar("T")


def violations(visit: Visit) -> list[str]:
    """Return the serious and critical violations in the page's current state."""
    if not visit.page.evaluate("'axe' in globalThis"):
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


#: A phone in the dark, and a desk in the light.
SCREENS: tuple[tuple[int, ColorScheme], ...] = ((360, "dark"), (1280, "light"))


def on_each(visit: Visit, look: Callable[[], T]) -> list[T]:
    """Return the results of ``look`` for the page's current state on each screen."""
    seen = []
    for width, scheme in SCREENS:
        visit.page.set_viewport_size({"width": width, "height": 800})
        visit.page.emulate_media(color_scheme=scheme)
        seen.append(look())
    return seen


class TestPage:
    def test_has_no_violations(self, visit: Visit, simulator: Simulator) -> None:
        """No state has a violation of serious or critical impact."""
        look = partial(violations, visit)
        visit.open()
        found = {"intro": on_each(visit, look)}
        visit.press("Start interview")
        visit.reach("listening")
        visit.answer("An answer.")
        found["listening"] = on_each(visit, look)
        simulator.fault("task", Fault.SUNSET)
        visit.press("Next question")
        visit.reach("error")
        found["error"] = on_each(visit, look)
        visit.press("End interview")
        visit.reach("ended")
        found["ended"] = on_each(visit, look)

        assert found == {state: [[], []] for state in ("intro", "listening", "error", "ended")}

    @pytest.mark.parametrize("vendor", [{"ms_per_character": 60}])
    def test_has_no_violations_while_it_speaks(self, visit: Visit) -> None:
        """The page has no violations while captions are shown."""
        visit.open()
        visit.press("Start interview")
        visit.reach("speaking")
        visit.page.locator("#caption .said").first.wait_for()

        assert on_each(visit, partial(violations, visit)) == [[], []]

    def test_shows_the_focus_over_the_picture(self, visit: Visit) -> None:
        """Whatever the picture is, the ring around the button stands on a ground of its own."""
        visit.open()
        visit.page.evaluate("document.querySelector('#sound').hidden = false")
        visit.page.keyboard.press("Tab")
        button = visit.page.get_by_role("button", name="Turn on sound")
        expect(button).to_be_focused()

        def contrast() -> float:
            style = button.evaluate("({ ...getComputedStyle(document.activeElement) })")
            ring, ground = luminance(style["outlineColor"]), luminance(style["boxShadow"])
            return (max(ring, ground) + 0.05) / (min(ring, ground) + 0.05)

        assert min(on_each(visit, contrast)) > 3
