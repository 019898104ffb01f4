"""Containers whose disk is full or read-only, or whose memory does not suffice."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.errors import ENVIRONMENT

pytestmark = pytest.mark.docker
Run = Callable[..., "subprocess.CompletedProcess[str]"]

EVERY_STEP = Path(__file__).with_name("every_step.py")
STEPS = ["tokenize", "train", "evaluate", "compare", "predict", "export", "export", "export"]
FULL, READ_ONLY = "/full", "/opt/read-only"
FULL_DISK = ("--tmpfs", f"{FULL}:size=64k,mode=1777")
WHAT_IS_LACKING = {FULL: "no room is left on the disk: ", READ_ONLY: "Read-only file system"}


def test_every_step_says_that_its_disk_is_full_or_read_only(docker_run: Run) -> None:
    script = f"python /every_step.py /tmp {FULL} {READ_ONLY} && find {FULL} -type f && ls -A {FULL}"
    done = docker_run(
        "sh", "-c", script,
        flags=(*FULL_DISK, "--volume", f"{EVERY_STEP}:/every_step.py:ro", "--env",
               "OMP_NUM_THREADS=1"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *lines, left = done.stdout.splitlines()
    told = [json.loads(line) for line in lines]
    assert [ended["step"] for ended in told] == STEPS * 2
    for ended in told:
        said, place = ended["stderr"], ended["place"]
        assert ended["exit_code"] == ENVIRONMENT, ended
        assert said.startswith("environment error: "), ended
        assert said.count("\n") == 1, ended
        assert f"{place}/" in said, ended
        assert WHAT_IS_LACKING[place] in said, ended
        assert "name a" in said, ended
    assert left == "model.checkpoints", "an empty folder, and no file"


@pytest.mark.parametrize("place", [FULL, READ_ONLY])
def test_a_run_says_so_too(docker_run: Run, place: str) -> None:
    output = f"{place}/runs"
    done = docker_run(
        "sh", "-c", f"bakeoff run --output {output}; code=$?; find {FULL} -name '*.partial-*' "
        "-exec echo left {} +; exit $code",
        flags=(*FULL_DISK, "--tmpfs", "/tmp:exec"),
    )  # fmt: skip
    assert done.returncode == ENVIRONMENT, done.stderr
    assert "environment error: " in done.stderr
    assert output in done.stderr
    assert WHAT_IS_LACKING[place] in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "left" not in done.stdout.replace("is left", "")


def test_a_process_that_the_kernel_killed_for_its_memory_leaves_no_artifact(
    docker_run: Run,
) -> None:
    """The kernel says nothing; `Killed` is the shell's, 137 its exit code."""
    script = (
        "cd /tmp && python -m components.tokenize --task sample --tokens out/tokens && "
        "python -m components.train --tokens out/tokens --model out/model --encoder "
        "scratch:bert-base --train-batch-size 64; echo exit code $?; find out -name artifact.json"
    )
    done = docker_run(
        "sh", "-c", script,
        flags=("--memory", "400m", "--memory-swap", "400m"),
    )  # fmt: skip
    assert "train: about " in done.stdout, "what the memory is needed for was said before"
    assert done.stdout.splitlines()[-2:] == ["exit code 137", "out/tokens/artifact.json"]
