"""Checkpoints of a training in object storage, whatever happens while they are written."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from components.artifacts.checkpoint import State
from components.artifacts.folder import MANIFEST
from components.errors import EnvironmentTrouble
from components.train.checkpoints import Checkpoints, remove_checkpoints
from tests.conftest import NOTHING_YET

if TYPE_CHECKING:
    from benchmarks.faulty_proxy import FaultyProxy, Request
    from tests.storage.conftest import Bucket

SEED = {"seed": 1}

Save = Callable[..., Checkpoints]


@pytest.fixture
def save(bucket: "Bucket", tmp_path: Path) -> Save:
    """Saves a step's checkpoint as a process of its own would, after looking for the last one."""
    logs = tmp_path / "logs"
    logs.mkdir()

    def save_step(step: int, checkpoints: Checkpoints | None = None) -> Checkpoints:
        if not checkpoints:
            checkpoints = opened(bucket)
            checkpoints.latest()
        arrays = {"x": np.full(1000, step, np.float32)}
        with checkpoints.saving(State(arrays, arrays, arrays, arrays), step) as saving:
            saving.complete(dataclasses.replace(NOTHING_YET, step=step), None, logs)
        checkpoints.wait()
        return checkpoints

    return save_step


def opened(bucket: "Bucket") -> Checkpoints:
    return Checkpoints(f"{bucket.address}/run/checkpoints", SEED, {})


def latest_step(bucket: "Bucket") -> int:
    found = opened(bucket).latest()
    assert found
    assert found.state().weights["x"].tolist() == [found.history.step] * 1000
    return found.history.step


def slot_of(bucket: "Bucket", step: int) -> str:
    """Returns the folder of a step's checkpoint."""
    text = f'"step": {step},'.encode()
    (history,) = [key for key, content in bucket.contents().items() if text in content]
    return history.rsplit("/", 1)[0]


def test_the_last_two_are_kept(bucket: "Bucket", save: Save) -> None:
    for step in (1, 2, 3):
        save(step)
        assert latest_step(bucket) == step
    assert slot_of(bucket, 3) != slot_of(bucket, 2)
    remove_checkpoints(f"{bucket.address}/run/checkpoints")
    assert bucket.names() == set()


@pytest.mark.parametrize(
    ("torn", "how"),
    [("weights.safetensors", "missing"), ("history.json", "cut"), (MANIFEST, "missing")],
)
def test_one_that_is_torn_is_left_out_for_the_one_before(
    bucket: "Bucket", save: Save, torn: str, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save(1)
    save(2)
    slot = slot_of(bucket, 2)
    content = bucket.contents()[f"{slot}/{torn}"]
    bucket.remove(f"{slot}/{torn}")
    if how == "cut":
        bucket.put(f"{slot}/{torn}", content[:-3])
    assert latest_step(bucket) == 1
    (warning,) = capsys.readouterr().out.splitlines()
    assert warning.startswith(f"train: the checkpoint {bucket.address}/{slot} is left out: ")
    save(3)
    assert latest_step(bucket) == 3


@pytest.mark.parametrize("after", [0, 3])
def test_an_upload_that_fails_leaves_the_one_before(
    bucket: "Bucket",
    save: Save,
    proxy: "FaultyProxy",
    after: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(1)
    checkpoints = save(2)
    writes = 0

    def choose(request: "Request") -> str:
        nonlocal writes
        writes += request.method in ("PUT", "POST")
        return "503" if writes > after else ""

    monkeypatch.setattr("components.storage.sending.ATTEMPTS_TO_SEND", 1)
    proxy.choose = choose
    save(3, checkpoints)
    proxy.choose = lambda request: ""
    assert "no checkpoint could be written" in capsys.readouterr().out
    assert latest_step(bucket) == 2
    save(4)
    assert latest_step(bucket) == 4


@pytest.mark.parametrize("asked_for", ["history.json", "weights.safetensors"])
def test_one_that_cannot_be_fetched_today_is_not_written_over(
    bucket: "Bucket",
    save: Save,
    proxy: "FaultyProxy",
    asked_for: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    save(1)
    save(2)
    before = bucket.contents()
    monkeypatch.setattr("components.storage.remote.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "empty-cache"))
    proxy.choose = lambda request: (
        "503" if request.method == "GET" and asked_for in request.path else ""
    )
    with pytest.raises(EnvironmentTrouble):
        opened(bucket).latest()
    proxy.choose = lambda request: ""
    assert bucket.contents() == before
    assert latest_step(bucket) == 2
