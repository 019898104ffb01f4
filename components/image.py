"""The names of the images that the components run in, on a cluster and in Docker."""

from dataclasses import dataclass

IMAGE = "encoder-bakeoff-python:cpu"
"""KFP's local runner expects "python" in an image's name."""
TRAIN_IMAGE = "encoder-bakeoff-python:gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What the tasks run in.

    Attributes:
        image: Image of the steps that need no GPU: tokenize, evaluate, compare.
        train_image: Image of the train steps.
    """

    image: str = IMAGE
    train_image: str = TRAIN_IMAGE
