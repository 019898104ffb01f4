"""Memory that does not suffice to predict rows, in processes that may have little."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pyarrow as pa
import pytest

from components.encoders.predict_batch import is_out_of_memory
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize
from components.train.config import TrainConfig
from components.train.step import train

ROWS = 6000  # of 128 tokens; in one batch bert-tiny wants more than 5 GiB for them
SPARE_BYTES = 3 << 30

# What the libraries map is not counted: it differs from machine to machine.
IN_LITTLE_MEMORY = f"""
import importlib, resource, runpy, sys
from components.encoders.quiet import import_keras_quietly
import_keras_quietly()
step = sys.argv[1]
importlib.import_module(f"components.{{step}}.step")
with open("/proc/self/status") as status:
    mapped = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, (mapped + {SPARE_BYTES}, mapped + {SPARE_BYTES}))
sys.argv = sys.argv[1:]
runpy.run_module(f"components.{{step}}", run_name="__main__", alter_sys=True)
"""


class Inputs(NamedTuple):
    """A model, many long rows of its vocabulary, and their tokens."""

    model: Path
    rows: Path
    tokens: Path


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("memory")
    for name, count in (("few", 8), ("many", ROWS)):
        (folder / name).mkdir()
        for split, rows in (("train", 64), ("dev", count)):
            lines = (f"{'word ' * 130}{n},{n % 2}\n" for n in range(rows))
            (folder / name / f"{split}.csv").write_text("text_a,label\n" + "".join(lines))
        vocab = folder / "few-tokens" / "vocab.txt"
        config = TokenizeConfig(
            vocab_size=100, vocab_file=str(vocab) if vocab.exists() else "", max_unknown_share=1.0
        )
        tokenize(
            TaskConfig(task="table", data=str(folder / name)), config, folder / f"{name}-tokens"
        )
    config_of_train = TrainConfig(num_train_epochs=0.3)
    train(folder / "few-tokens", folder / "model", "scratch:bert-tiny", config_of_train)
    return Inputs(folder / "model", folder / "many" / "dev.csv", folder / "many-tokens")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("step", ["train", "evaluate", "predict"])
def test_missing_memory_names_what_to_lower(inputs: Inputs, tmp_path: Path, step: str) -> None:
    arguments = {
        "train": ["--tokens", inputs.tokens, "--model", tmp_path / "model", "--encoder",
                  "scratch:bert-tiny", "--num-train-epochs", 0.3],
        "evaluate": ["--tokens", inputs.tokens, "--model", inputs.model, "--evaluation",
                     tmp_path / "evaluation"],
        "predict": [inputs.model, inputs.rows, "--output", tmp_path / "predictions.csv"],
    }[step]  # fmt: skip
    command = [sys.executable, "-c", IN_LITTLE_MEMORY, step, *map(str, arguments)]
    limited = subprocess.run(
        [*command, "--predict-batch-size", str(ROWS)], capture_output=True, text=True, timeout=300,
        env=os.environ | {"KERAS_BACKEND": keras.backend.backend()},
    )  # fmt: skip
    assert limited.returncode == 3, limited.stderr[-2000:]
    assert limited.stderr.splitlines()[-1] == (
        "environment error: memory did not suffice for the model and batches of predict_batch_size "
        f"{ROWS}: set a smaller predict_batch_size, or run it where there is more"
    )
    assert "Traceback" not in limited.stderr
    left = ["model.checkpoints"] if step == "train" else []  # where nothing was saved yet
    assert [path.name for path in tmp_path.rglob("*")] == left


@pytest.mark.parametrize(
    "lack",
    [
        pytest.param(lambda: bytearray(1 << 62), id="python"),
        pytest.param(lambda: np.empty(1 << 58), id="numpy"),
        pytest.param(lambda: pa.allocate_buffer(1 << 60), id="arrow"),
    ],
)
def test_each_library_tells_it_its_own_way(lack: Callable[[], object]) -> None:
    with pytest.raises(Exception) as error:  # noqa: PT011 - the kind is what is asked for
        lack()
    assert is_out_of_memory(error.value)


def test_other_errors_stay_what_they_are() -> None:
    assert not is_out_of_memory(ValueError("shapes do not fit: (6000, 128) and (128, 6000)"))
    assert not is_out_of_memory(RuntimeError("no memory of a column called 'text'"))
