"""SVG bar chart of the p50 of each target and load, relative to the vendor's own call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from tests.bench.figures import Figures
from tests.bench.load import Load
from tests.bench.rounds import Results

#: The loads shown, lightest first, and the opacity of their bars.
_SHOWN = {"1/s": 1.0, "20/s": 0.7, "50": 0.4}
#: Largest ratio on the axis; a longer bar is cut off.
_MOST = 3.0
_WIDTH, _LEFT, _RIGHT = 780, 256, 64
_BAR, _GAP, _GROUP, _TOP = 11, 3, 18, 62

_STYLE = """
.back { fill: #fff }
text { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.over { paint-order: stroke; stroke: #fff; stroke-width: 4px }
.bar { fill: #8c959f }
.highlighted { fill: #0969da }
.grid { stroke: #d1d9e0 }
.direct { stroke: #59636e; stroke-dasharray: 3 3 }
.cut { stroke: #fff; stroke-width: 3 }
@media (prefers-color-scheme: dark) {
  .back { fill: #0d1117 }
  text { fill: #f0f6fc }
  .small { fill: #9198a1 }
  .over { stroke: #0d1117 }
  .bar { fill: #7d8590 }
  .highlighted { fill: #4493f8 }
  .grid { stroke: #3d444d }
  .direct { stroke: #9198a1 }
  .cut { stroke: #0d1117 }
}
"""


def chart(results: Results, titles: Mapping[str, str]) -> str:
    """Return the SVG; each bar is a target's p50 divided by that of the direct call."""
    shown = [name for name in _SHOWN if name in results.figures]
    step = len(shown) * (_BAR + _GAP) + _GROUP
    height = _TOP + len(titles) * step + 30
    parts = [*_frame(height), *_legend(shown)]
    for row, (name, title) in enumerate(titles.items()):
        top = _TOP + row * step + _GROUP / 2
        middle = top + (step - _GROUP - _GAP) / 2
        parts.append(_text(_LEFT - 12, middle + 4.5, title, "end"))
        for number, load in enumerate(shown):
            kind = "bar highlighted" if name.startswith("ours") else "bar"
            y = top + number * (_BAR + _GAP)
            parts += _bar(
                y, results.figures[load][name], f'class="{kind}" opacity="{_SHOWN[load]}"'
            )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'width="{_WIDTH}" height="{height}" aria-labelledby="title"><style>{_STYLE}</style>'
        + "\n".join(parts)
        + "</svg>\n"
    )


def _x(ratio: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(ratio, _MOST) / _MOST


def _text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def _frame(height: int) -> Iterator[str]:
    yield f'<rect width="{_WIDTH}" height="{height}" rx="6" class="back"/>'
    title = "What a task takes, in times the vendor\u2019s own call"
    yield f'<text id="title" x="12" y="24" class="title">{title}</text>'
    for ratio in range(int(_MOST) + 1):
        kind = "direct" if ratio == 1 else "grid"
        x = _x(ratio)
        yield f'<path d="M{x:g} {_TOP}V{height - 26}" class="{kind}"/>'
        yield _text(x, height - 10, f"{ratio}\u00d7", "middle", "small")


def _legend(shown: list[str]) -> Iterator[str]:
    x = _LEFT
    for load in shown:
        title = Load.named(load).title
        look = f'class="bar highlighted" opacity="{_SHOWN[load]}"'
        yield f'<rect x="{x}" y="39" width="22" height="{_BAR}" rx="2" {look}/>'
        yield _text(x + 28, 48.5, title, kind="small")
        x += 40 + 7 * len(title)


def _bar(y: float, figures: Figures, look: str) -> Iterator[str]:
    ratio = figures.ratio
    if ratio is None:
        yield _text(_LEFT + 6, y + _BAR - 1.5, "no answer", kind="small over")
        return

    end = _x(ratio)
    yield f'<rect x="{_LEFT}" y="{y:g}" width="{end - _LEFT:.1f}" height="{_BAR}" rx="2" {look}/>'
    if ratio > _MOST:
        yield f'<path d="M{end - 22:g} {y + _BAR + 2:g}l6 {-_BAR - 4}" class="cut"/>'
    label = ">" * figures.hides("p50") + f"{ratio:.{2 if ratio < 10 else 0}f}\u00d7"
    yield _text(end + 6, y + _BAR - 1.5, label, kind="small over")
