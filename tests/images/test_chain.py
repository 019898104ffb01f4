"""The steps, each in a container of its own, handing their artifacts on through gs://."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.artifacts.folder import open_folder
from components.image import TRAIN_IMAGE
from components.storage import fetch

pytestmark = pytest.mark.docker
Run = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = "gs://bakeoff/runs/1"
TRAINING = ("--learning-rate", "5e-4", "--num-train-epochs", "2", "--save-checkpoints-steps", "0")


def step(name: str, **places: str) -> list[str]:
    flags = [text for flag, place in places.items() for text in (f"--{flag}", f"{ROOT}/{place}")]
    return ["python", "-m", f"components.{name}", *flags]


def test_six_containers_compare_two_encoders_through_a_bucket(
    docker_run: Run, gcs_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--network", "host", "--env", f"STORAGE_EMULATOR_HOST={gcs_endpoint}")

    def run(command: list[str], **how: str) -> str:
        done = docker_run(*command, flags=flags, **how)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run([*step("tokenize", tokens="tokens"), "--task", "sample", "--train-samples", "400"])
    for family in ("albert", "bert"):
        run(
            [*step("train", tokens="tokens", model=family),
             "--encoder", f"scratch:{family}-tiny", *TRAINING],
            image=TRAIN_IMAGE,
        )  # fmt: skip
        run(step("evaluate", tokens="tokens", model=family, evaluation=f"{family}-evaluation"))
    evaluations = [f"--evaluations={ROOT}/{family}-evaluation" for family in ("albert", "bert")]
    shown = run([*step("compare", comparison="comparison"), *evaluations])
    assert "| ALBERT_SAMPLE | 50 |" in shown
    assert f"report: {ROOT}/comparison/comparison.md" in shown

    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_endpoint)
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    comparison = open_folder(fetch(f"{ROOT}/comparison").path, "comparison")
    facts = json.loads((comparison / "comparison.json").read_text())
    assert [row["global_step"] for row in facts["table"]] == [50, 50]

    # What lies there is not lost to a step that writes another kind of artifact.
    refused = docker_run(*step("tokenize", tokens="albert"), "--task", "sample", flags=flags)
    assert refused.returncode == 2
    assert "holds model, which would be lost" in refused.stderr
