import dataclasses
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from components.artifacts.checkpoint import State, read_facts
from components.artifacts.facts import DevPoint, TrainingFacts
from components.artifacts.folder import MANIFEST, Manifest, open_folder, write_json
from components.artifacts.model import read_model
from components.errors import InputError
from components.export.step import export
from components.train import loop, step
from components.train.checkpoint_place import CheckpointPlace
from components.train.checkpoints import Checkpoints
from components.train.config import TrainConfig
from components.train.kubeflow import checkpoints_beside
from components.train.progress import Reporter, progress
from components.train.stopping import STOPPED
from tests.conftest import NOTHING_YET

ENCODER = "scratch:bert-tiny"
CONFIG = TrainConfig(
    train_batch_size=8, learning_rate=1e-3, num_train_epochs=1.0, save_checkpoints_steps=4
)  # 12 steps, measured and saved at 4, 8 and 12

Training = Callable[..., TrainingFacts]


@pytest.fixture
def training(tokens_folder: Path, tmp_path: Path) -> Training:
    """Trains into `model`, with its checkpoints in `checkpoints`."""

    def run(config: TrainConfig = CONFIG, **changes: Any) -> TrainingFacts:
        arguments: dict[str, Any] = {
            "tokens_path": tokens_folder, "model_path": tmp_path / "model", "encoder": ENCODER,
            "checkpoint_place": CheckpointPlace(uri=str(tmp_path / "checkpoints")),
        }  # fmt: skip
        return step.train(config=config, **(arguments | changes))

    return run


@pytest.fixture(scope="module")
def never_stopped(tokens_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("never") / "model"
    step.train(tokens_folder, path, ENCODER, CONFIG)
    return path


class Told:
    """Passes on to a reporter, and sends this process a signal after some step."""

    def __init__(self, inner: Reporter, at: int, number: int) -> None:
        self._inner, self._at, self._number = inner, at, number

    def step(self, done: int, loss: float, examples_per_second: float) -> None:
        self._inner.step(done, loss, examples_per_second)
        if done == self._at:
            signal.raise_signal(self._number)

    def say(self, message: str) -> None:
        self._inner.say(message)


@pytest.fixture
def stopped(
    training: Training, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Trains until a real signal comes right after a step; returns what was said of the end."""

    def run(at: int, number: int = signal.SIGTERM, **changes: Any) -> str:
        @contextmanager
        def telling(title: str, total_steps: int, done: int = 0) -> Iterator[Reporter]:
            with progress(title, total_steps, done) as reporter:
                yield Told(reporter, at, number)

        with monkeypatch.context() as patch:
            patch.setattr(step, "progress", telling)
            with pytest.raises(SystemExit) as ended:
                training(**changes)
        assert ended.value.code == STOPPED
        return capfd.readouterr().err

    return run


def events(model: Path) -> list[tuple[int, str, float]]:
    (path,) = (model / "logs").iterdir()
    return [
        (event.step, value.tag, value.tensor.float_val[0] or value.simple_value)
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
    ]


def assert_as_if_never_stopped(model: Path, never: Path, resumed_at: list[int]) -> None:
    """Bit for bit: the weights, every figure that is no time, the events."""
    resumed, reference = read_model(model), read_model(never)
    assert resumed.weights.keys() == reference.weights.keys()
    for name, value in reference.weights.items():
        np.testing.assert_array_equal(resumed.weights[name], value, err_msg=name)
    told, expected = (dataclasses.asdict(m.training) for m in (resumed, reference))
    assert list(told.pop("resumed_at")) == resumed_at
    expected.pop("resumed_at")
    times = {name for name in expected if "second" in name or "memory" in name}
    assert {k: v for k, v in told.items() if k not in times} == {
        k: v for k, v in expected.items() if k not in times
    }
    assert events(model) == events(never)


@pytest.mark.parametrize("at", [1, 4, 7])
def test_a_training_that_was_stopped_ends_as_if_it_never_was(
    training: Training, stopped: Callable[..., str], never_stopped: Path, tmp_path: Path, at: int
) -> None:
    said = stopped(at)
    assert said == (
        f"train: stopped by SIGTERM at step {at}; its checkpoint lies at "
        f"{tmp_path / 'checkpoints'}: the same command goes on from there\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]
    training()
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [at])


def test_it_may_be_stopped_again_and_again(
    training: Training, stopped: Callable[..., str], never_stopped: Path, tmp_path: Path
) -> None:
    stopped(2)
    assert "stopped by SIGINT at step 3" in stopped(3, signal.SIGINT)
    stopped(11)
    training()
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [2, 3, 11])


def test_in_bfloat16_too(training: Training, stopped: Callable[..., str], tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, precision="bfloat16")
    training(config, model_path=tmp_path / "never", checkpoint_place=None)
    stopped(7, config=config)
    training(config)
    assert_as_if_never_stopped(tmp_path / "model", tmp_path / "never", [7])


def test_a_measurement_is_broken_off_and_done_again(
    training: Training, never_stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, measured = loop.measure_dev, []

    def measure_and_be_told(*arguments: Any) -> Any:
        measured.append(arguments[-1])
        signal.raise_signal(signal.SIGTERM)
        return usual(*arguments)  # the signal came before

    with monkeypatch.context() as patch:
        patch.setattr(loop, "measure_dev", measure_and_be_told)
        with pytest.raises(SystemExit, match=str(STOPPED)):
            training()
    assert measured == [4]
    training()
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [4])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def newest(checkpoints: Path) -> Path:
    return max(checkpoints.iterdir(), key=lambda slot: (slot / MANIFEST).stat().st_mtime_ns)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(
            lambda slot: cut(slot / "second_moments.safetensors"), "bytes instead of", id="cut"
        ),
        pytest.param(
            lambda slot: (slot / "history.json").write_text("{"),
            "is not a CheckpointFacts",
            id="history",
        ),
        pytest.param(lambda slot: (slot / MANIFEST).unlink(), "has no artifact.json", id="torn"),
        pytest.param(
            lambda slot: (slot / "history.json").unlink(), "does not exist", id="no-history"
        ),
        pytest.param(
            lambda slot: write_json(slot / MANIFEST, Manifest("checkpoint", {}, version=99)),
            "format 99",
            id="another-version",
        ),
    ],
)
def test_a_damaged_checkpoint_is_left_out_for_the_one_before(
    training: Training,
    stopped: Callable[..., str],
    never_stopped: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    said: str,
) -> None:
    stopped(9)  # saved at 4, 8 and 9
    slot = newest(tmp_path / "checkpoints")
    damage(slot)
    training()
    (warning,) = (line for line in capfd.readouterr().out.splitlines() if "is left out" in line)
    assert warning.startswith(f"train: the checkpoint {slot} is left out: ")
    assert said in warning
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [8])


def test_without_one_that_is_whole_it_begins_anew(
    training: Training, stopped: Callable[..., str], never_stopped: Path, tmp_path: Path
) -> None:
    stopped(9)
    for slot in (tmp_path / "checkpoints").iterdir():
        cut(slot / "weights.safetensors")
    training()
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [])


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        pytest.param(
            {"config": dataclasses.replace(CONFIG, learning_rate=2e-3)},
            "learning_rate was 0.001, is 0.002",
            id="learning_rate",
        ),
        pytest.param(
            {"config": dataclasses.replace(CONFIG, seed=1, num_train_epochs=2.0)},
            "num_train_epochs was 1.0, is 2.0; seed was 42, is 1",
            id="two",
        ),
        pytest.param(
            {"encoder": "scratch:albert-tiny"},
            f"encoder was '{ENCODER}', is 'scratch:albert-tiny'; encoder_config was ",
            id="encoder",
        ),
    ],
)
def test_checkpoints_of_another_training_are_refused(
    training: Training,
    stopped: Callable[..., str],
    tmp_path: Path,
    changes: dict[str, Any],
    difference: str,
) -> None:
    stopped(2)
    with pytest.raises(InputError) as raised:
        training(**changes)
    place = tmp_path / "checkpoints"
    assert str(raised.value).startswith(
        f"the checkpoints at {place} are of another training: {difference}"
    )
    assert str(raised.value).endswith(
        "; go on with what it was begun with, or name another checkpoint_uri, or remove that "
        "folder to begin anew"
    )
    assert not (tmp_path / "model").exists()


def test_a_place_for_many_has_a_folder_for_each(
    training: Training, stopped: Callable[..., str], never_stopped: Path, tmp_path: Path
) -> None:
    shared = CheckpointPlace(uri=str(tmp_path / "all"), shared=True)
    stopped(3, checkpoint_place=shared)
    other = dataclasses.replace(CONFIG, seed=7, num_train_epochs=0.2)
    assert training(other, checkpoint_place=shared, model_path=tmp_path / "other").resumed_at == ()
    assert len(list((tmp_path / "all").iterdir())) == 2
    training(checkpoint_place=shared)
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [3])


def test_what_is_done_is_not_done_again(
    training: Training, never_stopped: Path, tmp_path: Path
) -> None:
    first = training()
    again = training()  # as if the model was lost on its way
    assert again.resumed_at == (12,)
    assert again.train_seconds == first.train_seconds
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [12])


def test_early_stopping_counts_on(training: Training, stopped: Callable[..., str]) -> None:
    config = dataclasses.replace(
        CONFIG, learning_rate=1e-30, num_train_epochs=3.0, early_stopping_patience=2
    )
    stopped(9, config=config)
    facts = training(config)
    assert (facts.global_step, facts.best_step) == (12, 4)
    assert facts.stop_reason.startswith("early stopping: 2 measurements")
    again = training(config)
    assert (again.global_step, again.stop_reason) == (12, facts.stop_reason)


def test_a_training_outlives_its_checkpoints(
    training: Training,
    never_stopped: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:

    @contextmanager
    def spoiling(title: str, total_steps: int, done: int = 0) -> Iterator[Reporter]:
        (tmp_path / "checkpoints").write_text("in the way")
        with progress(title, total_steps, done) as reporter:
            yield reporter

    monkeypatch.setattr(step, "progress", spoiling)
    training()
    said = [line for line in capfd.readouterr().out.splitlines() if "no checkpoint" in line]
    assert len(said) == 3
    assert said[0].startswith("train: no checkpoint could be written: ")
    assert said[0].endswith("; training goes on")
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [])


def test_a_full_disk_takes_no_checkpoint_that_is_whole(
    tmp_path: Path, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoints = Checkpoints(str(tmp_path / "checkpoints"), {"seed": 1}, {})
    for step_done in (1, 2, 3):
        save(checkpoints, step_done, logs)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        save(checkpoints, 4, logs)
        save(checkpoints, 5, logs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert capsys.readouterr().out.count("no checkpoint could be written") == 2
    assert checkpoints.saved_step == 3
    assert steps_in(tmp_path / "checkpoints", "bc") == [2, 3]
    found = Checkpoints(str(tmp_path / "checkpoints"), {"seed": 1}, {}).latest()
    assert found
    assert found.history.step == 3
    save(checkpoints, 6, logs)
    assert steps_in(tmp_path / "checkpoints") == [6, 2, 3]


def save(checkpoints: Checkpoints, step: int, logs: Path, value: float | None = None) -> None:
    arrays = {"x": np.full(1000, step if value is None else value, np.float32)}
    with checkpoints.saving(State(arrays, arrays, arrays, arrays), step) as saving:
        saving.complete(dataclasses.replace(NOTHING_YET, step=step), None, logs)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


def test_two_are_whole_while_a_third_is_written(tmp_path: Path, logs: Path) -> None:
    place = tmp_path / "checkpoints"
    checkpoints = Checkpoints(str(place), {"seed": 1}, {})
    for step_done in (1, 2, 3):
        save(checkpoints, step_done, logs)
    arrays = {"x": np.zeros(1000)}
    with checkpoints.saving(State(arrays, arrays, arrays, arrays), 4) as saving:
        assert steps_in(place, "bc") == [2, 3]
        saving.complete(dataclasses.replace(NOTHING_YET, step=4), None, logs)
    assert steps_in(place) == [4, 2, 3]


def steps_in(place: Path, slots: str = "abc") -> list[int]:
    folders = [open_folder(place / slot, "checkpoint") for slot in slots]
    return [read_facts(folder).history.step for folder in folders]


@pytest.mark.parametrize("gone", [False, True])
def test_best_weights_that_stay_the_best_are_written_once(
    tmp_path: Path, logs: Path, gone: bool
) -> None:
    """Where the checkpoint before was lost meanwhile, once more."""
    place = tmp_path / "checkpoints"
    checkpoints = Checkpoints(str(place), {"seed": 1}, {})
    best = DevPoint(step=1, accuracy=1.0, eval_loss=0.5)
    for step_done in (1, 2, 3):
        if gone and step_done == 3:
            shutil.rmtree(place / "b")
        arrays = {"x": np.full(1000, step_done, np.float32)}
        before = {"x": np.full(1000, 1, np.float32)} if step_done > 1 else None
        with checkpoints.saving(State(arrays, arrays, arrays, arrays), step_done) as saving:
            history = dataclasses.replace(NOTHING_YET, step=step_done, best=best)
            saving.complete(history, before, logs)
    places = [place / "a" / "weights.safetensors", place / "c" / "best.safetensors"]
    assert len({path.stat().st_ino for path in places}) == (2 if gone else 1)
    found = Checkpoints(str(place), {"seed": 1}, {}).latest()
    assert found
    assert found.state().weights["x"].tolist() == [3.0] * 1000
    assert found.best_weights()["x"].tolist() == [1.0] * 1000


def test_arrays_of_another_step_are_not_taken(tmp_path: Path, logs: Path) -> None:
    place = str(tmp_path / "checkpoints")
    first, second = Checkpoints(place, {"seed": 1}, {}), Checkpoints(place, {"seed": 1}, {})
    save(first, 1, logs)
    save(first, 2, logs)
    found = first.latest()
    assert found
    assert found.state().weights["x"].tolist() == [2.0] * 1000
    assert second.latest()
    for step_done in (3, 4, 5):  # another process, which takes the other slots and then this one
        save(second, step_done, logs)
    with pytest.raises(InputError, match="is of step 5, expected 2: another process writes to"):
        found.state()


def test_other_versions_are_told_once(
    tmp_path: Path, logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(tmp_path / "checkpoints")
    save(Checkpoints(place, {}, {"keras": "3.15", "numpy": "2.4"}), 1, logs)
    assert Checkpoints(place, {}, {"keras": "3.16", "numpy": "2.4"}).latest()
    told = "train: resumed with other versions: keras 3.15 → 3.16\n"
    assert capsys.readouterr().out == told


def test_a_step_that_diverged_is_not_saved(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_finite(*arguments: Any) -> DevPoint:
        return DevPoint(step=arguments[-1], accuracy=0.5, eval_loss=float("nan"))

    monkeypatch.setattr(loop, "measure_dev", not_finite)
    assert "the loss on dev became nan at step 4" in training().stop_reason
    assert list((tmp_path / "checkpoints").glob("?")) == []


def test_the_usual_place_that_cannot_be_written_costs_the_checkpoints_alone(
    training: Training, never_stopped: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = CheckpointPlace(uri="https://host/checkpoints", usual=True)
    training(checkpoint_place=place)
    told = "train: no checkpoints: cannot write to 'https://host/checkpoints/a': "
    assert told in capfd.readouterr().out
    assert_as_if_never_stopped(tmp_path / "model", never_stopped, [])
    with pytest.raises(InputError, match="cannot write to"):
        training(checkpoint_place=dataclasses.replace(place, usual=False))


def test_those_that_pass_go_with_the_end_and_others_stay(
    training: Training, tmp_path: Path
) -> None:
    place = CheckpointPlace(uri=str(tmp_path / "all"), shared=True, passing=True)
    short = dataclasses.replace(CONFIG, num_train_epochs=0.2)
    training(short, checkpoint_place=dataclasses.replace(place, passing=False))
    (kept,) = (tmp_path / "all").iterdir()
    training(dataclasses.replace(short, seed=7), checkpoint_place=place)
    assert list((tmp_path / "all").iterdir()) == [kept]


def test_other_code_does_not_go_on(
    training: Training, stopped: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(2)
    monkeypatch.setattr("components.train.checkpoint_place.files_digest", lambda: "0" * 64)
    with pytest.raises(InputError, match=r"of another training: code was '\w{16}', is '0{16}'; go"):
        training()


def test_a_checkpoint_to_start_from_counts_by_what_it_holds(
    training: Training,
    stopped: Callable[..., str],
    random_model: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    export(random_model("bert"), tmp_path / "bert", "huggingface")
    said = stopped(3, encoder=str(tmp_path / "bert"))
    assert "stopped by SIGTERM at step 3" in said
    for slot in (tmp_path / "checkpoints").iterdir():
        assert str(tmp_path / "bert") not in (slot / "history.json").read_text()
    monkeypatch.chdir(tmp_path)
    assert training(encoder="./bert").resumed_at == (3,)


KILLED_TWICE = """
import signal, sys
from components.train.stopping import told_to_stop
with told_to_stop() as stopping:
    signal.raise_signal(signal.SIGTERM)
    print(stopping.signal_name, flush=True)
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        print("cleaning up for minutes", flush=True)
"""


def test_a_second_signal_waits_for_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED_TWICE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "SIGTERM\n")


def test_of_several_nodes_none_heeds_a_signal(
    training: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would stop at a step of its own, and wait for the others for ever."""
    handlers = []

    class Noting(Told):
        def step(self, done: int, loss: float, examples_per_second: float) -> None:
            handlers.append(signal.getsignal(signal.SIGTERM))
            super().step(done, loss, examples_per_second)

    @contextmanager
    def noting(title: str, total_steps: int, done: int = 0) -> Iterator[Reporter]:
        with progress(title, total_steps, done) as reporter:
            yield Noting(reporter, 0, 0)

    monkeypatch.setattr(step, "progress", noting)
    training()
    usual = signal.getsignal(signal.SIGTERM)
    assert usual not in handlers
    handlers.clear()
    monkeypatch.setattr(loop, "several_nodes", lambda: True)
    training(model_path=tmp_path / "again", checkpoint_place=None)
    training(
        model_path=tmp_path / "again",
        checkpoint_place=CheckpointPlace(uri=str(tmp_path / "others")),
    )
    assert set(handlers) == {usual}


def test_a_place_that_holds_something_else_is_refused(training: Training, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "a").mkdir(parents=True)
    (tmp_path / "checkpoints" / "a" / "letter.txt").write_text("precious")
    with pytest.raises(InputError, match=r"holds letter\.txt, which is not part of a checkpoint"):
        training()


def test_dropout_goes_on_where_it_was(
    training: Training, stopped: Callable[..., str], never_stopped: Path, tmp_path: Path
) -> None:
    """Guards the tests above: without the random state they would fail."""
    stopped(4)
    state = newest(tmp_path / "checkpoints") / "random.safetensors"
    arrays = load_file(state)
    assert len(arrays) >= 3
    names = {"torch": "cpu"}.get(keras.backend.backend(), "seed_0")
    assert names in arrays


@pytest.mark.parametrize(
    ("model_uri", "expected"),
    [
        ("gs://b/root/albert-vs-bert/run-1/train-bert/salt/model",
         "gs://b/root/albert-vs-bert/run-1/checkpoints"),
        ("/runs/steps/albert-vs-bert-2026/train-bert/model", "/runs/steps/checkpoints"),
        ("minio://mlpipeline/v2/artifacts/p/run-1/train/salt/model", "none"),
    ],
)  # fmt: skip
def test_on_a_cluster_they_lie_below_the_run(
    model_uri: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert checkpoints_beside(model_uri) == expected
    told = "train: no checkpoints: the pipeline root is minio://… and AWS_ENDPOINT_URL does not say"
    assert capsys.readouterr().out.startswith(told) == (expected == "none")


def test_the_storage_of_kubeflow_is_reached_as_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://minio-service.kubeflow:9000")
    uri = "minio://mlpipeline/v2/artifacts/p/run-1/train/salt/model"
    assert checkpoints_beside(uri) == "s3://mlpipeline/v2/artifacts/p/run-1/checkpoints"
