"""What moves in the portrait: the lids and the mouth."""

from .canvas import Canvas, ellipse

_EYES = (351.0, 454.0)
_EYE_LINE = 399.0
_MOUTH_X, _MOUTH_Y = 403.0, 496.0
_LASH, _CREASE = "#33211b", "#9a6142"


def eyes(canvas: Canvas, shut: float) -> None:
    """Draw the eyes and their brows; 0 is open, 1 shut."""
    canvas.line("M325 362c12-9 32-11 49-1", "#4a3228", width=6.5, opacity=0.9)
    canvas.line("M431 361c17-10 37-8 49 1", "#4a3228", width=6.5, opacity=0.9)
    for x in _EYES:
        _eye(canvas, x, shut)


def _eye(canvas: Canvas, x: float, shut: float) -> None:
    y, rise = _EYE_LINE, 15 - 19 * shut
    left, right = x - 25, x + 25
    lid = f"M{left} {y + 2}C{x - 14} {y - rise} {x + 14} {y - rise} {right} {y + 2}"
    if shut < 1:
        white = f"{lid}C{x + 14} {y + 13} {x - 14} {y + 13} {left} {y + 2}"
        canvas.fill(white, "#f7f1ea", "#e6dcd2")
        canvas.fill(ellipse(x, y - 1, 10.5, 10.5 - 4 * shut), "#6d4a2f", "#4b3020")
        canvas.fill(ellipse(x, y - 1, 5, 5 - shut), "#1d1310")
        canvas.fill(ellipse(x + 3.5, y - 4.5, 2.3, 2.3 - shut), "#ffffff")
        # The skin over what the lid hides.
        hidden = f"M{left} {y + 2}C{x - 14} {y - rise} {x + 14} {y - rise} {right} {y + 2}"
        canvas.fill(f"{hidden}L{right} {y - 17}L{left} {y - 17}", "#d6a27d", "#cf9873", blur=0.5)
    canvas.line(lid, _LASH, width=4.2)
    crease = f"M{left + 3} {y - 8}C{x - 12} {y - 19} {x + 12} {y - 19} {right - 3} {y - 8}"
    canvas.line(crease, _CREASE, width=2.2, blur=0.8, opacity=0.5 - 0.3 * shut)


def mouth(canvas: Canvas, opened: float) -> None:
    """Draw the mouth; 0 is closed with a faint smile, 1 an open vowel."""
    x, half = _MOUTH_X, 36 - 8 * opened
    corner = _MOUTH_Y - 6 + 8 * opened
    upper, lower = _MOUTH_Y + 3 - 4 * opened, _MOUTH_Y + 3 + 24 * opened
    left, right = x - half, x + half
    over = f"M{left} {corner}{_arc(left, right, corner, upper)}"

    canvas.fill(ellipse(x, lower + 19, 24, 5), "#8f5a3c", blur=6, opacity=0.45)
    canvas.fill(over + _arc(right, left, corner, lower + 11), "#c4756a", "#b0605a", blur=0.7)
    canvas.fill(ellipse(x - 2, lower + 6, 13, 2), "#e3a79b", blur=2, opacity=0.7)
    bow = (
        f"M{left} {corner}C{x - 22} {upper - 7} {x - 11} {upper - 13} {x} {upper - 8}"
        f"C{x + 11} {upper - 13} {x + 22} {upper - 7} {right} {corner}"
    )
    canvas.fill(bow + _arc(right, left, corner, upper), "#b0625a", "#9c4f49", blur=0.7)
    if lower - upper > 2:
        _inside(canvas, x, half, corner, (upper, lower))
    canvas.line(over, "#6f302b", width=2.4, blur=0.6, opacity=0.85)


def _inside(
    canvas: Canvas, x: float, half: float, corner: float, edges: tuple[float, float]
) -> None:
    upper, lower = edges
    left, right, gap = x - half, x + half, lower - upper
    over = f"M{left} {corner}{_arc(left, right, corner, upper)}"
    canvas.fill(over + _arc(right, left, corner, lower), "#5f2624", "#431718")
    if gap > 12:
        tongue = ellipse(x, lower - gap * 0.08, half * 0.5, gap * 0.2)
        canvas.fill(tongue, "#a8524e", blur=2, opacity=0.8)
    teeth = upper + min(7.0, gap * 0.45)
    inner = half * 0.72
    near = corner + (upper - corner) * 0.6
    path = f"M{x - inner} {near}{_arc(x - inner, x + inner, near, upper)}"
    canvas.fill(path + _arc(x + inner, x - inner, near, teeth), "#f5efe6", blur=0.7)


def _arc(start: float, end: float, level: float, middle: float) -> str:
    """Write a curve between two points of one level, with its middle at another."""
    # A curve reaches three quarters of the way to its handles.
    handle = level + (middle - level) / 0.75
    third = (end - start) * 0.28
    return f"C{start + third} {handle} {end - third} {handle} {end} {level}"
