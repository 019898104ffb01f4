"""What several tests need: a small data set, its tokens, commands in a process of their own."""

import csv
import dataclasses
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest

from components.artifacts.checkpoint import History
from components.artifacts.facts import TrainingFacts
from components.artifacts.model import new_model_folder, write_model
from components.artifacts.tokens import read_tokens
from components.encoders.config import EncoderConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize

WORDS = ["red", "green", "blue", "warm", "cold", "small", "large", "round", "flat", "old"]
ROWS = {"train": 96, "dev": 32, "test": 24}

Command = Callable[..., "subprocess.CompletedProcess[str]"]

# The same examples in every run, and no limit of time on a machine that may be busy.
hypothesis.settings.register_profile(
    "same", derandomize=True, deadline=None, database=None, max_examples=60
)
hypothesis.settings.load_profile("same")


NOTHING_YET = History(
    step=0, curve=(), dev_curve=(), since_mark=(), best=None, measured_since_best=0, real_tokens=0,
    computed_tokens=0, seconds=0.0, train_seconds=0.0, dev_seconds=0.0, warm_up_steps=0,
    warm_up_seconds=0.0, resumed_at=(),
)  # fmt: skip
"""Of a training that was not begun."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the tests that run whole pipelines: at the end they leave a worker idle."""
    items.sort(key=lambda item: item.path.name not in ("test_commands.py", "test_side_by_side.py"))


def write_rows(folder: Path, seed: int = 0) -> Path:
    """Writes train, dev and test .csv: the label says whether `yes` occurs in the first text."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = random.Random(seed)
    for split, count in ROWS.items():
        with (folder / f"{split}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["question", "other", "label"])
            for number in range(count):
                words = generator.choices(WORDS, k=generator.randint(2, 12))
                label = number % 2
                words.insert(generator.randrange(len(words)), "yes" if label else "no")
                other = " ".join(generator.choices(WORDS, k=3))
                writer.writerow([" ".join(words), other, "positive" if label else "negative"])
    return folder


@pytest.fixture
def precision(request: pytest.FixtureRequest) -> Iterator[None]:
    """Builds models at the dtype policy that the test is parametrized with, indirectly."""
    import keras  # here, as most tests do without

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield
    keras.config.set_dtype_policy(before)


@pytest.fixture(scope="session")
def write_data() -> Callable[..., Path]:
    """Gives `write_rows`, which other test files cannot import."""
    return write_rows


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def task(data_folder: Path) -> TaskConfig:
    return TaskConfig(
        task="table", task_name="colours", data=str(data_folder),
        text_a_column="question", text_b_column="other",
    )  # fmt: skip


@pytest.fixture(scope="session")
def tokens_folder(task: TaskConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    tokenize(task, TokenizeConfig(vocab_size=200, max_seq_length=32), path)
    return path


# Small ones of every architecture; bert's positions end where the tokens folder's rows do.
SIZES: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": {"family": "bert", "embedding_size": 16, "embedding_projection": "none",
             "num_hidden_groups": 2},
    "albert": {"family": "albert", "embedding_size": 8, "embedding_projection": "after_norm",
               "num_hidden_groups": 1, "inner_group_num": 2},
    "albert-not-factorised": {"family": "albert", "embedding_size": 16,
                              "embedding_projection": "none", "num_hidden_groups": 1},
    "albert_zh": {"family": "albert", "embedding_size": 8, "embedding_projection": "before_sum",
                  "num_hidden_groups": 1},
    "albert_zh-pre-LN": {"family": "albert", "embedding_size": 8, "num_hidden_groups": 1,
                         "embedding_projection": "before_sum", "normalize_first": True},
    "xlnet": {"family": "xlnet", "embedding_size": 16, "embedding_projection": "none",
              "num_hidden_groups": 2, "position_embeddings": "relative"},
}  # fmt: skip


def untrained_facts(config: EncoderConfig, **changes: Any) -> TrainingFacts:
    """Returns the facts of a model that nothing trained."""
    facts: dict[str, Any] = {
        "family": config.family, "encoder": "random", "restored": None,
        "encoder_config": dataclasses.asdict(config), "labels": ("negative", "positive"),
        "pair": True, "packing": "bert", "max_seq_length": 32, "parameters": 0, "config": {},
        "backend": "tensorflow", "train_examples": 0, "planned_steps": 0, "global_step": 0,
        "best_step": 0, "stop_reason": "", "diverged": False, "curve": (), "dev_curve": (),
        "seconds": 0.0, "train_seconds": 0.0, "dev_seconds": 0.0, "examples_per_second": 0.0,
        "steady_examples_per_second": 0.0,
        "real_tokens": 0, "computed_tokens": 0, "resumed_at": (), "peak_memory_bytes": 0,
        "accelerators": 0,
        "peak_accelerator_memory_bytes": None, "versions": {}, "hardware": {},
    }  # fmt: skip
    return TrainingFacts(**(facts | changes))


@pytest.fixture(scope="session")
def random_model(
    tokens_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Gives a function that writes a model folder of an architecture, with large random weights."""
    # Imported here: few tests need a deep learning library.
    from components.encoders.build import build_classifier
    from components.encoders.weights import weights_of

    def written(architecture: str, hidden_act: str = "gelu_new", **changes: Any) -> Path:
        tokens = read_tokens(tokens_folder)
        sizes = SIZES | {"vocab_size": tokens.facts.vocab_size, "hidden_act": hidden_act}
        config = EncoderConfig(**(sizes | ARCHITECTURES[architecture]))
        facts = untrained_facts(config, **changes)
        generator = np.random.default_rng(0)
        weights = {
            path: (value + generator.normal(0, 0.3, value.shape)).astype("float32")
            for path, value in weights_of(build_classifier(config, len(facts.labels))).items()
        }
        path = tmp_path_factory.mktemp(architecture) / "model"
        with new_model_folder(path) as folder:
            write_model(folder, weights, facts, tokens)
        return path

    return written


@pytest.fixture
def run_module() -> Command:
    """Runs `python -m MODULE ARGUMENTS…` and returns what it printed and its exit code."""

    def run(module: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
