import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from components.artifacts.facts import DevPoint, TrainingFacts
from components.artifacts.model import read_model
from components.artifacts.tokens import read_tokens
from components.encoders.build import build_classifier
from components.encoders.checkpoints.checkpoint import open_checkpoint
from components.encoders.checkpoints.write import write_tf1
from components.encoders.sizes import scratch_config
from components.encoders.weights import weights_of
from components.errors import InputError
from components.train.checks import fitting_encoder
from components.train.config import TrainConfig
from components.train.loop import is_better
from components.train.step import train

QUICK = TrainConfig(
    train_batch_size=8, learning_rate=1e-3, num_train_epochs=1.0, save_checkpoints_steps=4
)


@pytest.fixture(scope="module")
def trained(tokens_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trained") / "model"
    train(tokens_folder, path, "scratch:bert-tiny", QUICK, family="bert")
    return path


def test_training_json_tells_everything(trained: Path) -> None:
    facts = read_model(trained).training
    assert (facts.family, facts.encoder, facts.labels) == (
        "bert", "scratch:bert-tiny", ("negative", "positive"),
    )  # fmt: skip
    assert facts.config == dataclasses.asdict(QUICK)
    assert facts.global_step == facts.planned_steps == 12  # int(96 / 8 * 1)
    assert [p.step for p in facts.dev_curve] == [4, 8, 12]
    assert [p.step for p in facts.curve] == list(range(1, 13))
    assert all(0.01 < p.encoder_gradient_norm < p.gradient_norm < 10 for p in facts.curve)
    assert facts.best_step in (4, 8, 12)
    assert (facts.stop_reason, facts.diverged) == ("", False)
    assert facts.train_examples == 96
    assert 0 < facts.real_tokens <= facts.computed_tokens <= 96 * 32
    assert facts.train_seconds + facts.dev_seconds < facts.seconds
    assert facts.peak_memory_bytes > 50e6
    if facts.hardware["accelerators"] == "none":
        assert (facts.accelerators, facts.peak_accelerator_memory_bytes) == (0, None)
    assert {"python", "keras", "numpy"} <= facts.versions.keys()
    assert {"processor", "cores", "memory", "accelerators"} <= facts.hardware.keys()


def test_parameters_are_counted(trained: Path) -> None:
    model = read_model(trained)
    assert model.training.parameters == sum(w.size for w in model.weights.values())


def test_curves_are_written_as_tensorboard_events(trained: Path) -> None:
    (path,) = (trained / "logs").iterdir()
    tags = {
        value.tag for event in EventFileLoader(str(path)).Load() for value in event.summary.value
    }
    assert tags == {
        "train/loss", "train/learning_rate", "train/gradient_norm", "train/encoder_gradient_norm",
        "dev/accuracy", "dev/loss",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_weights(tokens_folder: Path, trained: Path, tmp_path: Path) -> None:  # fmt: skip # noqa: E501
    train(tokens_folder, tmp_path / "again", "scratch:bert-tiny", QUICK)
    train(
        tokens_folder,
        tmp_path / "other",
        "scratch:bert-tiny",
        dataclasses.replace(QUICK, seed=7),
    )
    first, again, other = (
        read_model(p).weights for p in (trained, tmp_path / "again", tmp_path / "other")
    )
    assert first.keys() == again.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert any((first[name] != other[name]).any() for name in first)


def facts_of(tokens: Path, folder: Path, encoder: str, **changes: object) -> TrainingFacts:
    config = dataclasses.replace(QUICK, **changes)  # type: ignore[arg-type]
    return train(tokens, folder / "model", encoder, config)


@pytest.mark.parametrize("encoder", ["scratch:bert-tiny", "scratch:albert-tiny"])
def test_an_encoder_from_scratch_learns(tokens_folder: Path, tmp_path: Path, encoder: str) -> None:
    facts = facts_of(
        tokens_folder, tmp_path, encoder, num_train_epochs=8.0, save_checkpoints_steps=0
    )
    assert len(facts.dev_curve) == 8  # once an epoch
    assert max(p.accuracy for p in facts.dev_curve) >= 0.9


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"precision": "bfloat16"}, id="bfloat16"),
        pytest.param({"optimizer": "bert_adam"}, id="bert_adam"),
        pytest.param({"train_batch_size": 7}, id="odd-batch"),
    ],
)
def test_variants_train(tokens_folder: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    facts = facts_of(tokens_folder, tmp_path, "scratch:albert-tiny", **changes)
    assert facts.global_step == facts.planned_steps
    weights = read_model(tmp_path / "model").weights
    assert all(w.dtype == np.float32 and np.isfinite(w).all() for w in weights.values())


def test_early_stopping_ends_a_run_that_gets_no_better(tokens_folder: Path, tmp_path: Path) -> None:
    facts = facts_of(
        tokens_folder, tmp_path, "scratch:bert-tiny", learning_rate=1e-30, num_train_epochs=3.0,
        early_stopping_patience=2, save_checkpoints_steps=2,
    )  # fmt: skip
    assert facts.stop_reason.startswith("early stopping: 2 measurements")
    assert facts.global_step < facts.planned_steps == 36
    assert facts.best_step == 2


@pytest.mark.parametrize(
    ("steps", "said"),
    [pytest.param(4, "the loss became", id="train"), pytest.param(1, "loss on dev", id="dev")],
)
def test_a_diverged_run_stops_and_says_so(
    tokens_folder: Path, tmp_path: Path, steps: int, said: str
) -> None:
    facts = facts_of(
        tokens_folder, tmp_path, "scratch:bert-tiny", learning_rate=1e30, warmup_proportion=0.0,
        save_checkpoints_steps=steps,
    )  # fmt: skip
    assert said in facts.stop_reason
    assert facts.diverged
    assert facts.best_step == 0
    assert "lower learning_rate" in facts.stop_reason
    assert facts.global_step < facts.planned_steps
    weights = read_model(tmp_path / "model").weights
    assert all(np.isfinite(w).all() for w in weights.values()), "the last good weights are kept"


@pytest.mark.parametrize(
    ("new", "best", "better"),
    [
        pytest.param((0.8, 0.5), (0.7, 0.4), True, id="more-accurate"),
        pytest.param((0.7, 0.3), (0.7, 0.4), True, id="as-accurate-with-less-loss"),
        pytest.param((0.7, 0.5), (0.7, 0.4), False, id="as-accurate-with-more-loss"),
        pytest.param((0.6, 0.1), (0.7, 0.4), False, id="less-accurate"),
    ],
)
def test_the_best_is_the_most_accurate(
    new: tuple[float, float], best: tuple[float, float], better: bool
) -> None:
    new_point, best_point = (DevPoint(step=1, accuracy=a, eval_loss=e) for a, e in (new, best))
    assert is_better(new_point, best_point) is better
    assert is_better(new_point, None)


@pytest.mark.parametrize(
    ("encoder", "family", "changes", "message"),
    [
        pytest.param("scratch:bert-tiny", "albert", {}, "such as scratch:albert-SIZE",
                     id="other-family"),
        pytest.param("scratch:bert-tiney", "", {}, "did you mean scratch:bert-tiny?", id="typo"),
        pytest.param("roberta", "", {}, "no encoder is called 'roberta'", id="unknown"),
        pytest.param("scratch:bert-tiny", "", {"train_batch_size": 512, "num_train_epochs": 1.0},
                     "96 rows in batches of 512 for 1.0 epochs make no optimizer step",
                     id="no-step"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(
    tokens_folder: Path,
    tmp_path: Path,
    encoder: str,
    family: str,
    changes: dict[str, object],
    message: str,
) -> None:
    config = dataclasses.replace(QUICK, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError) as raised:
        train(tokens_folder, tmp_path / "model", encoder, config, family=family)
    assert message in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("train_batch_size", -1, "at least 1"),
        ("predict_batch_size", 0, "at least 1"),
        ("learning_rate", 0.0, "above 0"),
        ("learning_rate", float("nan"), "above 0"),
        ("num_train_epochs", 0.0, "above 0"),
        ("save_checkpoints_steps", -1, "0 or more"),
        ("warmup_proportion", 1.0, "in [0, 1)"),
        ("weight_decay", -0.1, "0 or more"),
        ("optimizer", "sgd", "one of adamw, bert_adam"),
        ("precision", "float16", "one of float32, bfloat16"),
        ("early_stopping_patience", -1, "0 or more"),
        ("seed", -1, "in [0, 2**32)"),
    ],
)
def test_a_bad_parameter_is_refused(name: str, value: object, allowed: str) -> None:
    with pytest.raises(InputError) as raised:
        TrainConfig(**{name: value})  # type: ignore[arg-type]
    assert str(raised.value) == f"{name} must be {allowed}, got {value!r}"


def checkpoint_of(vocab_size: int, folder: Path) -> Path:
    """Writes a TensorFlow 1 checkpoint of a tiny BERT with random weights."""
    folder.mkdir()
    config = scratch_config("scratch:bert-tiny", vocab_size)
    write_tf1(folder, config, weights_of(build_classifier(config, 2)))
    return folder


def test_training_starts_from_a_checkpoint_and_proves_it(
    tokens_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = checkpoint_of(read_tokens(tokens_folder).facts.vocab_size, tmp_path / "checkpoint")
    # So small a step size changes nothing that float32 shows: the weights stay the checkpoint's.
    still = dataclasses.replace(QUICK, learning_rate=1e-30, weight_decay=0.0)
    facts = train(tokens_folder, tmp_path / "model", str(folder), still)
    trained = read_model(tmp_path / "model")
    restored = trained.training.restored
    assert restored is not None
    assert (restored.restored, restored.expected) == (31, 31)
    assert restored.initialised == ("classifier/kernel", "classifier/bias")
    assert restored.left_over == {
        "head of an earlier fine-tuning": ("output_bias", "output_weights")
    }
    assert restored.source == str(folder)
    assert facts.family == "bert"
    assert facts.encoder == str(folder)
    found = open_checkpoint(folder)
    assert found.digest() == restored.digest
    word = found.open_tensors().read("bert/embeddings/word_embeddings")
    np.testing.assert_array_equal(trained.weights["embeddings/word/embeddings"], np.asarray(word))
    assert "train: 31 of 31 variables of the encoder restored from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more_rows", "message"),
    [
        pytest.param(-1, "it is another encoder's; tokenize with this encoder", id="too-few-rows"),
        pytest.param(128, "it is another encoder's; tokenize with this encoder", id="too-many"),
        pytest.param(127, "", id="rounded-up"),
    ],
)
def test_the_vocabulary_must_be_the_checkpoints(
    more_rows: int, message: str, tokens_folder: Path, tmp_path: Path
) -> None:
    entries = read_tokens(tokens_folder).facts.vocab_size
    folder = checkpoint_of(entries + more_rows, tmp_path / "checkpoint")
    if not message:
        assert fitting_encoder(str(folder), "bert", entries, 32).checkpoint
        return
    with pytest.raises(InputError, match=message):
        train(tokens_folder, tmp_path / "model", str(folder), QUICK)
    assert not (tmp_path / "model").exists()


def test_a_checkpoint_that_changed_or_is_of_another_family(tmp_path: Path) -> None:
    folder = checkpoint_of(50, tmp_path / "checkpoint")
    with pytest.raises(InputError, match=r"changed: its digest is [0-9a-f]{64}, expected 0123"):
        fitting_encoder(str(folder), "bert", 50, 32, digest="0123")
    with pytest.raises(InputError, match="of the bert family; choose another one"):
        fitting_encoder(str(folder), "albert", 50, 32)
    with pytest.raises(InputError, match="has only 512 positions; tokenize with a smaller one"):
        fitting_encoder(str(folder), "bert", 50, 513)


def test_rows_packed_for_another_family_are_refused(tmp_path: Path) -> None:
    folder = checkpoint_of(50, tmp_path / "checkpoint")
    with pytest.raises(
        InputError, match=r"are packed as xlnet expects them, .* expects bert's pack"
    ):
        fitting_encoder(str(folder), "bert", 50, 32, packing="xlnet")
