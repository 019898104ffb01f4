import dataclasses
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from benchmarks.speed import ours
from benchmarks.speed.config import SpeedConfig, case_of
from benchmarks.speed.measurement import (
    Case,
    Measurement,
    Prediction,
    Training,
    examples_per_second,
    measurement_of,
    padding_to_fixed_length,
    training_of,
)
from benchmarks.speed.peers import (
    PEERS,
    ChildError,
    chosen_peers,
    reason_of,
    run_with_children,
)
from benchmarks.speed.rows import MEAN_TOKENS, Array, draw, lengths
from benchmarks.speed.tables import Entry, tables_of
from benchmarks.speed.tokens_folder import write_rows
from components.artifacts.tokens import read_tokens
from components.encoders.sizes import scratch_config
from components.errors import InputError
from components.train.batches import batch_order

CASE = Case(
    encoder="scratch:bert-tiny",
    backend="torch",
    precision="float32",
    compiled=False,
    batch_size=2,
    warm_up_steps=2,
    steps=3,
    predict_rows=0,
    predict_batch_size=4,
    began=100.0,
)
TOKENS = {1: 60.0, 2: 60.0, 3: 56.0, 4: 28.0, 5: 84.0}
NAMES = {peer.name: peer for peer in PEERS}


def measured(seconds: float, **changes: object) -> Measurement:
    training = Training(
        seconds=(seconds,) * 3,
        tokens=(56.0,) * 3,
        first_step_seconds=9.0,
        peak_memory_bytes=3 * 2**30,
        padding=1.02,
    )
    return dataclasses.replace(measurement_of(CASE, training), **changes)  # type: ignore[arg-type]


def entry(name: str, *rounds: Measurement, reason: str = "") -> Entry:
    return Entry(peer=NAMES[name], case=CASE, rounds=rounds, reason=reason)


def test_steps_of_the_warm_up_do_not_count() -> None:
    ends = {1: 110.0, 2: 111.0, 3: 113.0, 4: 114.0, 5: 118.0}
    training = training_of(CASE, ends, TOKENS, 1.5)
    assert training.seconds == (2.0, 1.0, 4.0)
    assert training.tokens == (56.0, 28.0, 84.0)
    assert training.first_step_seconds == 10.0
    assert training.peak_memory_bytes > 10e6
    assert training.padding == 1.5
    # 28, 28 and 21 tokens a second; 6 rows in 7 seconds, of 28 tokens each
    found = measurement_of(CASE, training)
    assert examples_per_second(CASE, found, is_padded=False) == pytest.approx((1.0, 6 / 7))
    assert examples_per_second(CASE, found, is_padded=True) == pytest.approx((1.0, 6 / 7))


def test_steps_whose_ends_are_not_known_count_as_equal() -> None:
    training = training_of(CASE, {2: 111.0, 4: 114.0, 5: 118.0}, TOKENS, 1.5)
    assert training.seconds == (1.5, 1.5, 4.0)
    assert training.tokens == (42.0, 42.0, 84.0)
    assert training.first_step_seconds is None


def test_longer_rows_than_the_mean_count_for_more() -> None:
    twice_as_long = dataclasses.replace(measured(1.0).training, tokens=(112.0,) * 3)
    found = measurement_of(CASE, twice_as_long)
    assert examples_per_second(CASE, found, is_padded=False) == (4.0, 4.0)
    assert examples_per_second(CASE, found, is_padded=True) == (2.0, 2.0)


def test_padding_to_a_fixed_length_by_hand() -> None:
    assert padding_to_fixed_length(CASE, {1: 60.0, 2: 68.0}) == 4.0  # 2 x 2 x 128 of 128


def steps_of_hugging_face(case: Case, rows: Array) -> Array:
    # Imported here: it imports PyTorch and transformers.
    from benchmarks.speed import hugging_face

    return hugging_face.batches_of(rows, case)


def steps_of_ours(case: Case, rows: Array) -> Array:
    order = batch_order(rows, case.batch_size, ours.typical_seed(rows, case))
    return np.stack(list(itertools.islice(order, case.batches)))


@pytest.mark.parametrize("batch_size", [16, 64])
@pytest.mark.parametrize("steps_of", [steps_of_hugging_face, steps_of_ours])
def test_the_steps_that_count_are_like_those_of_a_long_training(
    steps_of: Callable[[Case, Array], Array], batch_size: int
) -> None:
    case = case_of(SpeedConfig(), NAMES["hugging-face-bfloat16"], "bert-base", batch_size)
    assert case.rows == 200 * batch_size
    drawn = lengths(case.rows, case.seed)
    epoch = steps_of(case, drawn)
    assert sorted(epoch.ravel()) == list(range(case.rows))
    in_steps = drawn[epoch[case.counted]]
    assert len(in_steps) == case.steps
    assert in_steps.mean() == pytest.approx(MEAN_TOKENS, rel=0.02)
    assert np.median(in_steps.sum(axis=1)) == pytest.approx(27 * batch_size, rel=0.03)
    # 1.018 at batch 16 and 1.022 at batch 64 over 20,000 and 3,000 batches.
    assert in_steps.max(axis=1).sum() * batch_size / in_steps.sum() == pytest.approx(1.02, abs=0.01)


def test_every_round_draws_anew_and_leaves_out_what_hardly_varies() -> None:
    config = SpeedConfig(rounds=3, seed=5, peers=("classic-torch", "hugging-face-bfloat16"))
    first, *others = config.of_rounds()
    assert first == (config, [NAMES["classic-torch-float32"], NAMES["hugging-face-bfloat16"]])
    assert [peers for _, peers in others] == [[NAMES["hugging-face-bfloat16"]]] * 2
    assert [(other.seed, other.predict_rows) for other, _ in others] == [(6, 0), (7, 0)]


def test_names_of_peers_differ() -> None:
    assert len(NAMES) == len(PEERS)


def test_peers_are_chosen_by_name_or_its_beginning() -> None:
    assert {peer.backend for peer in chosen_peers(["ours"])} == {"tensorflow", "torch", "jax"}
    assert [peer.name for peer in chosen_peers(["classic-torch"])] == ["classic-torch-float32"]
    assert len(chosen_peers(["hugging-face-bfloat16"])) == 1
    assert len(chosen_peers(["hugging-face-b"])) == 3
    assert chosen_peers(["all"]) == list(PEERS)
    assert [peer.name for peer in chosen_peers([])] == [
        "classic-torch-float32", "classic-tensorflow-float32", "hugging-face-bfloat16",
        "hugging-face-bfloat16-compiled", "hugging-face-bfloat16-allocator",
        "ours-tensorflow-bfloat16", "ours-torch-bfloat16",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peers": ("our", "torch")}, "no peer's name begins with 'torch': choose all or of"),
        ({"models": ("bert",)}, "no model is called 'bert': choose of albert-tiny"),
        ({"models": ()}, "models must be at least 1"),
        ({"batch_sizes": ()}, "batch_sizes must be at least 1"),
        ({"batch_sizes": (0,)}, "batch_sizes must be at least 1"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"warm_up_steps": 0}, "warm_up_steps must be at least 1, got 0"),
        ({"predict_rows": -1}, "predict_rows must be at least 0, got -1"),
        ({"predict_batch_size": 0}, "predict_batch_size must be at least 1, got 0"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SpeedConfig(**changes)  # type: ignore[arg-type]


def test_padded_peers_do_fewer_steps() -> None:
    config = SpeedConfig(batch_sizes=(16, 64))
    grouped = case_of(config, NAMES["hugging-face-bfloat16"], "bert-base", 16)
    assert (grouped.warm_up_steps, grouped.steps, grouped.predict_rows) == (10, 20, 320)
    classic = case_of(config, NAMES["classic-torch-float32"], "bert-base", 64)
    assert (classic.warm_up_steps, classic.steps, classic.predict_rows) == (2, 4, 0)


def test_quick_keeps_what_it_does_not_replace() -> None:
    config = SpeedConfig(quick=True, batch_sizes=(4,), predict_rows=8).as_asked()
    assert (config.models, config.batch_sizes) == (("bert-tiny", "albert-tiny"), (4,))
    assert (config.steps, config.predict_rows) == (3, 8)
    config = SpeedConfig(quick=True, models=("bert-small",)).as_asked()
    assert config.models == ("bert-small",)


def test_tables_hold_ratios_to_the_best_classic_and_the_best_hugging_face() -> None:
    slow, fast, ours = (
        Prediction(precision=precision, rows_per_second=speed)
        for precision, speed in (("float32", 20.0), ("bfloat16", 80.0), ("float32", 50.0))
    )
    entries = [
        entry("classic-torch-float32", measured(8.0)),
        entry("classic-tensorflow-float32", measured(10.0)),
        entry("keras-hub-float32", reason="not installed: keras_hub"),
        entry("hugging-face-float32", measured(2.0)),
        entry("hugging-face-bfloat16", measured(1.0, predictions=(slow, fast))),
        entry(
            "ours-torch-bfloat16",
            *(measured(seconds, predictions=(ours,)) for seconds in (0.5, 0.4, 9.0)),
        ),
    ]
    config = scratch_config("scratch:bert-tiny", 21128)
    lines = tables_of(config, entries, {"bfloat16": 400.0})
    cells = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in lines if "| " in line}
    assert cells["classic-torch-float32"][1:4] == ["0.25", "1.00×", "0.12×"]
    assert cells["keras-hub-float32"][0] == "not installed: keras_hub"
    training, predicted = (line for line in lines if line.startswith("| ours-torch"))
    assert training.startswith("| ours-torch-bfloat16 | bfloat16 | 4.00 | 16.00× | 2.00× |")
    assert training.endswith("(0%) | 1.02 | 4.00 | 9.0 | 3.0 |")
    assert "classic: classic-torch-float32; HF's best: hugging-face-bfloat16." in lines
    # Within a precision.
    assert predicted.startswith("| ours-torch-bfloat16 | float32 | 50.00 | – | 2.50× |")
    in_float32, in_bfloat16 = (line for line in lines[-8:] if line.startswith("| hugging"))
    assert in_float32.startswith("| hugging-face-bfloat16 | float32 | 20.00 | – | 1.00× |")
    assert in_bfloat16.startswith("| hugging-face-bfloat16 | bfloat16 | 80.00 | – | 1.00× |")
    assert (
        "HF's best in float32: hugging-face-bfloat16; HF's best in bfloat16: hugging-face-bfloat16."
        in lines
    )


def test_generated_rows_make_a_tokens_folder(tmp_path: Path) -> None:
    rows = draw(20, seed=1)
    write_rows(tmp_path / "tokens", {"train": rows, "dev": rows[:5]})
    tokens = read_tokens(tmp_path / "tokens")
    assert tokens.splits["train"]["input_ids"][3].as_py() == rows[3].input_ids.tolist()
    assert (tokens.facts.vocab_size, tokens.vocab.count("\n")) == (21128, 21128)
    assert tokens.facts.splits["dev"].tokens.max == max(len(row) for row in rows[:5])
    assert np.sum(list(tokens.facts.data.splits["train"].label_counts.values())) == 20


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        (
            "Traceback\nModuleNotFoundError: No module named 'keras_hub'\n",
            "not installed: keras_hub",
        ),
        (
            "a warning\nerror: no encoder is called 'x'\n\n",
            "failed: error: no encoder is called 'x'",
        ),
        ("", ""),
    ],
    ids=["absent", "last-line", "silent"],
)
def test_why_a_child_gave_no_figures(stderr: str, reason: str) -> None:
    assert reason_of(stderr) == reason


def test_what_is_not_done_in_time_ends_with_all_that_it_started(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    program = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"open({str(started)!r}, 'w').write(str(child.pid))\n"
        "child.wait()"
    )
    with pytest.raises(ChildError, match="not done after 3 s"):
        run_with_children([sys.executable, "-c", program], {}, timeout=3)
    status = Path("/proc", started.read_text(), "stat")
    # Nobody may have waited for it yet: then it is a zombie, "Z".
    for _ in range(50):
        if not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("the child of the child goes on")


def test_what_a_command_printed_and_its_exit_code() -> None:
    program = "import os, sys; print(os.environ['A']); sys.exit(3)"
    found = run_with_children([sys.executable, "-c", program], {"A": "b"}, timeout=60)
    assert found == (3, "b\n", "")


def test_ends_of_steps_are_read_from_the_log(tmp_path: Path) -> None:
    marks = [(1, "train/loss", 10.5), (1, "dev/loss", 10.7), (2, "train/loss", 12.0)]
    with (tmp_path / "events").open("wb") as file:
        writer = RecordWriter(file)
        for step, tag, wall_time in marks:
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=0.5)])
            event = Event(step=step, wall_time=wall_time, summary=summary)
            writer.write(event.SerializeToString())
        writer.flush()
    assert ours.step_ends(tmp_path) == {1: 10.5, 2: 12.0}
