"""How a model is evaluated."""

from dataclasses import dataclass

from components.encoders.predict_batch import PREDICT_BATCH_SIZE
from components.errors import InputError

EVAL_BATCH_SIZE = 16  # the original experiment's


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """How a model is evaluated.

    Attributes:
        predict_batch_size: Rows a forward pass takes.
        eval_batch_size: Rows of the batches whose means the original's `loss` averages.
    """

    predict_batch_size: int = PREDICT_BATCH_SIZE
    eval_batch_size: int = EVAL_BATCH_SIZE

    def __post_init__(self) -> None:
        for name in ("predict_batch_size", "eval_batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
