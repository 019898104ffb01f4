"""What the Kubeflow component of tokenize does: artifacts in, artifacts out.

Apart from `component.py`, because the kfp that runs inside a container cannot define components.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.encoders.checkpoints.argument import tokenizer_of
from components.encoders.digest import split_digest
from components.errors import exit_on_input_error
from components.flags import config_from
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig


def run(given: Mapping[str, Any]) -> None:
    """Does the work with what Kubeflow gave the component."""
    from components.tokenize.step import tokenize as work

    tokens = given["tokens"]
    with exit_on_input_error():
        encoder, _ = split_digest(given["encoder"])
        checkpoint, packing = tokenizer_of(encoder)
        facts = work(
            config_from(TaskConfig, given),
            config_from(TokenizeConfig, given),
            Path(tokens.path),
            checkpoint=checkpoint,
            packing=packing,
            named=encoder,
            data_digest=given["data_digest"],
            vocab_digest=given["vocab_digest"],
        )
    tokens.metadata["data_digest"] = facts.data.digest
    tokens.metadata["vocab_size"] = facts.vocab_size
