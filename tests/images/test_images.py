"""The images: what they promise to those who run them."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.image import IMAGE, TRAIN_IMAGE
from components.train.stopping import STOPPED

pytestmark = pytest.mark.docker
Run = Callable[..., "subprocess.CompletedProcess[str]"]

LARGEST_BYTES = 2_000_000_000
BOTH = pytest.mark.parametrize(
    "image", [pytest.param(IMAGE, id="cpu"), pytest.param(TRAIN_IMAGE, id="gpu")]
)


def inspected(image: str) -> dict[str, Any]:
    done = subprocess.run(
        ["docker", "image", "inspect", image], capture_output=True, text=True, check=True
    )
    (found,) = json.loads(done.stdout)
    return dict(found)


@BOTH
def test_an_image_has_no_entrypoint_an_ordinary_user_and_labels(image: str) -> None:
    config = inspected(image)["Config"]
    assert not config["Entrypoint"], "KFP's DockerRunner breaks on one"
    assert config["User"] == "1000:1000"
    labels = config["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.revision"] not in ("", "unknown")


def test_the_cpu_image_is_no_larger_than_it_says() -> None:
    assert inspected(IMAGE)["Size"] <= LARGEST_BYTES


@BOTH
@pytest.mark.parametrize("step", ["tokenize", "train", "evaluate", "compare"])
def test_every_step_tells_its_flags_in_either_image(image: str, step: str, docker_run: Run) -> None:
    done = docker_run("python", "-m", f"components.{step}", "--help", image=image)
    assert done.returncode == 0, done.stderr
    assert f"python -m components.{step}" in done.stdout


def test_the_image_holds_code_and_no_sources_of_others(docker_run: Run) -> None:
    done = docker_run("sh", "-c", "ls /opt/encoder-bakeoff; ls /opt/encoder-bakeoff/pipelines")
    assert "tests" not in done.stdout
    assert "albert_vs_bert.py" in done.stdout


def test_a_mounted_folder_is_written_as_the_user_who_runs_it(
    docker_run: Run, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o777)
    done = docker_run(
        "python", "-m", "components.tokenize", "--task", "sample", "--tokens", "out/tokens",
        flags=("--volume", f"{tmp_path}:/workspace"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    tokens = tmp_path / "out" / "tokens"
    assert (tokens / "artifact.json").stat().st_uid == 12345
    assert (tokens / "artifact.json").stat().st_gid == 54321


def test_a_mistake_is_one_line_and_exit_code_2_in_a_container_too(docker_run: Run) -> None:
    done = docker_run(
        "python", "-m", "components.tokenize", "--task", "lcqcm", "--tokens", "/tmp/t"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_docker_stop_ends_a_training_that_can_be_gone_on_with(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    name = f"bakeoff-stop-{tmp_path.name}"
    script = (
        "python -m components.tokenize --task sample --tokens out/tokens && exec python -m "
        "components.train --tokens out/tokens --model out/model --encoder scratch:bert-tiny "
        "--num-train-epochs 10000"
    )
    command = ["docker", "run", "--name", name, "--volume", f"{tmp_path}:/workspace",
               "--user", "12345:54321", IMAGE, "sh", "-c", script]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert any("step 100:" in line for line in run.stdout)
        begun = time.monotonic()
        subprocess.run(["docker", "stop", "--time", "30", name], capture_output=True, check=True)
        seconds = time.monotonic() - begun
        _, errors = run.communicate(timeout=60)
    subprocess.run(["docker", "rm", name], capture_output=True, check=True)
    assert run.returncode == STOPPED
    assert "its checkpoint lies at out/model.checkpoints: the same command goes on" in errors
    assert seconds < 20, "it did not wait for the kill"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"tokens", "model.checkpoints"}
