"""Every parameter of every step and of `bakeoff` that has a config behind it.

Negative, zero, not a number, huge, of a wrong type, misspelt.
"""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from components.evaluate.config import EvaluateConfig
from components.image import Images
from components.predict.config import PredictConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import CheckpointConfig, TrainConfig
from pipelines.settings import CompileConfig, DockerConfig, RunConfig
from pipelines.submit import SubmitConfig

OF_STEPS = (TaskConfig, TokenizeConfig, TrainConfig, EvaluateConfig)
CONFIGS = {
    "tokenize": (TaskConfig, TokenizeConfig),
    "train": (TrainConfig, CheckpointConfig),
    "evaluate": (EvaluateConfig,),
    "predict": (PredictConfig,),
    "bakeoff run": (RunConfig, *OF_STEPS, DockerConfig),
    "bakeoff compile": (Images, CompileConfig),
    "bakeoff submit": (SubmitConfig, Images, CompileConfig, RunConfig, *OF_STEPS),
}
# Places, names of columns, free names: any text will do, and files are looked for later.
FREE = {
    "data", "train_data", "dev_data", "test_data", "vocab_file", "checkpoint_uri", "text_a_column",
    "text_b_column", "label_column", "albert_encoder", "bert_encoder",
    "docker_network", "endpoint", "namespace", "experiment", "run_name",
    "pipeline_root", "service_account",
}  # fmt: skip

NUMBERS: dict[type, tuple[str, ...]] = {
    int: ("-1", "0", "1.5", "nan", "inf", "1e3", "", "many", "9" * 30, "0x10", "１２"),
    float: ("-1", "0", "nan", "inf", "-inf", "", "many", "1e400", "0,1"),
}
FINE = {
    # What is none of these must be refused. Python reads digits of any script, as in １２.
    "train_samples": {"0", "9" * 30, "１２"}, "data_seed": {"0", "１２"}, "vocab_size": {"9" * 30},
    "max_seq_length": {"9" * 30, "１２"}, "max_unknown_share": {"0"},
    "train_batch_size": {"9" * 30, "１２"}, "eval_batch_size": {"9" * 30, "１２"},
    "predict_batch_size": {"9" * 30, "１２"}, "save_checkpoints_steps": {"0", "9" * 30, "１２"},
    "warmup_proportion": {"0"}, "weight_decay": {"0"}, "learning_rate": set(),
    "num_train_epochs": set(), "gradient_accumulation_steps": set(),
    "task_name": {"no-such-value"}, "early_stopping_patience": {"0", "9" * 30, "１２"},
    "seed": {"0", "１２"}, "parallel": {"0", "9" * 30, "１２"},
    "gpus": {"-1", "0", "9" * 30, "１２"},
    "poll_seconds": set(), "timeout_minutes": {"0"},
    "pipeline": {"no-such-value", "x" * 500},
    "image": {"no-such-value", "x" * 500}, "train_image": {"no-such-value", "x" * 500},
}  # fmt: skip


def fields() -> list[tuple[str, str, type]]:
    """Returns each flag once, though configs share some."""
    return [
        (step, name, hint)
        for step, configs in CONFIGS.items()
        for name, hint in {n: h for c in configs for n, h in get_type_hints(c).items()}.items()
    ]


def cases() -> list[Any]:
    bad = []
    for step, name, kind in fields():
        values = NUMBERS.get(kind, ())
        if kind is str and name not in FREE:
            values = ("no-such-value", "\u202e", "a b", "x" * 500)
        bad += [
            pytest.param(step, name, value, id=f"{step}-{name}-{value[:9].encode().hex()}")
            for value in values
            if value not in FINE.get(name, set())
        ]
    return bad


def needed(step: str, folder: Path) -> list[object]:
    """Returns the flags that a step must have; what they name does not exist."""
    flags: dict[str, list[object]] = {
        "tokenize": ["--tokens", folder / "out" / "tokens"],
        "train": ["--tokens", folder / "none", "--model", folder / "out" / "model", "--encoder",
                  "scratch:bert-tiny"],
        "evaluate": ["--tokens", folder / "none", "--model", folder / "none", "--evaluation",
                     folder / "out" / "evaluation"],
        "predict": [folder / "none", folder / "none.csv", "--output",
                    folder / "out" / "predictions.csv"],
        "bakeoff run": ["--output", folder / "out" / "runs"],
        "bakeoff compile": ["--output", folder / "out" / "pipeline.yaml"],
        "bakeoff submit": ["--endpoint", "http://127.0.0.1:1", "--image", "registry/python:1",
                           "--train-image", "registry/python:2"],
    }  # fmt: skip
    return flags[step]


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@pytest.mark.parametrize(("step", "name", "value"), cases())
def test_a_bad_value_is_refused_by_its_name(
    refused: Callable[..., str], tmp_path: Path, step: str, name: str, value: str
) -> None:
    message = refused(step, *needed(step, tmp_path), f"{flag(name)}={value}")
    assert name in message or flag(name) in message or (name == "task" and "task" in message)


@pytest.mark.parametrize(("step", "name", "kind"), fields())
def test_a_misspelt_name_is_told_the_right_one(
    refused: Callable[..., str], tmp_path: Path, step: str, name: str, kind: type
) -> None:
    misspelt = f"{flag(name)}x"
    message = refused(step, *needed(step, tmp_path), f"{misspelt}=1")
    assert f"No such option: {misspelt}" in message
    assert re.search(rf"(Did you mean|Possible options:).*{flag(name)}\b", message)


def test_every_number_is_tried() -> None:
    numbers = {name for _, name, kind in fields() if kind in NUMBERS}
    assert numbers | {"task_name", "pipeline", "image", "train_image"} == FINE.keys()


def test_fields_that_must_fit_each_other(refused: Callable[..., str], tmp_path: Path) -> None:
    message = refused(
        "train", *needed("train", tmp_path), "--train-batch-size", 16,
        "--gradient-accumulation-steps", 3,
    )  # fmt: skip
    assert "gradient_accumulation_steps must be at least 1 and a divisor of" in message
    message = refused("tokenize", *needed("tokenize", tmp_path), "--data", tmp_path)
    assert "the sample is built in and takes no data" in message


def test_defaults_are_good() -> None:
    for configs in CONFIGS.values():
        for config in configs:
            dataclasses.asdict(config())
