"""What a comparison is made of, and what encoders from scratch are trained with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.encoders.sizes import PREFIX
from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig

SCRATCH_TRAINING = {"learning_rate": 5e-4, "num_train_epochs": 16.0}
"""What `bakeoff run` trains encoders from scratch with, unless told otherwise.

The recipe's own values fine-tune a pre-trained encoder; one from scratch learns nothing with them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What is compared, and where the work is kept.

    Attributes:
        albert_encoder: Encoder of the ALBERT family: a name of `bakeoff models`, a checkpoint's
            folder or archive (also at https://, gs://, s3://), hf:ORG/NAME or
            `scratch:albert-SIZE`.
        bert_encoder: Encoder of the BERT family, named likewise.
        output: Folder for the report, the steps' artifacts and their cache.
        cache: Reuse the steps whose data, code and parameters did not change.
    """

    albert_encoder: str = "scratch:albert-tiny"
    bert_encoder: str = "scratch:bert-tiny"
    output: Path = Path("runs")
    cache: bool = True

    @property
    def encoders(self) -> dict[str, str]:
        """Returns the model argument of each family."""
        return {"albert": self.albert_encoder, "bert": self.bert_encoder}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run is made of."""

    task: TaskConfig
    tokenize: TokenizeConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    run: RunConfig


def scratch_training(run: RunConfig, given: set[str]) -> dict[str, Any]:
    """Returns the training values that encoders from scratch want and the user did not give.

    None where only one is from scratch: both are trained alike, and such values ruin a pre-trained
    encoder.
    """
    if not all(encoder.startswith(PREFIX) for encoder in run.encoders.values()):
        return {}
    return {name: value for name, value in SCRATCH_TRAINING.items() if name not in given}
