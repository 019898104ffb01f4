"""`bakeoff run --runner docker`: the pipeline in containers, and what can happen to those."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.image import IMAGE

pytestmark = pytest.mark.docker
Command = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = ("--train-samples", "400", "--num-train-epochs", "2", "--save-checkpoints-steps", "0")


def test_the_pipeline_runs_in_containers_and_is_reused(
    run_module: Command, data_folder: Path, tmp_path: Path
) -> None:
    command = (
        "pipelines", "run", "--runner", "docker", "--output", tmp_path / "runs", "--task", "table",
        "--task-name", "colours", "--data", os.path.relpath(data_folder),
        "--text-a-column", "question", "--text-b-column", "other", "--num-train-epochs", 2,
    )  # fmt: skip
    done = run_module(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ALBERT_COLOURS" in done.stdout
    (report,) = (tmp_path / "runs" / "reports").iterdir()
    facts = json.loads((report / "comparison.json").read_text())
    data = facts["models"][0]["runs"][0]["evaluation"]["tokens"]["data"]["config"]["data"]
    assert data == str(data_folder), "a container sees the data where it lies here"
    again = run_module(*command)
    assert again.stdout.count("reused, nothing changed") == 7, again.stdout


def test_an_image_that_is_not_there_is_named(run_module: Command, tmp_path: Path) -> None:
    done = run_module(
        "pipelines", "run", "--runner", "docker", "--image", "no-such-python:1",
        "--output", tmp_path / "runs",
    )  # fmt: skip
    assert done.returncode == 2
    assert "Docker has no image 'no-such-python:1': build it with `make images`" in done.stderr


@pytest.fixture
def vanishing_image(tmp_path: Path) -> Iterator[str]:
    """An image whose python3 ends at once with success and writes nothing."""
    name = "encoder-bakeoff-python:vanishing"
    (tmp_path / "Dockerfile").write_text(
        f"FROM {IMAGE}\nUSER 0\n"
        "RUN mv /usr/local/bin/python3 /usr/local/bin/python3-real "
        "&& printf '#!/bin/sh\\nexit 0\\n' > /usr/local/bin/python3 "
        "&& chmod 755 /usr/local/bin/python3\nUSER 1000:1000\n"
    )
    subprocess.run(
        ["docker", "build", "--quiet", "--tag", name, str(tmp_path)],
        capture_output=True, check=True,
    )  # fmt: skip
    yield name
    subprocess.run(["docker", "image", "rm", name], capture_output=True, check=True)


def test_a_container_that_left_no_output_is_a_failure(
    run_module: Command, tmp_path: Path, vanishing_image: str
) -> None:
    done = run_module(
        "pipelines", "run", "--runner", "docker", "--image", vanishing_image, *SMALL,
        "--output", tmp_path / "runs",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    # KFP starts the two tokenize tasks in either order.
    assert re.search(
        r"the container of tokenize-(albert|bert) left no tokens: it ended with exit code 0;",
        done.stderr,
    )
    assert "log.txt" in done.stderr


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_a_mistake(run_module: Command, tmp_path: Path) -> None:
    done = run_module(
        "pipelines", "run", "--runner", "docker", "--gpus", 1, "--output", tmp_path / "runs"
    )
    assert done.returncode == 2, done.stderr
    assert "error: Docker could not start a container: could not select device" in done.stderr
    assert "leave out --gpus" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupted_run_leaves_no_container(data_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "runs"
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines", "run", "--runner", "docker", *SMALL,
         "--output", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # What a shell starts in the background ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as run:  # fmt: skip
        assert run.stdout is not None
        assert any("tokenize: train:" in line for line in run.stdout)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=120)
    assert run.returncode == 130, errors
    left = subprocess.run(
        ["docker", "ps", "--quiet", "--filter", f"volume={output / 'steps'}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert left.stdout == ""


def test_a_killed_container_is_a_failure_and_says_so(tmp_path: Path) -> None:
    output = tmp_path / "runs"
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines", "run", "--runner", "docker", *SMALL,
         "--num-train-epochs", "50", "--output", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdout is not None
        # A train task, told to run for minutes: no other is sure to be still running when killed.
        assert any(re.search(r"train \w+: step", line) for line in run.stdout)
        running = subprocess.run(
            ["docker", "ps", "--quiet", "--no-trunc", "--filter", f"volume={output / 'steps'}"],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        subprocess.run(["docker", "kill", *running], capture_output=True, check=True)
        _, errors = run.communicate(timeout=120)
    assert run.returncode == 1, errors
    assert re.search(
        r"the container of train-(albert|bert) left no \w+: it was killed \(exit code 137\)", errors
    )
