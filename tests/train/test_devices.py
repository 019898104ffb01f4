"""A batch divided among devices or computed in parts: the result of one device and one part."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from components.artifacts.model import TrainedModel, read_model
from components.artifacts.tokens import read_tokens
from components.encoders.build import build_classifier
from components.encoders.checkpoints.write import write_tf1
from components.encoders.sizes import scratch_config
from components.encoders.weights import weights_of
from components.errors import InputError
from components.train.backends import current_backend
from components.train.checks import check_devices
from components.train.config import TrainConfig
from components.train.nodes import join_nodes

PROGRAM = Path(__file__).parent / "on_two_devices.py"


def trained_on(devices: int, parts: int, encoder: str, tokens: Path, model: Path) -> TrainedModel:
    command = [sys.executable, PROGRAM, devices, parts, encoder, tokens, model]
    subprocess.run(list(map(str, command)), check=True, cwd=Path(__file__).parents[2])
    return read_model(model)


def checkpoint(tokens: Path, folder: Path) -> str:
    """Writes one; its projections come side by side, the rest as TensorFlow's tensors."""
    folder.mkdir()
    config = scratch_config("scratch:albert-tiny", read_tokens(tokens).facts.vocab_size)
    keras.utils.set_random_seed(3)
    write_tf1(folder, config, weights_of(build_classifier(config, 2)))
    return str(folder)


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch computes on one device")
@pytest.mark.parametrize(
    "begin",
    [
        "scratch",
        pytest.param(
            "checkpoint",
            marks=pytest.mark.skipif(
                keras.backend.backend() == "jax", reason="JAX sets a variable as it does anyway"
            ),
        ),
    ],
)
def test_two_devices_and_two_parts_train_as_one(
    begin: str, tokens_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    encoder = "scratch:albert-tiny"
    if begin == "checkpoint":
        encoder = checkpoint(tokens_folder, tmp_path / "encoder")
    one, two = (
        trained_on(devices, parts, encoder, tokens_folder, tmp_path / f"on{devices}")
        for devices, parts in ((1, 1), (2, 2))
    )
    assert bool(two.training.restored) == (begin == "checkpoint")
    assert one.training.global_step == 12
    for name, weight in one.weights.items():
        # 12 steps of 1e-3: a weight moves by up to 1e-2; rounding may differ by a part of it.
        np.testing.assert_allclose(two.weights[name], weight, rtol=0, atol=1e-4, err_msg=name)
    for ours, theirs in zip(two.training.curve, one.training.curve, strict=True):
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-4)
        assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, rel=1e-2)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="several nodes need JAX")
def test_two_processes_train_as_one(tokens_folder: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:{1}".format(*free.getsockname())
    options = ["--backend", "jax", "--train-batch-size", 8, "--num-train-epochs", 0.5]

    def start(name: str, **variables: str) -> "subprocess.Popen[str]":
        command: list[object] = [sys.executable, "-m", "components.train", *options]
        command += ["--tokens", tokens_folder, "--encoder", "scratch:albert-tiny"]
        command += ["--model", tmp_path / name]
        return subprocess.Popen(
            list(map(str, command)), env=os.environ | variables, text=True, stdout=subprocess.PIPE
        )

    of_both = {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2"}
    processes = [
        start("alone"),
        *(start(f"node{i}", JAX_PROCESS_ID=str(i), **of_both) for i in range(2)),
    ]
    printed = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert "node 1: done; node 0 writes the model" in printed[2]
    assert not (tmp_path / "node1").exists()
    alone, together = (read_model(tmp_path / name).weights for name in ("alone", "node0"))
    for name, weight in alone.items():  # 6 steps of up to 5e-5
        np.testing.assert_allclose(together[name], weight, rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("variables", "backend", "message"),
    [
        pytest.param({}, "tensorflow", "", id="one-process"),
        pytest.param({"JAX_NUM_PROCESSES": "2"}, "", "needs --backend jax", id="other-backend"),
        pytest.param({"JAX_NUM_PROCESSES": "2"}, "jax", "not JAX_COORDINATOR_ADDRESS; start the",
                     id="no-coordinator"),
        pytest.param({"JAX_NUM_PROCESSES": "2", "JAX_PROCESS_ID": "a",
                      "JAX_COORDINATOR_ADDRESS": "localhost:1"}, "jax",
                     "are '2' and 'a', expected whole numbers", id="no-number"),
    ],
)  # fmt: skip
def test_what_the_environment_says_of_other_nodes(
    variables: dict[str, str], backend: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    if not message:
        assert join_nodes(backend) == 0
        return
    with pytest.raises(InputError, match=message):
        join_nodes(backend)


def test_a_batch_must_be_divisible() -> None:
    config = TrainConfig(train_batch_size=12, gradient_accumulation_steps=2)
    check_devices(config, 3)
    with pytest.raises(InputError) as raised:
        check_devices(config, 4)
    assert str(raised.value) == (
        "train_batch_size is 12, expected a multiple of 4 devices times 2 "
        "gradient_accumulation_steps = 8"
    )


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others take all GPUs")
def test_pytorch_tells_of_gpus_that_do_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: f"GPU {number}")
    backend = current_backend()
    with backend.on_all_devices():
        pass
    told = "train: PyTorch computes on the first of 2 GPUs; for all of them choose the backend jax"
    assert capsys.readouterr().out.startswith(told)
    assert backend.device_names() == ["GPU 0"]
