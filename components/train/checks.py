"""What can be said of a training before it starts, without loading a deep learning library."""

from components.encoders.checkpoints.argument import BERT_PACKING, Encoder, find_encoder
from components.errors import InputError
from components.storage.credentials import recordable
from components.train.batches import step_count
from components.train.config import TrainConfig

MOST_SPARE_ROWS = 127
"""Word embeddings may have more rows than the vocabulary has entries: rounded up to a multiple of
128 for speed, or with room at the end (ERNIE 1.0: 18,000 rows)."""


def fitting_encoder(
    argument: str,
    family: str,
    vocab_size: int,
    max_seq_length: int,
    digest: str = "",
    packing: str = BERT_PACKING,
) -> Encoder:
    """Returns the encoder that a model argument names, fetched and checked.

    Args:
        argument: The model argument.
        family: The family it must be of; empty for any.
        vocab_size: Entries of the vocabulary that the tokens were made with; 0 = not yet known.
        max_seq_length: Longest row in tokens.
        digest: Digest of the checkpoint that the caller asked for; empty = as it is found.
        packing: How the rows are packed.

    Raises:
        InputError: There is no such encoder, it is of another family, has fewer positions than
            `max_seq_length`, another vocabulary or packing, or changed since the digest was taken.
    """
    encoder, named = find_encoder(argument, vocab_size or 1), recordable(argument)
    config = encoder.config
    if family and config.family != family:
        raise InputError(
            f"train-{family} trains encoders of the {family} family, {named!r} is of the "
            f"{config.family} family; choose another one, such as scratch:{family}-SIZE, or run "
            "the steps one by one: python -m components.train takes any family"
        )
    if packing != encoder.packing:
        raise InputError(
            f"the rows are packed as {packing} expects them, {named!r} expects "
            f"{encoder.packing}'s packing; tokenize with this encoder"
        )
    if 0 < config.max_position_embeddings < max_seq_length:
        raise InputError(
            f"max_seq_length is {max_seq_length}, but {named!r} has only "
            f"{config.max_position_embeddings} positions; tokenize with a smaller one"
        )
    if encoder.checkpoint and vocab_size:
        _check_vocabulary(named, config.vocab_size, vocab_size)
    if encoder.checkpoint and digest and (found := encoder.checkpoint.digest()) != digest:
        raise InputError(
            f"the checkpoint of {named!r} changed: its digest is {found}, expected {digest}; "
            "start the run again to use it as it is now"
        )
    return encoder


def _check_vocabulary(named: str, rows: int, entries: int) -> None:
    """Refuses a vocabulary that cannot be the checkpoint's: ids would mean other words."""
    if entries > rows or rows - entries > MOST_SPARE_ROWS:
        raise InputError(
            f"the vocabulary has {entries:,} entries, but the word embedding of {named!r} has "
            f"{rows:,} rows: it is another encoder's; tokenize with this encoder, or name its own "
            "vocabulary with vocab_file"
        )


def check_devices(config: TrainConfig, devices: int) -> None:
    """Refuses a batch whose parts cannot be divided evenly among the devices.

    Raises:
        InputError: `train_batch_size` is not a multiple of parts times devices.
    """
    parts = config.gradient_accumulation_steps
    if config.train_batch_size % (parts * devices):
        raise InputError(
            f"train_batch_size is {config.train_batch_size}, expected a multiple of {devices} "
            f"devices times {parts} gradient_accumulation_steps = {parts * devices}"
        )


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
