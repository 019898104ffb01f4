"""The commands themselves: `bakeoff submit` and the README's lines for `kfp`."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "pipelines" / "README.md"
IMAGES = ["--image", "registry/bakeoff-python:1-cpu", "--train-image", "registry/bakeoff-python:1"]
RUN_ID = "5b1c2d3e-0000-4000-8000-000000000001"


@pytest.mark.slow
def test_a_log_has_a_line_for_each_change_and_the_report(kubeflow: Any, tmp_path: Path) -> None:
    arguments = [
        "--endpoint", kubeflow.url, "--poll-seconds", "0.01", "--output", tmp_path,
        "--run-name", "first", *IMAGES,
    ]  # fmt: skip
    command = [sys.executable, "-m", "pipelines", "submit", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr, kubeflow.refused) == (0, "", [])
    lines = done.stdout.splitlines()
    assert lines[0] == "encoders from scratch: learning_rate 0.0003, num_train_epochs 16"
    assert lines[1] == f"server: {kubeflow.url}"
    assert lines[3:5] == [
        "run: first (experiment encoder-bakeoff)", f"{kubeflow.url}/#/runs/details/{RUN_ID}",
    ]  # fmt: skip
    followed = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in lines[5 : lines.index("")]]
    albert = [line for line in followed if "albert" in line or line.startswith(("run", "compare"))]
    assert albert == [
        "run PENDING",
        "tokenize-albert RUNNING",
        "run RUNNING",
        "tokenize-albert SUCCEEDED after 0:30",
        *("train-albert PENDING", "train-albert RUNNING", "train-albert SUCCEEDED after 0:30"),
        *("evaluate-albert PENDING", "evaluate-albert RUNNING"),
        "evaluate-albert SUCCEEDED after 0:30",
        *("compare PENDING", "compare RUNNING", "compare SUCCEEDED after 0:30", "run SUCCEEDED"),
    ]
    kept = tmp_path / "reports" / "sample-5b1c2d3e.md"
    assert lines[-1] == f"report: {kept}"
    assert kept.read_text() == kubeflow.report


def block(heading: str) -> str:
    """Returns the first shell block for kfp below a heading of the README."""
    section = README.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    found = re.search(r"```sh\n(export KFP_ENDPOINT.*?)```", section, re.DOTALL)
    assert found
    return found[1]


PARAMETERS = {"task": "lcqmc", "data": "gs://BUCKET/lcqmc", "gpus": "1"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heading", "versions", "parameters"),
    [
        pytest.param("Submit with the kfp CLI", ["albert-vs-bert", "1.0"], {
            "albert_encoder": "albert-base-zh", "bert_encoder": "bert-base-chinese",
            "num_train_epochs": 3, "do_lower_case": "true", "train_cpu_request": "4",
            "train_node_selector": {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4"},
        }, id="albert-vs-bert"),
        pytest.param("The leaderboard", ["leaderboard"], {
            "models": ["bert-base-chinese", "albert-base-zh", "chinese-macbert-base"],
            "learning_rates": [2e-5, 5e-5], "seeds": [1, 2, 3],
        }, id="leaderboard"),
    ],
)  # fmt: skip
def test_the_lines_for_kfp_are_accepted_by_the_server(
    kubeflow: Any, tmp_path: Path, heading: str, versions: list[str], parameters: dict[str, Any]
) -> None:
    (tmp_path / "bakeoff").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines "$@"\n')
    (tmp_path / "bakeoff").chmod(0o755)
    script = block(heading).replace("http://localhost:8080", kubeflow.url)
    path = os.pathsep.join((str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]))
    root = str(README.parents[1])
    environment = os.environ | {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": root}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, kubeflow.refused) == (0, []), done.stderr
    assert [v["display_name"] for v in kubeflow.versions] == versions
    (run,) = kubeflow.runs
    assert run["runtime_config"]["parameters"] == PARAMETERS | parameters
