"""Checkpoints of encoders with other numbers of layers than the named sizes have, in a process.

`python -m benchmarks.speed.checkpoint ENCODER FOLDER LAYERS…` writes random weights: FOLDER/LAYERS.
"""

import dataclasses
import sys
from pathlib import Path

from benchmarks.speed.rows import LABELS, VOCAB_SIZE
from components.encoders.config import EncoderConfig
from components.encoders.quiet import import_keras_quietly
from components.encoders.sizes import scratch_config


def with_layers(config: EncoderConfig, layers: int) -> EncoderConfig:
    """Returns the architecture with as many layers, shared or not as before."""
    shared = config.num_hidden_groups == 1
    groups = 1 if shared else layers
    return dataclasses.replace(config, num_hidden_layers=layers, num_hidden_groups=groups)


def write(config: EncoderConfig, folder: Path) -> None:
    """Writes random weights as transformers would."""
    from components.encoders.build import build_encoder
    from components.encoders.checkpoints.write import write_hugging_face
    from components.encoders.weights import weights_of

    folder.mkdir(parents=True)
    write_hugging_face(folder, config, weights_of(build_encoder(config)), LABELS)


if __name__ == "__main__":
    import_keras_quietly()
    for count in sys.argv[3:]:
        usual = scratch_config(sys.argv[1], VOCAB_SIZE)
        write(with_layers(usual, int(count)), Path(sys.argv[2]) / count)
