"""The interviewer's portrait, in the units of the still that the example page shows.

It is a drawing of nobody, and says so in the picture.
"""

from PIL import Image, ImageDraw, ImageFont

from .canvas import Canvas, ellipse, rectangle

SIZE = (640, 360)
_NOTICE = "Simulated avatar \N{MIDDLE DOT} no HeyGen account in use"

# The middle of the face, and what lies above and below it.
_MIDDLE, _TOP, _HEIGHT = 402.0, 126.0, 660.0
_SCALE = SIZE[1] / _HEIGHT

_FACE = (
    "M290 372c0-104 48-160 112-160c64 0 112 56 112 160c0 60-12 104-36 136"
    "c-24 31-50 46-76 46c-26 0-52-15-76-46c-24-32-36-76-36-136"
)
_DARK, _SKIN, _SHADE = "#33211b", "#d9a37f", "#8f5a3c"


def sitter() -> Canvas:
    """Draw what does not move: the office, the hair, the jacket, the face without features."""
    canvas = Canvas(SIZE, (_MIDDLE - SIZE[0] / _SCALE / 2, _TOP), _SCALE)
    _office(canvas)
    _hair_behind(canvas)
    _clothes(canvas)
    _face(canvas)
    _hair_before(canvas)
    return canvas


def picture(canvas: Canvas) -> Image.Image:
    """Finish a picture, with the notice that it is a simulation."""
    image = canvas.picture().convert("RGBA")
    notice = Image.new("RGBA", image.size)
    pen = ImageDraw.Draw(notice)
    font = ImageFont.load_default(13)
    left, top, right, bottom = pen.textbbox((22, 330), _NOTICE, font=font)
    pen.rounded_rectangle((left - 10, top - 6, right + 10, bottom + 6), 12, fill=(18, 34, 31, 165))
    pen.text((22, 330), _NOTICE, font=font, fill=(255, 255, 255, 235))
    return Image.alpha_composite(image, notice).convert("RGB")


def _office(canvas: Canvas) -> None:
    canvas.fill(rectangle(-200, 0, 1200, 900), "#cbd8ce", "#7f998d")
    canvas.fill(rectangle(-200, -60, 330, 640), "#f6f1e3", blur=16, opacity=0.85)
    for bar in (rectangle(-40, -60, 14, 640), rectangle(-200, 300, 330, 13)):
        canvas.fill(bar, "#c3cabc", blur=8, opacity=0.9)
    for shelf in (rectangle(640, 350, 400, 15), rectangle(640, 560, 400, 15)):
        canvas.fill(shelf, "#667a6d", blur=7)
    books = {"#b96f4a": (690, 252, 30), "#e4d9bf": (726, 236, 26), "#3f6659": (758, 262, 34)}
    for colour, (x, y, width) in books.items():
        canvas.fill(rectangle(x, y, width, 350 - y), colour, blur=7)
    for leaf in (
        "M850 346c-8-60 6-110 40-150",
        "M852 346c-4-60-14-100-44-132",
        "M854 346c16-44 40-70 74-84",
    ):
        canvas.line(leaf, "#4c7561", width=17, blur=8)
    canvas.fill(rectangle(730, 480, 130, 80), "#d8cdb2", blur=8)
    canvas.fill("M-200 0l700 0l-240 900l-460 0", "#fff7e6", blur=60, opacity=0.32)


def _hair_behind(canvas: Canvas) -> None:
    bob = (
        "M262 396c-10-130 44-224 142-224c98 0 150 88 140 222c-3 56 4 98 18 138"
        "c-46 34-96 48-160 48c-64 0-112-14-158-48c14-40 21-80 18-136"
    )
    canvas.fill(bob, "#20312c", blur=18, opacity=0.35)
    canvas.fill(bob, "#4a332a", "#241816")


def _clothes(canvas: Canvas) -> None:
    neck = (
        "M346 470l112 0l0 112c0 30 16 50 44 60c-14 70-54 120-100 120"
        "c-46 0-86-50-100-120c28-10 44-30 44-60"
    )
    canvas.fill(neck, "#c48d69", "#cf9a76")
    canvas.fill(
        "M346 500c18 44 36 56 56 56c20 0 38-12 56-56l0 66c-16 26-34 40-56 40c-22 0-40-14-56-40",
        "#7c4a30",
        blur=10,
        opacity=0.6,
    )
    canvas.fill(
        "M312 660c22 56 52 92 90 92c38 0 68-36 90-92c0 130-30 240-90 340c-60-100-90-210-90-340",
        "#f4ecdf",
        "#ddd2bf",
    )
    canvas.line("M306 644c20 66 56 108 96 108c40 0 76-42 96-108", "#cdbfa6", width=5)
    canvas.fill("M52 1000c2-130 20-206 84-248c52-34 112-52 172-112l94 360", "#356359", "#21463f")
    canvas.fill(
        "M752 1000c-2-130-20-206-84-248c-52-34-112-52-172-112l-94 360", "#2a544b", "#1a3733"
    )
    canvas.line("M308 642c-6 120 34 240 94 356", "#12302a", width=10, blur=6, opacity=0.5)
    canvas.fill(
        "M308 640c-22 14-44 30-66 44c-12 40-8 70 2 96l-22 26c40 74 100 140 180 194"
        "c-50-120-86-240-94-360",
        "#3b7064",
        "#2d5a51",
    )
    canvas.fill(
        "M496 640c22 14 44 30 66 44c12 40 8 70-2 96l22 26c-40 74-100 140-180 194"
        "c50-120 86-240 94-360",
        "#2b5a50",
        "#1d443d",
    )


def _face(canvas: Canvas) -> None:
    canvas.fill(_FACE, "#e9bd9c", "#c68f6a")
    for x, colour in ((332, "#d98c6c"), (472, "#c97a58")):
        canvas.fill(ellipse(x, 452, 30, 22), colour, blur=11, opacity=0.4)
    canvas.fill("M508 330c6 100-22 170-74 214c44-8 70-60 76-120", _SHADE, blur=12, opacity=0.3)
    canvas.fill(
        "M286 300c60-40 172-40 232 0l0 34c-76-30-156-30-232 0", "#6d4632", blur=13, opacity=0.5
    )
    for x in (352, 453):
        canvas.fill(ellipse(x, 392, 36, 18), "#a8704e", blur=9, opacity=0.28)
    canvas.fill(ellipse(403, 420, 7, 34), "#f3cdb0", blur=6, opacity=0.7)
    canvas.line("M412 388c2 26 8 40 12 52", "#a8704e", width=6, blur=4, opacity=0.35)
    canvas.line("M388 448c5 8 11 9 15 8c5 1 11 0 16-8", "#9a6142", width=4, blur=1, opacity=0.75)


def _hair_before(canvas: Canvas) -> None:
    fringe = (
        "M268 470c-22-150 6-286 140-294c100-6 152 96 132 288c-12-108-26-160-62-196"
        "c-44 22-112 30-150 24c-28 36-46 92-60 178"
    )
    canvas.fill(fringe, "#241816", blur=6, opacity=0.35)
    canvas.fill(fringe, "#4d352b", "#271a18")
    canvas.line("M300 292c22-58 60-88 112-88", "#9a715c", width=15, blur=9, opacity=0.5)
    canvas.line("M440 208c44 18 66 60 72 110", "#7a5646", width=9, blur=7, opacity=0.4)
