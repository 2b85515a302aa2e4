"""Page visits in Chromium: the time from a click to live, first picture and first word."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

#: Options that keep the browser from making requests of its own.
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
#: Milliseconds to wait until a loaded page is idle.
_SETTLE = 500
#: In order of time.
MOMENTS = ("live", "picture", "word")
_ALL = " && ".join(f"moments.{name}" for name in MOMENTS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the installed Chromium for the duration of the block."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        raise SystemExit("There is no Chromium; Debian: apt-get install chromium-headless-shell.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_QUIET, ignore_default_args=["--mute-audio"]
        )
        yield browser
        browser.close()


def visit(browser: Browser, url: str) -> dict[str, float]:
    """Open a page, click when it has loaded, and return the milliseconds to each moment."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)  # until its modules have run
        page.wait_for_timeout(_SETTLE)
        page.get_by_role("button").click()
        page.wait_for_function(f"moments.error || {_ALL}")
        moments = page.evaluate("moments")
        if "error" in moments:
            raise RuntimeError(moments["error"])
        page.evaluate("stop()")
        return {name: moments[name] for name in MOMENTS}
