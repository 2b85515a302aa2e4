"""The avatar's face: one PNG with a picture for every position of mouth and eyelids."""

import functools
from collections.abc import Sequence
from importlib import resources
from itertools import product

import av
from av.video.plane import VideoPlane

#: Width and height of a picture in pixels.
SIZE = (640, 360)
#: Positions of the mouth, from closed to open.
MOUTHS = 8
#: Positions of the eyelids, from open to shut.
LIDS = 3

#: The planes of a yuv420p picture.
Planes = Sequence[bytes]


@functools.cache
def sprites() -> dict[tuple[int, int], Planes]:
    """Return the pictures by (mouth, lid), converted once so that sending one costs no conversion.

    The pictures stand side by side in ``sprites.png``: the mouths with open eyes first. Converted,
    all of them take 8 MB.
    """
    with (
        resources.files(__package__).joinpath("sprites.png").open("rb") as file,
        av.open(file, "r") as png,
    ):
        sheet = next(png.decode(video=0)).reformat(format="yuv420p")
    positions = product(range(LIDS), range(MOUTHS))
    return {
        (mouth, lid): [_cut(plane, number) for plane in sheet.planes]
        for number, (lid, mouth) in enumerate(positions)
    }


def _cut(plane: VideoPlane, number: int) -> bytes:
    content, width = memoryview(plane), plane.width // (MOUTHS * LIDS)
    starts = (row * plane.line_size + number * width for row in range(plane.height))
    return b"".join(content[start : start + width] for start in starts)
