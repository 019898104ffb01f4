"""How a model is evaluated."""

from dataclasses import dataclass

from components.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """How a model is evaluated.

    Attributes:
        predict_batch_size: Rows a forward pass takes.
        eval_batch_size: Rows of a batch in the mean of batch means that the original calls `loss`.
    """

    predict_batch_size: int = 16
    eval_batch_size: int = 16

    def __post_init__(self) -> None:
        for name in ("predict_batch_size", "eval_batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
