"""A canvas for soft shapes: paths as SVG writes them, filled with a gradient, blurred or not."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, floor

from PIL import Image, ImageColor, ImageDraw, ImageFilter

Point = tuple[float, float]
_Draw = Callable[[ImageDraw.ImageDraw, list[Point]], object]

# Pixels drawn for each that is shown, along a side: no edge shows its steps.
_FINENESS = 3
_STEPS = 16


@dataclass
class Canvas:
    """A picture in the making: `scale` pixels are one unit of the paths, `origin` the corner."""

    size: tuple[int, int]
    origin: Point
    scale: float
    _image: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        width, height = self.size
        self._image = Image.new("RGB", (width * _FINENESS, height * _FINENESS))

    def copy(self) -> "Canvas":
        """Make a canvas to go on with; this one stays as it is."""
        other = Canvas(self.size, self.origin, self.scale)
        other._image.paste(self._image)
        return other

    def picture(self) -> Image.Image:
        """Make the picture, in the size it is shown in."""
        return self._image.resize(self.size, Image.Resampling.LANCZOS)

    def fill(self, path: str, *colours: str, blur: float = 0, opacity: float = 1) -> None:
        """Fill a closed path with a colour, or with a gradient from the upper left."""
        draw: _Draw = lambda brush, points: brush.polygon(points, fill=255)  # noqa: E731  short
        self._paint(path, draw, colours, margin=blur * 2.5, blur=blur, opacity=opacity)

    def line(
        self, path: str, colour: str, *, width: float, blur: float = 0, opacity: float = 1
    ) -> None:
        """Draw along an open path with a round pen."""
        pen = width * self.scale * _FINENESS

        def draw(brush: ImageDraw.ImageDraw, points: list[Point]) -> None:
            brush.line(points, fill=255, width=round(pen), joint="curve")
            for x, y in (points[0], points[-1]):
                brush.circle((x, y), pen / 2, fill=255)

        margin = width + blur * 2.5
        self._paint(path, draw, (colour,), margin=margin, blur=blur, opacity=opacity)

    def _paint(  # noqa: PLR0913  what a stroke has
        self,
        path: str,
        draw: _Draw,
        colours: Sequence[str],
        *,
        margin: float,
        blur: float,
        opacity: float,
    ) -> None:
        unit = self.scale * _FINENESS
        points = [
            ((x - self.origin[0]) * unit, (y - self.origin[1]) * unit) for x, y in trace(path)
        ]
        left = floor(min(x for x, _ in points) - margin * unit)
        top = floor(min(y for _, y in points) - margin * unit)
        right = ceil(max(x for x, _ in points) + margin * unit)
        bottom = ceil(max(y for _, y in points) + margin * unit)
        # Only as large as the shape: a mouth is drawn many times.
        mask = Image.new("L", (right - left + 1, bottom - top + 1))
        draw(ImageDraw.Draw(mask), [(x - left, y - top) for x, y in points])
        if blur:
            mask = mask.filter(ImageFilter.GaussianBlur(blur * unit))
        if opacity < 1:
            mask = mask.point([round(value * opacity) for value in range(256)])
        self._image.paste(_gradient(colours, mask.size), (left, top), mask)


def _gradient(colours: Sequence[str], size: tuple[int, int]) -> Image.Image:
    first, last = (ImageColor.getrgb(colours[index])[:3] for index in (0, -1))
    plain = Image.new("RGB", size, first)
    if first == last:
        return plain

    slope = Image.new("L", (32, 32))
    slope.putdata([round((x + y) * 255 / 62) for y in range(32) for x in range(32)])
    return Image.composite(
        Image.new("RGB", size, last), plain, slope.resize(size, Image.Resampling.BICUBIC)
    )


def trace(path: str) -> list[Point]:
    """Turn a path of M, C, L and Z, absolute or relative, into the points along it."""
    points: list[Point] = []
    for command, numbers in _commands(path):
        here = points[-1] if points else (0.0, 0.0)
        length = 6 if command in "cC" else 2
        for start in range(0, len(numbers), length):
            pairs = numbers[start : start + length]
            x, y = here if command.islower() else (0.0, 0.0)
            ends = [(x + a, y + b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
            points += _curve(here, *ends) if len(ends) == 3 else ends
            here = points[-1]
    return points


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    for letter, numbers in re.findall(r"([MmLlCc])([^A-Za-z]*)", path):
        yield letter, [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]


def _curve(start: Point, first: Point, second: Point, end: Point) -> Iterator[Point]:
    for step in range(1, _STEPS + 1):
        t = step / _STEPS
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        corners = (start, first, second, end)
        yield (
            sum(w * x for w, (x, _) in zip(weights, corners, strict=True)),
            sum(w * y for w, (_, y) in zip(weights, corners, strict=True)),
        )


def ellipse(x: float, y: float, across: float, along: float) -> str:
    """Write the path of an ellipse: its centre and its half axes."""
    a, b = across * 0.5523, along * 0.5523
    return (
        f"M{x - across} {y}c0 {-b} {across - a} {-along} {across} {-along}"
        f"c{a} 0 {across} {along - b} {across} {along}c0 {b} {a - across} {along} {-across} {along}"
        f"c{-a} 0 {-across} {b - along} {-across} {-along}"
    )


def rectangle(x: float, y: float, width: float, height: float) -> str:
    """Write the path of a rectangle."""
    return f"M{x} {y}l{width} 0l0 {height}l{-width} 0"
