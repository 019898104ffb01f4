"""Which training a checkpoint is of, and where it therefore lies."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from components.artifacts.facts import TokensFacts
from components.encoders.checkpoints.argument import Encoder
from components.own_code import files_digest
from components.train.config import TrainConfig

DIGITS = 16  # of a training's name


def training_identity(
    encoder: Encoder, config: TrainConfig, rows: str, tokens: TokensFacts
) -> dict[str, Any]:
    """Returns everything that decides of a training's result, by names that a user knows.

    A checkpoint to start from counts by its digest: it may be named in many ways, and an address
    may hold a signature.

    Args:
        encoder: What is trained.
        config: How, with the backend that computes.
        rows: Digest of the rows.
        tokens: Facts of their tokens folder.
    """
    identity = {
        "code": files_digest()[:DIGITS],
        "encoder": "" if encoder.checkpoint else encoder.argument,
        "encoder_digest": encoder.checkpoint.digest() if encoder.checkpoint else "",
        "encoder_config": asdict(encoder.config),
        "rows_digest": rows,
        "labels": tokens.data.labels,
        "tokenize": tokens.config,
        **asdict(config),
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))  # as it comes back from a file
    return plain


def name_of(identity: Mapping[str, Any]) -> str:
    """Returns the name of a training: hexadecimal digits that depend on its identity alone."""
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointPlace:
    """Where a step is to keep the checkpoints of its training.

    Attributes:
        uri: Folder or address.
        usual: Whether nobody named it: where it cannot be written, the training is not saved.
        shared: Whether each training has a folder of its own in it, named by what it is.
        writable: Whether this process writes them: of several nodes one does.
        passing: Whether they go when the model is written.
    """

    uri: str
    usual: bool = False
    shared: bool = False
    writable: bool = True
    passing: bool = False

    def of(self, identity: Mapping[str, Any]) -> str:
        """Returns the folder or address of one training."""
        return f"{self.uri.rstrip('/')}/{name_of(identity)}" if self.shared else self.uri
