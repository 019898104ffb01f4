"""What can be said of a training before it starts, without loading a deep learning library."""

from components.encoders.config import EncoderConfig
from components.encoders.sizes import scratch_config
from components.errors import InputError
from components.train.batches import step_count
from components.train.config import TrainConfig


def fitting_encoder(
    encoder: str, family: str, vocab_size: int, max_seq_length: int
) -> EncoderConfig:
    """Returns the architecture that a model argument names; an empty `family` allows any.

    Raises:
        InputError: There is no such encoder, it is of another family, or has fewer positions than
            `max_seq_length`.
    """
    config = scratch_config(encoder, vocab_size)
    if family and config.family != family:
        raise InputError(
            f"train-{family} trains encoders of the {family} family, {encoder!r} is of the "
            f"{config.family} family; choose scratch:{family}-SIZE"
        )
    if max_seq_length > config.max_position_embeddings:
        raise InputError(
            f"max_seq_length is {max_seq_length}, but {encoder!r} has only "
            f"{config.max_position_embeddings} positions; tokenize with a smaller one"
        )
    return config


def planned_steps(examples: int, config: TrainConfig) -> int:
    """Returns the optimizer steps of a training on this many rows.

    Raises:
        InputError: There would be none.
    """
    steps = step_count(examples, config.train_batch_size, config.num_train_epochs)
    if steps == 0:
        raise InputError(
            f"{examples} rows in batches of {config.train_batch_size} for "
            f"{config.num_train_epochs} epochs make no optimizer step; lower train_batch_size or "
            "raise num_train_epochs"
        )
    return steps
