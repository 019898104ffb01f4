"""The composition computes what the original TensorFlow 1 codes compute, given their weights.

`golden/*.npz` holds random weights, inputs and outputs of the original graphs at tiny sizes.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.encoders.build import build_classifier, build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.weights import assign_weights

GOLDEN = Path(__file__).parent / "golden"
Arrays = dict[str, "np.ndarray[Any, Any]"]

# Where the variants of one layer keep its parts; `{}` stands for the layer's scope.
SCOPES = {
    "a": "bert/encoder/layer_{}/",
    "b": "bert/encoder/transformer/group_0/inner_group_0/",
    "c": "bert/encoder/layer_shared/",
}
BERT_PARTS = {
    "attention": "attention/self/",
    "attention_output": "attention/output/dense",
    "attention_norm": "attention/output/LayerNorm",
    "intermediate": "intermediate/dense",
    "output": "output/dense",
    "output_norm": "output/LayerNorm",
}
GOOGLE_PARTS = {
    "attention": "attention_1/self/",
    "attention_output": "attention_1/output/dense",
    "attention_norm": "LayerNorm",
    "intermediate": "ffn_1/intermediate/dense",
    "output": "ffn_1/intermediate/output/dense",
    "output_norm": "LayerNorm_1",
}
PARTS = {"a": BERT_PARTS, "b": GOOGLE_PARTS, "c": BERT_PARTS}
PROJECTIONS = {"a": "none", "b": "after_norm", "c": "before_sum"}


def golden_config(published: dict[str, Any], kind: str) -> EncoderConfig:
    layers = published["num_hidden_layers"]
    shared = ("vocab_size", "hidden_size", "num_attention_heads", "intermediate_size")
    return EncoderConfig(
        family="bert" if kind == "a" else "albert",
        **{name: published[name] for name in shared},
        num_hidden_layers=layers,
        embedding_size=published.get("embedding_size", published["hidden_size"]),
        embedding_projection=PROJECTIONS[kind],
        num_hidden_groups=layers if kind == "a" else 1,
        normalize_first=published.get("ln_type") == "preln",
        hidden_dropout_prob=published["hidden_dropout_prob"],
        attention_probs_dropout_prob=published["attention_probs_dropout_prob"],
        max_position_embeddings=published["max_position_embeddings"],
    )


def block_diagonal(kernel: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Expands albert_zh's grouped kernel [in/groups, out/groups, groups] to [in, out].

    Consecutive inputs belong to different groups, consecutive outputs to the same one.
    """
    if kernel.ndim == 2:
        return kernel
    rows, columns, groups = kernel.shape
    dense = np.zeros((rows * groups, columns * groups), kernel.dtype)
    for group in range(groups):
        dense[group::groups, group * columns : (group + 1) * columns] = kernel[:, :, group]
    return dense


def renamed(tf1: Arrays, kind: str, groups: int) -> Arrays:
    ours: Arrays = {
        "embeddings/word/embeddings": tf1["bert/embeddings/word_embeddings"],
        "embeddings/position/embeddings": tf1["bert/embeddings/position_embeddings"],
        "embeddings/token_type/embeddings": tf1["bert/embeddings/token_type_embeddings"],
        "pooler/kernel": tf1["bert/pooler/dense/kernel"],
        "pooler/bias": tf1["bert/pooler/dense/bias"],
    }
    for name in ("gamma", "beta"):
        ours[f"embeddings/norm/{name}"] = tf1[f"bert/embeddings/LayerNorm/{name}"]
    if kind == "b":
        for name in ("kernel", "bias"):
            ours[f"widen/{name}"] = tf1[f"bert/encoder/embedding_hidden_mapping_in/{name}"]
    if kind == "c":
        ours["embeddings/widen/kernel"] = tf1["bert/embeddings/word_embeddings_2"]
    for group in range(groups):
        scope, parts = SCOPES[kind].format(group), PARTS[kind]
        for name in ("kernel", "bias"):
            ours[f"layer_{group}_0/query_key_value/{name}"] = np.concatenate(
                [tf1[f"{scope}{parts['attention']}{part}/{name}"] for part in
                 ("query", "key", "value")], axis=-1
            )  # fmt: skip
            for part in ("attention_output", "intermediate", "output"):
                array = tf1[f"{scope}{parts[part]}/{name}"]
                ours[f"layer_{group}_0/{part}/{name}"] = (
                    block_diagonal(array) if name == "kernel" else array
                )
        for name in ("gamma", "beta"):
            for part in ("attention_norm", "output_norm"):
                ours[f"layer_{group}_0/{part}/{name}"] = tf1[f"{scope}{parts[part]}/{name}"]
    return ours


def with_head(encoder: Arrays, tf1: Arrays) -> Arrays:
    head = {"classifier/kernel": tf1["output_weights"].T, "classifier/bias": tf1["output_bias"]}
    if "loss/LayerNorm/gamma" in tf1:
        head |= {f"pooled_norm/{n}": tf1[f"loss/LayerNorm/{n}"] for n in ("gamma", "beta")}
    return encoder | head


def read_golden(variant: str) -> tuple[EncoderConfig, Arrays, Arrays, Arrays]:
    arrays = dict(np.load(GOLDEN / f"{variant}.npz"))
    config = golden_config(json.loads(str(arrays.pop("config"))), variant[0])
    tf1 = {k.removeprefix("weight:"): v for k, v in arrays.items() if k.startswith("weight:")}
    return config, tf1, renamed(tf1, variant[0], config.num_hidden_groups), arrays


def inputs_of(golden: Arrays) -> Arrays:
    return {
        "input_ids": golden["ids"].astype("int32"),
        "token_type_ids": golden["seg"].astype("int32"),
        "attention_mask": golden["mask"].astype("int32"),
    }


# Pre-LN sums unnormalised states, so its rounding errors are larger.
VARIANTS = [
    pytest.param("a_bert", 2e-5, id="bert"),
    pytest.param("b_google", 2e-5, id="albert-google"),
    pytest.param("b_zhgoogle", 2e-5, id="albert_zh-google"),
    pytest.param("b_zhgooglefast", 2e-5, id="albert_zh-google-fast"),
    pytest.param("c_post", 2e-5, id="albert_zh-post-LN"),
    pytest.param("c_pre", 1e-4, id="albert_zh-pre-LN"),
]


@pytest.mark.parametrize(("variant", "tolerance"), VARIANTS)
def test_encoder_matches_the_original(variant: str, tolerance: float) -> None:
    config, _, weights, golden = read_golden(variant)
    encoder = build_encoder(config)
    assign_weights(encoder, weights)
    outputs = encoder(inputs_of(golden))
    assert golden["mask"].min() == 0, "padded rows must be among the golden inputs"
    for ours, theirs in [("embeddings", "emb"), ("sequence", "seq"), ("pooled", "pooled")]:
        np.testing.assert_allclose(np.array(outputs[ours]), golden[theirs], rtol=0, atol=tolerance)


@pytest.mark.parametrize(("variant", "tolerance"), [v for v in VARIANTS if v.id not in
                         ("albert-google", "albert_zh-google-fast")])  # fmt: skip
def test_classifier_matches_the_original(variant: str, tolerance: float) -> None:
    config, tf1, weights, golden = read_golden(variant)
    classifier = build_classifier(config, 2)
    assign_weights(classifier, with_head(weights, tf1))
    logits = np.array(classifier(inputs_of(golden)), np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, golden["probs"], rtol=0, atol=tolerance)
    loss = -np.log(probabilities[np.arange(3), golden["labels"]]).mean()
    assert loss == pytest.approx(float(golden["cls_loss"]), abs=tolerance)


def test_a_wrong_layer_norm_order_would_be_seen() -> None:
    """Pre- and post-LN have the same names and shapes: only the numbers tell them apart."""
    config, _, weights, golden = read_golden("c_pre")
    encoder = build_encoder(dataclasses.replace(config, normalize_first=False))
    assign_weights(encoder, weights)
    assert np.abs(np.array(encoder(inputs_of(golden))["sequence"]) - golden["seq"]).max() > 1
