"""The names of the images that the components run in, on a cluster and in Docker."""

import re
from dataclasses import dataclass

from components.errors import InputError

IMAGE = "encoder-bakeoff-python:cpu"
"""KFP's local runner expects "python" in an image's name."""
TRAIN_IMAGE = "encoder-bakeoff-python:gpu"


def check_image(name: str, image: str) -> None:
    """Refuses what cannot be the name of an image.

    Raises:
        InputError: It is empty, or holds spaces and the like.
    """
    if not re.fullmatch(r"[\w./:@-]+", image, re.ASCII):
        raise InputError(f"{name} is {image!r}, expected REGISTRY/NAME:TAG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What the tasks run in.

    Attributes:
        image: Image of the steps that need no GPU: tokenize, evaluate, compare.
        train_image: Image of the train steps.
    """

    image: str = IMAGE
    train_image: str = TRAIN_IMAGE

    def __post_init__(self) -> None:
        check_image("image", self.image)
        check_image("train_image", self.train_image)
