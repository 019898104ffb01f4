"""Batches of rows that are predicted: how large they are, and what is said where memory lacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from components.errors import EnvironmentTrouble

PREDICT_BATCH_SIZE = 64
"""Rows a forward pass takes.

On a processor TensorFlow takes 0.59 of the time of batches of 16 for BERT-tiny, 0.90 for BERT-small
and 0.99 for BERT-base; 128 rows are no faster. Sorted by length, 12,500 rows of LCQMC's lengths
have 0.5% padding in such batches.
"""

CLASSES = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
"""The errors of Python, NumPy and Arrow, of TensorFlow, and of PyTorch on a GPU."""
TEXTS = ("RESOURCE_EXHAUSTED", "can't allocate memory")
"""What the errors of JAX, and of PyTorch on a processor, say."""


def is_out_of_memory(error: Exception) -> bool:
    """Tells whether an error says that memory did not suffice."""
    classes = {one.__name__ for one in type(error).__mro__}
    return bool(classes & CLASSES) or any(text in str(error) for text in TEXTS)


@contextmanager
def memory_for(predict_batch_size: int) -> Iterator[None]:
    """Says what to do where memory does not suffice to predict meanwhile.

    Raises:
        EnvironmentTrouble: It did not.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        smaller = "set a smaller predict_batch_size, or " if predict_batch_size > 1 else ""
        raise EnvironmentTrouble(
            "memory did not suffice for the model and batches of predict_batch_size "
            f"{predict_batch_size}: {smaller}run it where there is more"
        ) from None
