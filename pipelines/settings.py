"""What a comparison is made of, and what encoders from scratch are trained with."""

import re
from collections.abc import Container
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.encoders.sizes import PREFIX
from components.errors import InputError, did_you_mean
from components.evaluate.config import EvaluateConfig
from components.image import IMAGE, check_image
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig

KUBERNETES, VERTEX, LOCAL = PLATFORMS = ("kubernetes", "vertex", "local")
SUBPROCESS, DOCKER = RUNNERS = ("subprocess", "docker")
ALBERT_VS_BERT, LEADERBOARD = PIPELINES = ("albert-vs-bert", "leaderboard")
LISTS = {
    "models": ("albert_encoder", "bert_encoder"),
    "learning_rates": ("learning_rate",),
    "seeds": ("seed",),
}
"""The lists of a leaderboard, and the flags that each takes the place of."""

QUANTITY = re.compile(r"[1-9][0-9]*([KMGT]i?|k)?")
"""A size as Kubernetes writes them, in whole numbers."""

SCRATCH_TRAINING = {"learning_rate": 3e-4, "num_train_epochs": 16.0}
"""What `bakeoff run` trains encoders from scratch with, unless told otherwise.

The recipe's own values fine-tune a pre-trained encoder; one from scratch learns nothing with them.
"""


def check_pipeline(name: str) -> None:
    """Refuses a pipeline that there is not.

    Raises:
        InputError: There is none of that name.
    """
    if name not in PIPELINES:
        raise InputError(
            f"pipeline is {name!r}, expected {' or '.join(PIPELINES)}"
            f"{did_you_mean(name, PIPELINES)}"
        )


def check_parallel(parallel: int) -> None:
    """Refuses a number of trainings at once that is none.

    Raises:
        InputError: It is negative.
    """
    if parallel < 0:
        raise InputError(
            f"parallel must be 0 (as many as there is room for) or more, got {parallel}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What is compared, and where the work is kept.

    Attributes:
        albert_encoder: Encoder of the ALBERT family: a name of `bakeoff models`, a checkpoint's
            folder or archive (also at https://, gs://, s3://), hf:ORG/NAME or
            `scratch:albert-SIZE`.
        bert_encoder: Encoder of the BERT family, named likewise.
        models: A leaderboard: any number of encoders of any family, named likewise, with a comma
            between them; in place of albert_encoder and bert_encoder.
        learning_rates: A leaderboard: learning rates to train every model with; the one that does
            best on dev counts.
        seeds: A leaderboard: seeds to train every model with.
        parallel: Trainings of a leaderboard at once; 0 = as many as there is room for.
        output: Folder for the report, the steps' artifacts and their cache.
        cache: Reuse the steps whose data, code and parameters did not change.
        runner: How the steps run: `subprocess`, with the packages installed here, or `docker`, in
            the image.
    """

    albert_encoder: str = "scratch:albert-tiny"
    bert_encoder: str = "scratch:bert-tiny"
    models: tuple[str, ...] = ()
    learning_rates: tuple[float, ...] = ()
    seeds: tuple[int, ...] = ()
    parallel: int = 0
    output: Path = Path("runs")
    cache: bool = True
    runner: str = SUBPROCESS

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise InputError(
                f"runner is {self.runner!r}, expected {' or '.join(RUNNERS)}"
                f"{did_you_mean(self.runner, RUNNERS)}"
            )
        check_parallel(self.parallel)
        for learning_rate in self.learning_rates:
            TrainConfig(learning_rate=learning_rate)  # refuses what one training would
        for seed in self.seeds:
            TrainConfig(seed=seed)

    @property
    def pipeline(self) -> str:
        """Returns the pipeline that does it: the leaderboard where a list is given."""
        return LEADERBOARD if any(getattr(self, name) for name in LISTS) else ALBERT_VS_BERT

    @property
    def family_encoders(self) -> dict[str, str]:
        """Returns the model argument of each family that `albert-vs-bert` compares."""
        return {"albert": self.albert_encoder, "bert": self.bert_encoder}

    @property
    def encoders(self) -> tuple[str, ...]:
        """Returns the model argument of every model that is compared."""
        return self.models or tuple(self.family_encoders.values())


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

    def __post_init__(self) -> None:
        check_image("image", self.image)
        if self.gpus < -1:
            raise InputError(f"gpus must be -1 (all), 0 or more, got {self.gpus}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileConfig:
    """What is settled when a pipeline is compiled, and no longer when it runs.

    Attributes:
        platform: What runs it: `kubernetes`, or `vertex` for Vertex AI, which reads no settings of
            Kubernetes.
        shm_size: Size of /dev/shm of the train tasks, as Kubernetes writes sizes; Kubeflow takes
            no parameter for it.
        parallel: Trainings of `leaderboard` at once, of one model after the other; 0 = all that the
            cluster has room for.
    """

    platform: str = KUBERNETES
    shm_size: str = "2Gi"
    parallel: int = 0

    def __post_init__(self) -> None:
        if self.platform not in PLATFORMS:
            raise InputError(f"platform is {self.platform!r}, expected {KUBERNETES} or {VERTEX}")
        if not QUANTITY.fullmatch(self.shm_size):
            raise InputError(f"shm_size is {self.shm_size!r}, expected a size such as 512Mi or 2Gi")
        check_parallel(self.parallel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a run is made of."""

    task: TaskConfig
    tokenize: TokenizeConfig
    train: TrainConfig
    evaluate: EvaluateConfig
    run: RunConfig
    docker: DockerConfig = field(default_factory=DockerConfig)

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """Returns every learning rate that is tried."""
        return self.run.learning_rates or (self.train.learning_rate,)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Returns every seed that is trained with."""
        return self.run.seeds or (self.train.seed,)


def check_lists(given: Container[str]) -> None:
    """Refuses a list and what it takes the place of at once; `given` are the user's flags.

    Raises:
        InputError: Both are given.
    """
    for name, single in LISTS.items():
        for other in single:
            if name in given and other in given:
                raise InputError(
                    f"--{name.replace('_', '-')} takes the place of --{other.replace('_', '-')}: "
                    "give one of them"
                )


def scratch_training(run: RunConfig, given: Container[str]) -> dict[str, Any]:
    """Returns the training values that encoders from scratch want and the user did not give.

    None where only some are from scratch: all are trained alike, and such values ruin a pre-trained
    encoder.
    """
    if not all(encoder.startswith(PREFIX) for encoder in run.encoders):
        return {}
    if "learning_rates" in given:
        given = {"learning_rate"} | {name for name in SCRATCH_TRAINING if name in given}
    return {name: value for name, value in SCRATCH_TRAINING.items() if name not in given}


def trained_as_needed(run: RunConfig, train: TrainConfig, given: Container[str]) -> TrainConfig:
    """Returns how encoders are trained, and says what those from scratch get."""
    chosen = scratch_training(run, given)
    if chosen:
        values = ", ".join(f"{name} {value:g}" for name, value in chosen.items())
        print(f"encoders from scratch: {values}")
    return replace(train, **chosen)
