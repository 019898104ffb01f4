"""What a comparison is made of, and what encoders from scratch are trained with."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.encoders.sizes import PREFIX
from components.errors import InputError, did_you_mean
from components.evaluate.config import EvaluateConfig
from components.image import IMAGE
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig

KUBERNETES, VERTEX, LOCAL = PLATFORMS = ("kubernetes", "vertex", "local")
SUBPROCESS, DOCKER = RUNNERS = ("subprocess", "docker")

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
        runner: How the steps run: `subprocess`, with the packages installed here, or `docker`, in
            the image.
    """

    albert_encoder: str = "scratch:albert-tiny"
    bert_encoder: str = "scratch:bert-tiny"
    output: Path = Path("runs")
    cache: bool = True
    runner: str = SUBPROCESS

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise InputError(
                f"runner is {self.runner!r}, expected {' or '.join(RUNNERS)}"
                f"{did_you_mean(self.runner, RUNNERS)}"
            )

    @property
    def encoders(self) -> dict[str, str]:
        """Returns the model argument of each family."""
        return {"albert": self.albert_encoder, "bert": self.bert_encoder}


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerConfig:
    """What the containers of `--runner docker` are.

    Attributes:
        image: Image of every step.
        gpus: NVIDIA GPUs that the steps get; -1 for all.
        docker_network: Docker's network of the steps; `host` reaches servers of this machine.
    """

    image: str = IMAGE
    gpus: int = 0
    docker_network: str = "bridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileConfig:
    """What is settled when a pipeline is compiled, and no longer when it runs.

    Attributes:
        platform: What runs it: `kubernetes`, or `vertex` for Vertex AI, which reads no settings of
            Kubernetes.
        shm_size: Size of /dev/shm of the train tasks, as Kubernetes writes sizes; Kubeflow takes
            no parameter for it.
    """

    platform: str = KUBERNETES
    shm_size: str = "2Gi"

    def __post_init__(self) -> None:
        if self.platform not in PLATFORMS:
            raise InputError(f"platform is {self.platform!r}, expected {KUBERNETES} or {VERTEX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run is made of."""

    task: TaskConfig
    tokenize: TokenizeConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    run: RunConfig
    docker: DockerConfig = field(default_factory=DockerConfig)


def scratch_training(run: RunConfig, given: set[str]) -> dict[str, Any]:
    """Returns the training values that encoders from scratch want and the user did not give.

    None where only one is from scratch: both are trained alike, and such values ruin a pre-trained
    encoder.
    """
    if not all(encoder.startswith(PREFIX) for encoder in run.encoders.values()):
        return {}
    return {name: value for name, value in SCRATCH_TRAINING.items() if name not in given}
