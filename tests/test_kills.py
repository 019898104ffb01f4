"""Steps killed at random moments, and begun again: the result is that of one never killed.

A training is killed twice where there is time for it.
"""

import dataclasses
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gcp_storage_emulator.server import create_server
from google.cloud import storage

from benchmarks.speed.ours import events_in
from components.artifacts.checkpoint import KIND as CHECKPOINT
from components.artifacts.evaluation import KIND as EVALUATION
from components.artifacts.evaluation import read_evaluation
from components.artifacts.folder import MANIFEST, Manifest, open_folder, read_json
from components.artifacts.model import KIND as MODEL
from components.artifacts.model import read_model
from components.artifacts.tokens import KIND as TOKENS
from components.compare.facts import KIND as COMPARISON
from components.errors import InputError
from components.partial import is_partial
from components.storage import fetch

pytestmark = pytest.mark.slow

SAVE_STEPS = 50
LAST_STEP = 240  # 96 rows in batches of 8, 20 times
KILLS = {"tokenize": 3, "train": 8, "train-to-a-bucket": 4, "evaluate": 3, "compare": 2}
"""How many times each step is killed."""
KINDS = {"tokens": TOKENS, "model": MODEL, "evaluation": EVALUATION, "comparison": COMPARISON}
ARTIFACTS = {
    "tokenize": "tokens", "train": "model", "evaluate": "evaluation", "compare": "comparison",
}  # fmt: skip
TRAINING = [
    "--encoder", "scratch:bert-tiny", "--train-batch-size", 8, "--num-train-epochs", 20,
    "--save-checkpoints-steps", SAVE_STEPS, "--learning-rate", 1e-3,
]  # fmt: skip


def moments() -> list[Any]:
    """Returns steps and when to kill them.

    A training is killed when it has done so many optimizer steps, and a moment later; the others
    after a share of the time that they take.
    """
    generator = random.Random(20)
    cases = []
    for name, kills in KILLS.items():
        for number in range(kills):
            trains = name.startswith("train")
            done = generator.randint(1, LAST_STEP) if trains else 0
            if name == "train-to-a-bucket" and number % 2:
                done = LAST_STEP  # while the model is sent
            share = round(generator.random(), 3)
            cases.append(pytest.param(name, done, share, id=f"{name}-{number}"))
    return cases


def command(name: str, folder: Path, data: Path, inputs: Path, bucket: str) -> list[str]:
    """Returns a step's command line: inputs of a run that was never killed, outputs in a folder."""
    task = ["--task", "table", "--data", data, "--text-a-column", "question",
            "--text-b-column", "other"]  # fmt: skip
    model = (
        f"gs://{bucket}/{folder.name}/model" if name == "train-to-a-bucket" else folder / "model"
    )
    arguments: dict[str, list[object]] = {
        "tokenize": [*task, "--vocab-size", 200, "--max-seq-length", 32,
                     "--tokens", folder / "tokens"],
        "train": ["--tokens", inputs / "tokens", "--model", model, *TRAINING],
        "evaluate": ["--tokens", inputs / "tokens", "--model", inputs / "model",
                     "--evaluation", folder / "evaluation"],
        "compare": ["--evaluations", inputs / "evaluation", "--evaluations",
                    inputs / "other" / "evaluation", "--comparison", folder / "comparison"],
    }  # fmt: skip
    step = name.split("-")[0]
    return [sys.executable, "-m", f"components.{step}", *map(str, arguments[step])]


def run(command: list[str], *more: object) -> float:
    """Runs a command that nobody kills and returns its seconds."""
    started = time.monotonic()
    subprocess.run([*command, *map(str, more)], check=True, capture_output=True)
    return time.monotonic() - started


@dataclasses.dataclass(frozen=True)
class Reference:
    """A run that nothing killed: its artifacts, the seconds of each step, and the bucket."""

    folder: Path
    data: Path
    seconds: dict[str, float]
    bucket: str

    def command(self, name: str, folder: Path) -> list[str]:
        return command(name, folder, self.data, self.folder, self.bucket)

    def in_bucket(self, folder: Path) -> list[storage.Blob]:
        """Returns what a step put into the bucket for a folder."""
        client = storage.Client(project="test")
        return list(client.list_blobs(self.bucket, prefix=f"{folder.name}/"))

    def ended(self, name: str, folder: Path) -> bool:
        """Tells whether a step's artifact is in its place: whoever ran it has the result."""
        manifest = f"{ARTIFACTS[name.split('-')[0]]}/{MANIFEST}"
        if name == "train-to-a-bucket":
            return f"{folder.name}/{manifest}" in [blob.name for blob in self.in_bucket(folder)]
        return (folder / manifest).is_file()

    def begin_anew(self, folder: Path, temporary: Path) -> None:
        """Removes all that a step wrote, and what it left where it was killed."""
        for path in (*folder.iterdir(), *temporary.iterdir()):
            shutil.rmtree(path)
        for blob in self.in_bucket(folder):
            blob.delete()


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    endpoint = f"http://127.0.0.1:{server._api._httpd.server_address[1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        patch.setenv("KERAS_BACKEND", "torch")  # which starts soonest
        storage.Client(project="test").create_bucket("kills")
        yield "kills"
    server.stop()


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, write_data: Callable[..., Path], bucket: str
) -> Reference:
    folder = tmp_path_factory.mktemp("never-killed")
    data = write_data(tmp_path_factory.mktemp("data"))
    seconds = {}
    for name in KILLS:
        if name == "compare":  # with a model of another seed
            other = folder / "other"
            run(command("train", other, data, folder, bucket), "--seed", 1)
            own = ["--model", other / "model", "--evaluation", other / "evaluation"]
            run(command("evaluate", other, data, folder, bucket), *own)
        seconds[name] = run(command(name, folder, data, folder, bucket))
    return Reference(folder, data, seconds, bucket)


def kill(command: list[str], moment: Callable[[], bool]) -> bool:
    """Kills a command at the moment; tells whether it was still running."""
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while process.poll() is None:
            if moment():
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait() == -signal.SIGKILL
            time.sleep(0.05)
    return False


def kill_after(command: list[str], seconds: float) -> bool:
    """Kills a command after so long; tells whether it was still running."""
    until = time.monotonic() + seconds
    return kill(command, lambda: time.monotonic() > until)


def kill_at_step(command: list[str], step: int, seconds: float, logs: Path) -> bool:
    """Kills a training so many seconds after it has done an optimizer step.

    Tells whether it was still running.
    """
    begun: list[float] = []

    def moment() -> bool:
        if not begun and last_step(logs) >= step:
            begun.append(time.monotonic())
        return bool(begun) and time.monotonic() > begun[0] + seconds

    return kill(command, moment)


def check_what_was_left(folder: Path) -> None:
    """No name that a reader is given may hold less than a whole artifact."""
    for path in folder.iterdir():
        if path.name in KINDS:
            open_folder(path, KINDS[path.name])
        elif path.name.endswith(".checkpoints"):
            for slot in path.iterdir():
                if not is_partial(slot):
                    open_folder(slot, CHECKPOINT)
        else:
            assert is_partial(path)
            for kind in KINDS.values():
                with pytest.raises(InputError, match="is what a step is writing"):
                    open_folder(path, kind)


def last_step(folder: Path) -> int:
    """Returns the last step that the events below a folder tell."""
    steps = [0]
    for path, _, names in os.walk(folder):  # unlike glob it bears folders that vanish meanwhile
        if Path(path).match("model*/logs"):
            for name in names:
                with suppress(Exception):  # it is being written
                    steps += [event.step for event in events_in(Path(path) / name)]
    return max(steps)


def plain(record: Any) -> Any:
    """Returns a record without what is never the same: times, memory, where it went on."""
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        record = dataclasses.asdict(record)
    if isinstance(record, dict):
        return {
            name: plain(value)
            for name, value in record.items()
            if not re.search("second|latency|memory|resumed|processor", name)
        }
    return [plain(value) for value in record] if isinstance(record, list | tuple) else record


def assert_same_artifact(found: Path, reference: Path) -> None:
    kind = read_json(found / MANIFEST, Manifest).kind
    if kind == MODEL:
        one, other = read_model(found), read_model(reference)
        assert plain(one.training) == plain(other.training)
        assert one.weights.keys() == other.weights.keys()
        for name in one.weights:
            np.testing.assert_array_equal(one.weights[name], other.weights[name], err_msg=name)
    elif kind == EVALUATION:
        one_read, other_read = read_evaluation(found), read_evaluation(reference)
        assert plain(one_read.facts) == plain(other_read.facts)
        for split, rows in one_read.predictions.items():
            assert rows.equals(other_read.predictions[split])
    else:
        one_files, other_files = (
            read_json(p / MANIFEST, Manifest).files for p in (found, reference)
        )
        assert one_files == other_files


@pytest.mark.parametrize(("name", "step", "share"), moments())
def test_a_killed_step_is_begun_again(
    reference: Reference,
    name: str,
    step: int,
    share: float,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, temporary = tmp_path / tmp_path.name, tmp_path / "tmp"
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    command = reference.command(name, folder)
    if step:
        while not kill_at_step(command, step, share / 5, tmp_path) or reference.ended(name, folder):
            step, share = step * 3 // 4, 0.0  # it had its result sooner: all of it again
            reference.begin_anew(folder, temporary)
        if (later := (last_step(tmp_path) + LAST_STEP) // 2) > last_step(tmp_path) + 10:
            check_what_was_left(folder)
            kill_at_step(command, later, share / 5, tmp_path)  # what was resumed is killed again
    else:
        seconds = reference.seconds[name] * share
        while not kill_after(command, seconds) or reference.ended(name, folder):
            seconds *= 0.7
            reference.begin_anew(folder, temporary)
    check_what_was_left(folder)
    ended = reference.ended(name, folder)  # or a second kill came too late
    reached = last_step(tmp_path)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.search(r"resumed at step (\d+)", done.stdout)
    resumed = int(found[1]) if found else 0
    told = ", when its result was in place" if ended else ""
    print(f"kill: {name} at {share:.0%}, step {reached}{told}, resumed at {resumed}")
    assert ended or reached - resumed <= SAVE_STEPS
    assert list(temporary.glob("encoder-bakeoff*")) == []
    artifact = ARTIFACTS[name.split("-")[0]]
    if name == "train-to-a-bucket":
        written = fetch(f"gs://{reference.bucket}/{folder.name}/model").path
        assert list(folder.iterdir()) == []
        names = [blob.name for blob in reference.in_bucket(folder)]
        assert [name for name in names if name.startswith(f"{folder.name}/model.ch")] == []
    else:
        assert [path.name for path in folder.iterdir()] == [artifact]
        written = folder / artifact
    assert_same_artifact(written, reference.folder / artifact)
