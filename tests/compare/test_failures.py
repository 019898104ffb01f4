import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.artifacts.evaluation import Evaluation
from components.artifacts.facts import CurvePoint, EvaluationFacts, RestoredFacts
from components.compare.failures import (
    NEVER_FELL,
    OPTIONAL_PARTS,
    VANISHED,
    failures,
    smoothed,
    training_failures,
    uninformed_loss,
)
from components.encoders.checkpoints.restore import HEADS, OPTIONAL
from components.evaluate.config import EvaluateConfig
from components.evaluate.step import evaluate
from components.train.config import TrainConfig
from components.train.step import train

Built = Callable[..., Evaluation]

GOOD, CHANCE, ALWAYS_0 = "+" * 80 + "-" * 20, "++--" * 25, "+-" * 50
LEVEL = 0.6931  # ln 2


def curve(losses: Sequence[float], encoder_gradient_norm: float = 1.0) -> tuple[CurvePoint, ...]:
    """Makes a curve; the classifier's gradient is large whatever the encoder's is."""
    return tuple(
        CurvePoint(
            step=step,
            loss=loss,
            learning_rate=1e-4,
            gradient_norm=5.0,
            encoder_gradient_norm=encoder_gradient_norm,
        )
        for step, loss in enumerate(losses, start=1)
    )


def kinds(facts: EvaluationFacts, split: str = "test") -> list[str]:
    return [failure.kind for failure in failures(facts, split)]


def test_a_good_run_has_not_failed(evaluation: Built) -> None:
    assert kinds(evaluation("bert", GOOD).facts) == []


@pytest.mark.parametrize(
    ("marks", "training", "expected"),
    [
        pytest.param(CHANCE, {}, ["at_majority"], id="chance"),
        pytest.param("+" * 55 + "-" * 45, {}, ["at_majority"], id="not-surely-above"),
        pytest.param(ALWAYS_0, {}, ["one_class", "at_majority"], id="one-class"),
        pytest.param(
            CHANCE, {"curve": curve([LEVEL] * 10)}, ["at_majority", "loss_never_fell"],
            id="loss-stays",
        ),
        pytest.param(
            CHANCE, {"curve": curve([5.0, 3.0, 1.2, 0.8, 0.75])},
            ["at_majority", "loss_never_fell"], id="loss-falls-to-the-level-only",
        ),
        pytest.param(
            CHANCE, {"curve": curve([LEVEL] * 5 + [0.6] * 5)}, ["at_majority"], id="loss-fell",
        ),
        pytest.param(
            GOOD, {"curve": curve([LEVEL] * 10)}, [], id="accuracy-refutes-the-curve",
        ),
        pytest.param(
            GOOD, {"diverged": True, "stop_reason": "the loss became nan at step 7"},
            ["not_finite"], id="diverged-after-a-good-start",
        ),
        pytest.param(
            CHANCE, {"curve": curve([0.68] * 10, VANISHED / 2)},
            ["at_majority", "loss_never_fell", "vanished_gradients"], id="vanished",
        ),
        pytest.param(
            CHANCE, {"curve": curve([0.1] * 10, VANISHED / 2)}, ["at_majority"],
            id="small-gradients-of-a-low-loss",
        ),
        pytest.param(
            CHANCE, {"curve": curve([0.5] * 10, VANISHED)}, ["at_majority"],
            id="gradients-at-the-border",
        ),
        pytest.param(CHANCE, {"curve": ()}, ["at_majority"], id="no-curve"),
    ],
)  # fmt: skip
def test_signs_of_failure(
    evaluation: Built, marks: str, training: dict[str, Any], expected: list[str]
) -> None:
    assert kinds(evaluation("bert", marks, training=training).facts) == expected


def test_the_border_of_a_loss_that_never_fell(evaluation: Built) -> None:
    facts = evaluation("bert", CHANCE).facts
    level = uninformed_loss(facts)
    assert level == pytest.approx(0.693147, abs=1e-6)  # equally many of both labels
    for share, fell in ((NEVER_FELL - 0.001, True), (NEVER_FELL + 0.001, False)):
        losses = curve([share * level] * 5)
        training = dataclasses.replace(facts.training, curve=losses)
        found = kinds(dataclasses.replace(facts, training=training))
        assert ("loss_never_fell" not in found) == fell


def test_the_level_of_unequal_labels_is_their_entropy(evaluation: Built) -> None:
    facts = evaluation("bert", GOOD).facts
    data = facts.tokens.data
    train_split = dataclasses.replace(data.splits["train"], label_counts={"0": 900, "1": 100})
    data = dataclasses.replace(data, splits=data.splits | {"train": train_split})
    facts = dataclasses.replace(facts, tokens=dataclasses.replace(facts.tokens, data=data))
    # -0.9 ln 0.9 - 0.1 ln 0.1
    assert uninformed_loss(facts) == pytest.approx(0.325083, abs=1e-6)


def test_noise_of_single_batches_is_smoothed() -> None:
    assert smoothed([1.0, 0.0] * 5) == pytest.approx([0.5] * 9)  # means of 2 of 10
    assert smoothed([0.7]) == [0.7]
    assert smoothed([]) == []


def restored(*initialised: str) -> RestoredFacts:
    return RestoredFacts(
        format="Hugging Face BERT", source="x", digest="e" * 64, restored=29, expected=31,
        tensors_used=29, tensors=40, initialised=initialised, left_over={},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "failed"),
    [
        pytest.param(restored("pooler/kernel", "classifier/kernel"), False, id="no-pooler"),
        pytest.param(restored("layer_1/query/kernel", "classifier/bias"), True, id="no-layer"),
        pytest.param(None, False, id="from-scratch"),
    ],
)
def test_a_checkpoint_must_hold_the_encoder(
    evaluation: Built, facts: RestoredFacts | None, failed: bool
) -> None:
    found = failures(evaluation("bert", GOOD, training={"restored": facts}).facts, "test")
    assert bool(found) == failed
    if failed:
        assert found[0].kind == "incomplete_checkpoint"
        assert "only 29 of the 31 variables" in found[0].why
        assert "layer_1/query/kernel began with random values" in found[0].why


def test_what_may_be_missing_is_what_restoring_lets_be_missing() -> None:
    assert (*OPTIONAL, *HEADS) == OPTIONAL_PARTS


def test_the_learning_rate_is_judged_without_test(evaluation: Built) -> None:
    facts = evaluation("bert", CHANCE, GOOD).facts
    assert training_failures(facts) == ()
    assert [f.kind for f in training_failures(evaluation("bert", GOOD, CHANCE).facts)] == [
        "at_majority"
    ]


def test_advice_fits_what_was_seen(evaluation: Built) -> None:
    above = failures(evaluation("bert", "+" * 55 + "-" * 45).facts, "test")
    assert above[0].advice.startswith("Measure on more rows")
    below = failures(evaluation("bert", CHANCE).facts, "test")
    assert below[0].advice.startswith("Check that labels and texts belong together")
    assert below[0].why == (
        "its accuracy on test is 0.5000 (95% interval 0.4038 to 0.5962), not surely above the "
        "0.5000 of always answering the most frequent label"
    )


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        pytest.param({"curve": curve([LEVEL * 1.03] * 9)}, "Lower learning_rate", id="thrown-off"),
        pytest.param({"curve": curve([LEVEL * 1.01] * 9)}, "Train longer or", id="never-got-going"),
        pytest.param(
            {"curve": curve([LEVEL] * 9), "restored": restored()}, "Use another seed",
            id="pre-trained-never-got-going",
        ),
        pytest.param({"curve": ()}, "Lower learning_rate", id="no-curve"),
    ],
)  # fmt: skip
def test_a_constant_answer_is_told_by_its_training(
    evaluation: Built, changes: dict[str, Any], advice: str
) -> None:
    """Every sign of one training advises the same: to lower and to raise the rate would not do."""
    found = failures(evaluation("bert", ALWAYS_0, training=changes).facts, "test")
    told = [f.advice for f in found if f.kind in ("one_class", "loss_never_fell")]
    assert len(set(told)) == 1
    assert told[0].startswith(advice)


def test_rows_of_one_label_tell_nothing(evaluation: Built) -> None:
    found = failures(evaluation("bert", [("0", "0")] * 50).facts, "test")
    assert [f.kind for f in found] == ["one_class", "at_majority"]
    assert found[1].advice.startswith("Measure on rows of every label")


@pytest.mark.parametrize(
    ("learning_rate", "expected"),
    [
        pytest.param(
            6.0, {"at_majority", "loss_never_fell", "vanished_gradients"}, id="thrown-off"
        ),
    ],
)
def test_real_broken_trainings_are_found(
    tokens_folder: Path, tmp_path: Path, learning_rate: float, expected: set[str]
) -> None:
    config = TrainConfig(
        learning_rate=learning_rate, train_batch_size=8, num_train_epochs=2.0, warmup_proportion=0.0
    )
    train(tokens_folder, tmp_path / "model", "scratch:bert-tiny", config)
    facts = evaluate(tokens_folder, tmp_path / "model", tmp_path / "e", EvaluateConfig())
    assert expected <= set(kinds(facts))
