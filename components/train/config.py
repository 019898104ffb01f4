"""How one encoder is fine-tuned."""

from dataclasses import dataclass

from components.encoders.predict_batch import PREDICT_BATCH_SIZE
from components.errors import InputError

OPTIMIZERS = ("adamw", "bert_adam")
PRECISIONS = ("float32", "bfloat16")
BACKENDS = ("tensorflow", "jax", "torch")


NO_CHECKPOINTS = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """Where a training is saved; unlike a `TrainConfig`, this changes nothing of its result.

    Attributes:
        checkpoint_uri: Folder or address of the checkpoints of a training, from which it goes on
            when it is begun again; empty = the usual place, `none` = it is not saved.
    """

    checkpoint_uri: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """How one encoder is fine-tuned.

    Attributes:
        train_batch_size: Rows an optimizer step sees.
        predict_batch_size: Rows a forward pass takes on dev.
        learning_rate: Peak step size, reached after warm-up; it then falls linearly to 0.
        num_train_epochs: Passes over the train rows; fractions are allowed. Steps are
            int(rows / train_batch_size * num_train_epochs).
        save_checkpoints_steps: Steps between two measurements on dev, at each of which the best
            weights so far are kept and a checkpoint is saved; 0 = once an epoch.
        warmup_proportion: Share of all steps spent warming up, in [0, 1).
        weight_decay: Decay of all weights but biases and LayerNorm's.
        optimizer: `adamw`, or `bert_adam`: google-research/bert's own Adam without bias correction.
        precision: `float32`, or `bfloat16` for the products, with float32 weights.
        gradient_accumulation_steps: Parts that a batch is computed in, one after the other: less
            memory, the same result. train_batch_size must be a multiple of it.
        remat: Whether each layer's inside is computed again for the gradient instead of being kept:
            much less memory, a third more work.
        backend: What computes: `tensorflow`, `jax` or `torch`; empty = the environment variable
            KERAS_BACKEND, else tensorflow.
        early_stopping_patience: Measurements on dev without a better one before training stops;
            0 = never.
        seed: Of initial weights, dropout and the order of rows.
    """

    train_batch_size: int = 16
    predict_batch_size: int = PREDICT_BATCH_SIZE
    learning_rate: float = 5e-5
    num_train_epochs: float = 3.0
    save_checkpoints_steps: int = 100
    warmup_proportion: float = 0.1
    weight_decay: float = 0.01
    optimizer: str = "adamw"
    precision: str = "float32"
    gradient_accumulation_steps: int = 1
    remat: bool = False
    backend: str = ""
    early_stopping_patience: int = 0
    seed: int = 42

    def __post_init__(self) -> None:
        for name, allowed, holds in (
            ("train_batch_size", "at least 1", self.train_batch_size >= 1),
            ("predict_batch_size", "at least 1", self.predict_batch_size >= 1),
            ("learning_rate", "above 0", 0 < self.learning_rate < float("inf")),
            ("num_train_epochs", "above 0", 0 < self.num_train_epochs < float("inf")),
            ("save_checkpoints_steps", "0 or more", self.save_checkpoints_steps >= 0),
            ("warmup_proportion", "in [0, 1)", 0 <= self.warmup_proportion < 1),
            ("weight_decay", "0 or more", 0 <= self.weight_decay < float("inf")),
            ("optimizer", f"one of {', '.join(OPTIMIZERS)}", self.optimizer in OPTIMIZERS),
            ("precision", f"one of {', '.join(PRECISIONS)}", self.precision in PRECISIONS),
            ("backend", f"one of {', '.join(BACKENDS)}", self.backend in ("", *BACKENDS)),
            (
                "gradient_accumulation_steps",
                f"at least 1 and a divisor of train_batch_size {self.train_batch_size}",
                self.gradient_accumulation_steps >= 1
                and self.train_batch_size % self.gradient_accumulation_steps == 0,
            ),
            ("early_stopping_patience", "0 or more", self.early_stopping_patience >= 0),
            ("seed", "in [0, 2**32)", 0 <= self.seed < 2**32),
        ):
            if not holds:
                raise InputError(f"{name} must be {allowed}, got {getattr(self, name)!r}")
