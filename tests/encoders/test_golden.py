"""The encoders compute what the original TensorFlow 1 codes compute, from the same checkpoints.

`golden/VARIANT/` holds a checkpoint with random weights that the original code wrote, its config,
and `golden.npz`: inputs, and outputs of the original graph.
"""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.build import build_classifier, build_encoder
from components.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from components.encoders.checkpoints.restore import restored
from components.encoders.heads import build_pretraining

GOLDEN = Path(__file__).parent / "golden"
Arrays = dict[str, "np.ndarray[Any, Any]"]

# Pre-LN sums unnormalised states, so its rounding errors are larger.
VARIANTS = [
    pytest.param("a_bert", 2e-5, id="bert"),
    pytest.param("b_google", 2e-5, id="albert-google"),
    pytest.param("b_zhgoogle", 2e-5, id="albert_zh-google"),
    pytest.param("b_zhgooglefast", 2e-5, id="albert_zh-google-fast"),
    pytest.param("c_post", 2e-5, id="albert_zh-post-LN"),
    pytest.param("c_pre", 1e-4, id="albert_zh-pre-LN"),
]
# The original code of b_google has no heads; b_zhgooglefast was saved without a classifier.
WITH_PRETRAINING = [v for v in VARIANTS if v.values[0] != "b_google"]
WITH_CLASSIFIER = [v for v in WITH_PRETRAINING if v.values[0] != "b_zhgooglefast"]

ENCODER_TENSORS = {
    "a_bert": 5 + 2 + 16 * 3,
    "b_google": 5 + 2 + 2 + 16,  # and the widening's kernel and bias
    "b_zhgoogle": 5 + 2 + 2 + 16,
    "b_zhgooglefast": 5 + 2 + 2 + 16,
    "c_post": 5 + 2 + 1 + 16,  # and word_embeddings_2
    "c_pre": 5 + 2 + 1 + 16,
}
"""Tensors of each encoder, counted from the table of names: embeddings, pooler, layers."""


def read_golden(variant: str) -> tuple[Checkpoint, Arrays]:
    folder = GOLDEN / variant
    return open_checkpoint(folder), dict(np.load(folder / "golden.npz"))


def inputs_of(golden: Arrays) -> Arrays:
    return {
        "input_ids": golden["ids"].astype("int32"),
        "token_type_ids": golden["seg"].astype("int32"),
        "attention_mask": golden["mask"].astype("int32"),
    }


def assert_close(computed: Any, golden: "np.ndarray[Any, Any]", tolerance: float) -> None:
    ours = np.asarray(keras.ops.convert_to_numpy(computed))
    np.testing.assert_allclose(ours, golden.reshape(ours.shape), rtol=0, atol=tolerance)


@pytest.mark.parametrize(("variant", "tolerance"), VARIANTS)
def test_encoder_matches_the_original(variant: str, tolerance: float) -> None:
    checkpoint, golden = read_golden(variant)
    encoder, facts = restored(partial(build_encoder, checkpoint.config), checkpoint)
    outputs = encoder(inputs_of(golden))
    assert golden["mask"].min() == 0, "padded rows must be among the golden inputs"
    for ours, theirs in [("embeddings", "emb"), ("sequence", "seq"), ("pooled", "pooled")]:
        assert_close(outputs[ours], golden[theirs], tolerance)
    assert facts.restored == facts.expected
    assert facts.tensors_used == ENCODER_TENSORS[variant]
    assert facts.initialised == ()


@pytest.mark.parametrize(("variant", "tolerance"), WITH_CLASSIFIER)
def test_classifier_matches_the_original(variant: str, tolerance: float) -> None:
    checkpoint, golden = read_golden(variant)
    build = partial(build_classifier, checkpoint.config, golden["probs"].shape[1])
    classifier, _ = restored(build, checkpoint, heads=())
    logits = classifier(inputs_of(golden))
    if "logits" in golden:
        assert_close(logits, golden["logits"], tolerance)
    log_probabilities = keras.ops.log_softmax(logits)
    assert_close(keras.ops.exp(log_probabilities), golden["probs"], tolerance)
    right = np.asarray(keras.ops.convert_to_numpy(log_probabilities))[
        np.arange(len(golden["labels"])), golden["labels"]
    ]
    assert -right.mean() == pytest.approx(float(golden["cls_loss"]), abs=tolerance)


@pytest.mark.parametrize(("variant", "tolerance"), WITH_PRETRAINING)
def test_pretraining_heads_match_the_original(variant: str, tolerance: float) -> None:
    checkpoint, golden = read_golden(variant)
    model, _ = restored(partial(build_pretraining, checkpoint.config), checkpoint, heads=())
    outputs = model(inputs_of(golden) | {"masked_positions": golden["pos"].astype("int32")})
    assert_close(outputs["masked_lm"], golden["mlm_lp"], tolerance)
    assert_close(outputs["sentence_pair"], golden["nsp_lp"], tolerance)


def test_what_is_not_the_encoders_is_left_over_with_its_reason() -> None:
    checkpoint, _ = read_golden("c_pre")
    _, facts = restored(partial(build_classifier, checkpoint.config, 2), checkpoint)
    assert facts.format == "TensorFlow 1 ALBERT (albert_zh)"
    assert facts.initialised == (
        "pooled_norm/gamma", "pooled_norm/beta", "classifier/kernel", "classifier/bias",
    )  # fmt: skip
    assert {reason: len(names) for reason, names in facts.left_over.items()} == {
        "pre-training head": 7,
        "head of an earlier fine-tuning": 4,
    }
    assert facts.tensors == facts.tensors_used + 11
