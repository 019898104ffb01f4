"""The commands of the steps' READMEs, as they stand there."""

import re
import subprocess
from pathlib import Path

import pytest

import components

pytestmark = pytest.mark.docker
STEPS = Path(components.__file__).parent
NO_GPU_HERE = {
    "--gpus 1 ": "",
    "python:gpu": "python:cpu",
    "--num-train-epochs 16": "--num-train-epochs 1",
}


def first_command(step: str) -> str:
    """The command with a mounted folder in the README of a step."""
    text = (STEPS / step / "README.md").read_text(encoding="utf-8")
    (section,) = re.findall(r"## In a container\n\n```sh\n(.*?)```", text, flags=re.DOTALL)
    for given, here in NO_GPU_HERE.items():
        section = section.replace(given, here)
    return str(section)


def test_the_readmes_commands_make_a_report_in_a_folder(tmp_path: Path) -> None:
    def run(command: str) -> None:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    run(first_command("tokenize"))
    for step in ("train", "evaluate"):
        run(first_command(step))
        run(first_command(step).replace("bert", "albert"))
    run(first_command("compare"))
    assert "ALBERT_SAMPLE" in (tmp_path / "out" / "comparison" / "comparison.md").read_text()
