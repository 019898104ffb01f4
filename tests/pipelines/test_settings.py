"""What makes a run a leaderboard, and which lists are refused."""

from typing import Any

import pytest

from components.encoders.digest import split_digest, with_digest
from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.settings import (
    SCRATCH_TRAINING,
    RunConfig,
    Settings,
    check_lists,
    check_pipeline,
    scratch_training,
)

DIGEST = "0123456789abcdef" * 4


def settings(**run: Any) -> Settings:
    return Settings(
        task=TaskConfig(), tokenize=TokenizeConfig(), evaluate=EvaluateConfig(),
        train=TrainConfig(learning_rate=3e-5, seed=7), run=RunConfig(**run),
    )  # fmt: skip


def test_without_lists_it_is_albert_vs_bert() -> None:
    assert RunConfig().pipeline == "albert-vs-bert"


@pytest.mark.parametrize(
    ("lists", "found"),
    [
        pytest.param({"models": ("a", "b", "c")}, (("a", "b", "c"), (3e-5,), (7,)), id="models"),
        pytest.param({"learning_rates": (1e-5,)},
                     (("scratch:albert-tiny", "scratch:bert-tiny"), (1e-5,), (7,)), id="rates"),
        pytest.param({"seeds": (1, 2), "bert_encoder": "x"},
                     (("scratch:albert-tiny", "x"), (3e-5,), (1, 2)), id="seeds"),
    ],
)  # fmt: skip
def test_any_list_makes_a_leaderboard(lists: dict[str, Any], found: tuple[Any, ...]) -> None:
    chosen = settings(**lists)
    assert chosen.run.pipeline == "leaderboard"
    assert (chosen.run.encoders, chosen.learning_rates, chosen.seeds) == found


@pytest.mark.parametrize(
    ("run", "message"),
    [
        pytest.param({"seeds": (1, -2)}, r"seed must be in \[0, 2\*\*32\), got -2", id="seed"),
        pytest.param({"learning_rates": (0.0,)}, "learning_rate must be above 0, got 0.0",
                     id="rate"),
        pytest.param({"parallel": -1}, "parallel must be 0 .* or more, got -1", id="parallel"),
    ],
)  # fmt: skip
def test_what_one_training_would_refuse_is_refused_in_a_list(
    run: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        RunConfig(**run)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"models", "albert_encoder"}, "--models takes the place of --albert-encoder"),
        ({"models", "bert_encoder"}, "--models takes the place of --bert-encoder"),
        ({"learning_rates", "learning_rate"}, "--learning-rates takes the place of --learning-"),
        ({"seeds", "seed"}, "--seeds takes the place of --seed: give one of them"),
    ],
    ids=["albert", "bert", "rates", "seeds"],
)
def test_a_list_and_what_it_takes_the_place_of(given: set[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_lists(given)


def test_other_flags_go_with_lists() -> None:
    check_lists({"seeds", "learning_rate", "albert_encoder", "parallel"})


def test_an_unknown_pipeline_is_refused() -> None:
    with pytest.raises(InputError, match="pipeline is 'leader', expected albert-vs-bert or leade"):
        check_pipeline("leader")


def test_models_from_scratch_are_trained_as_they_need() -> None:
    scratch = RunConfig(models=("scratch:bert-tiny", "scratch:bert-small"))
    assert scratch_training(scratch, {"models"}) == SCRATCH_TRAINING
    assert scratch_training(scratch, {"learning_rates"}) == {"num_train_epochs": 16.0}
    assert scratch_training(RunConfig(models=("scratch:bert-tiny", "bert-base-chinese")), "") == {}


@pytest.mark.parametrize("argument", ["bert-base-chinese", "/my folder/model", "a sha256:b"])
def test_an_argument_carries_its_digest(argument: str) -> None:
    assert split_digest(with_digest(argument, DIGEST)) == (argument, DIGEST)
    assert split_digest(with_digest(argument, "")) == (argument, "")
