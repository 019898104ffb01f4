"""How many trainings run at once."""

import dataclasses

import pytest

from components.encoders.checkpoints.argument import find_encoder
from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from components.train.memory import GIB, free_bytes, memory_budget
from pipelines.capacity import cores, decided, room_for, training_bytes
from pipelines.settings import DOCKER, DockerConfig, RunConfig, Settings


def test_the_memory_of_a_training() -> None:
    """A vocabulary of 100 words of 128 is five, and the second copy of gradients, more."""
    encoder, config = find_encoder("scratch:bert-tiny", 1), TrainConfig(train_batch_size=2)
    without_words = training_bytes(encoder, config, 10, 0)
    budget = memory_budget(dataclasses.replace(encoder.config, vocab_size=0), config, 10)
    assert without_words == GIB + budget.total + budget.weights
    with_words = training_bytes(encoder, config, 10, 100)
    assert with_words - without_words == 6 * 4 * 100 * 128


@pytest.mark.parametrize(
    ("case", "at_once", "sentence"),
    [
        pytest.param({}, 4, "9 runs, 4 at once (4 cores, 40.0 GiB of memory free, about 2.0 GiB "
                     "for the largest)", id="cores"),
        pytest.param({"free": 5 * GIB}, 2, "9 runs, 2 at once (4 cores, 5.0 GiB", id="memory"),
        pytest.param({"free": GIB}, 1, "9 runs, 1 at once", id="too-little-memory"),
        pytest.param({"runs": 3}, 3, "3 runs, 3 at once", id="few-runs"),
        pytest.param({"on_gpu": True}, 1, "9 runs, 1 at once (they share the GPU; --parallel N",
                     id="gpu"),
        pytest.param({"on_gpu": True, "parallel": 6, "free": 0}, 6,
                     "9 runs, 6 at once (as --parallel says)", id="as-told"),
    ],
)  # fmt: skip
def test_the_decision(case: dict[str, int], at_once: int, sentence: str) -> None:
    usual = {"parallel": 0, "runs": 9, "cores": 4, "free": 40 * GIB, "largest": 2 * GIB,
             "on_gpu": False}  # fmt: skip
    room = decided(**(usual | case))  # type: ignore[arg-type]
    assert room.at_once == at_once
    assert room.sentence.startswith(sentence)


def test_this_machine_has_room_for_one() -> None:
    assert cores() >= 1
    assert 0 < free_bytes() < 2**50


def test_gpus_of_containers_are_shared() -> None:
    settings = Settings(
        task=TaskConfig(), tokenize=TokenizeConfig(), train=TrainConfig(),
        evaluate=EvaluateConfig(), run=RunConfig(runner=DOCKER, seeds=(1, 2)),
        docker=DockerConfig(gpus=1),
    )  # fmt: skip
    room = room_for(settings, [find_encoder("scratch:bert-tiny", 1)], 4)
    assert room.at_once == 1
