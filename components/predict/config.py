"""Which texts are scored, and how many at a time."""

from dataclasses import dataclass

from components.encoders.predict_batch import PREDICT_BATCH_SIZE
from components.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictConfig:
    """Which texts are scored, and how many at a time.

    Attributes:
        text_a_column: Column of the text, or of the first of two.
        text_b_column: Column of the second text, for a model that was trained on pairs.
        predict_batch_size: Rows a forward pass takes.
    """

    text_a_column: str = "text_a"
    text_b_column: str = ""
    predict_batch_size: int = PREDICT_BATCH_SIZE

    def __post_init__(self) -> None:
        if self.predict_batch_size < 1:
            raise InputError(
                f"predict_batch_size must be at least 1, got {self.predict_batch_size}"
            )
        if not self.text_a_column or self.text_a_column == self.text_b_column:
            raise InputError(
                "text_a_column and text_b_column must name two columns, or text_a_column one, got "
                f"{self.text_a_column!r} and {self.text_b_column!r}"
            )

    @property
    def columns(self) -> dict[str, str]:
        """The file's column for `text_a` and, where there is one, `text_b`."""
        named = {"text_a": self.text_a_column, "text_b": self.text_b_column}
        return {ours: theirs for ours, theirs in named.items() if theirs}
