"""What a comparison is made of, and what the built-in sample is trained with."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig

SAMPLE_TRAINING = {"learning_rate": 5e-4, "num_train_epochs": 16.0}
"""What `bakeoff run` trains the built-in sample with unless told otherwise.

The recipe's own values fine-tune a pre-trained encoder; one from scratch learns nothing with them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What is compared, and where the work is kept.

    Attributes:
        albert_encoder: Encoder of the ALBERT family: `scratch:albert-SIZE`.
        bert_encoder: Encoder of the BERT family: `scratch:bert-SIZE`.
        output: Folder for the report, the steps' artifacts and their cache.
        cache: Reuse the steps whose data, code and parameters did not change.
    """

    albert_encoder: str = "scratch:albert-tiny"
    bert_encoder: str = "scratch:bert-tiny"
    output: Path = Path("runs")
    cache: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run is made of."""

    task: TaskConfig
    tokenize: TokenizeConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    run: RunConfig


def with_sample_training(train: TrainConfig, task: TaskConfig, given: set[str]) -> TrainConfig:
    """Returns the config with `SAMPLE_TRAINING` for the sample, where the user gave no value."""
    if task.task != "sample":
        return train
    chosen: dict[str, Any] = {
        name: value for name, value in SAMPLE_TRAINING.items() if name not in given
    }
    return dataclasses.replace(train, **chosen)
