"""The portrait in every position it takes, painted once and ready to be sent."""

import functools
from collections.abc import Mapping, Sequence

from av import VideoFrame
from PIL import Image

from . import features, portrait

#: How many positions the mouth has.
MOUTHS = 8
#: How far the lids are shut in each of theirs.
LIDS = (0.0, 0.55, 1.0)

#: The planes of a yuv420p picture, so that a frame costs no conversion.
Planes = Sequence[bytes]


@functools.cache
def sheet() -> Mapping[tuple[int, int], Planes]:
    """Paint every picture, by the position of the mouth and of the lids; 24 take 8 MB."""
    sitter = portrait.sitter()
    pictures = {}
    for lid, shut in enumerate(LIDS):
        for position in range(MOUTHS):
            canvas = sitter.copy()
            features.eyes(canvas, shut)
            features.mouth(canvas, position / (MOUTHS - 1))
            pictures[position, lid] = _planes(portrait.picture(canvas))
    return pictures


def _planes(picture: Image.Image) -> Planes:
    frame = VideoFrame(picture.width, picture.height, "rgb24")
    frame.planes[0].update(picture.tobytes())
    return tuple(bytes(plane) for plane in frame.reformat(format="yuv420p").planes)
