from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pytest

from components.artifacts.tokens import SCHEMA
from components.encoders.build import build_classifier, build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.forward import forward_of
from components.encoders.layers import ACTIVATIONS
from components.encoders.predict import predict_logits
from components.encoders.rows import STATIC_SHAPES, Rows, bucket_length, padded_length
from components.encoders.sizes import scratch_config, scratch_names
from components.encoders.weights import assign_weights, weights_of
from components.errors import InputError

# Computed by hand from the architectures; a vocabulary of 21,128, 512 positions, 2 segments.
PUBLISHED_PARAMETERS = {
    "scratch:bert-base": 102_267_648,  # bert-base-chinese's published count
    "scratch:albert-base": 10_547_968,  # embeddings 2.77 M, widening 0.1, layer 7.09, pooler 0.59
}


@pytest.mark.parametrize(("name", "expected"), PUBLISHED_PARAMETERS.items())
def test_parameter_counts(name: str, expected: int) -> None:
    assert build_encoder(scratch_config(name, 21128)).count_params() == expected


def test_every_named_size_has_a_config() -> None:
    assert len(scratch_names()) == 12
    for name in scratch_names():
        config = scratch_config(name, 100)
        assert name == f"scratch:{config.family}-{name.rpartition('-')[2]}"


@pytest.mark.parametrize(
    ("length", "expected"), [(1, 8), (8, 8), (9, 16), (65, 72), (129, 144), (500, 512)]
)
def test_bucket_length(length: int, expected: int) -> None:
    assert bucket_length(length, 512) == expected


def test_padding_is_bounded_and_shapes_are_few() -> None:
    padded = [bucket_length(n, 512) for n in range(1, 513)]
    assert len(set(padded)) == 32
    assert all(p >= n for n, p in enumerate(padded, start=1))
    assert all(p <= n * 1.125 or p - n < 8 for n, p in enumerate(padded, start=1))
    assert bucket_length(100, 101) == 101


def test_only_static_shapes_are_padded_further_than_the_longest_row() -> None:
    static = STATIC_SHAPES[keras.backend.backend()]
    assert padded_length(9, 512) == (16 if static else 9)


def rows_of(*lengths: int) -> Rows:
    generator = np.random.default_rng(0)
    ids = [[2, *generator.integers(5, 50, n - 2).tolist(), 3] for n in lengths]
    columns: dict[str, Any] = {
        "row": range(len(ids)),
        "input_ids": ids,
        "token_type_ids": [[0] * (n // 2) + [1] * (n - n // 2) for n in lengths],
        "label": [None] * len(ids),
        "text_a": [""] * len(ids),
        "text_b": [None] * len(ids),
        "leaked": [False] * len(ids),
    }
    return Rows(pa.table([pa.array(columns[f.name], f.type) for f in SCHEMA], SCHEMA))


def test_rows_are_padded_to_the_longest_chosen() -> None:
    rows = rows_of(4, 11, 6)
    inputs = rows.inputs(np.array([2, 0]), 128)
    width = padded_length(6, 128)
    assert inputs["input_ids"].shape == (2, width)
    assert inputs["attention_mask"].tolist() == [
        [1] * 6 + [0] * (width - 6), [1] * 4 + [0] * (width - 4),
    ]  # fmt: skip
    assert inputs["input_ids"][1, 4:].tolist() == [0] * (width - 4)
    assert inputs["token_type_ids"][1].tolist() == [0, 0, 1, 1] + [0] * (width - 4)
    assert inputs["input_ids"][1, 3] == 3
    assert rows.labels.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("family", ["albert", "bert"])
def test_padding_and_company_do_not_change_a_row(family: str) -> None:
    keras.utils.set_random_seed(1)
    model = build_classifier(scratch_config(f"scratch:{family}-tiny", 60), 3)
    rows = rows_of(30, 5, 17, 9, 12)
    forward = forward_of(model)
    together = predict_logits(forward, rows, 5, 128)
    alone = predict_logits(forward, rows, 1, 128)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_pre_layer_norm_classifiers_have_a_norm_of_their_own() -> None:
    config = EncoderConfig(
        family="albert", vocab_size=50, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=16, embedding_size=4, embedding_projection="before_sum",
        num_hidden_groups=1, normalize_first=True, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    assert "pooled_norm/gamma" in weights_of(build_classifier(config, 2))


@pytest.mark.parametrize(
    ("name", "at_one"),
    [("gelu", 0.8413447), ("gelu_new", 0.8411920), ("relu", 1.0)],  # Φ(1); its tanh form; 1
)
def test_activations_are_computed_as_named(name: str, at_one: float) -> None:
    computed = keras.ops.convert_to_numpy(ACTIVATIONS[name](keras.ops.ones((1,))))
    assert float(computed[0]) == pytest.approx(at_one, abs=2e-6)


VALID: dict[str, Any] = {
    "family": "bert", "vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 4,
    "num_attention_heads": 2, "intermediate_size": 16, "embedding_size": 8,
    "embedding_projection": "none", "num_hidden_groups": 4, "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_attention_heads": 3}, "not a multiple of num_attention_heads 3"),
        ({"hidden_act": "swish"}, "hidden_act must be one of"),
        ({"embedding_projection": "late"}, "embedding_projection must be one of"),
        ({"embedding_size": 4}, "needs a projection to hidden_size 8"),
        ({"num_hidden_groups": 3}, "not a multiple of num_hidden_groups 3"),
    ],
)
def test_a_config_that_makes_no_encoder_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        EncoderConfig(**(VALID | changes))


def test_weights_must_fit_exactly() -> None:
    model = build_classifier(EncoderConfig(**VALID), 2)
    weights = weights_of(model)
    assign_weights(model, weights)
    without = {k: v for k, v in weights.items() if k != "pooler/bias"}
    with pytest.raises(InputError, match=r"the weights lack \['pooler/bias'\]"):
        assign_weights(model, without)
    with pytest.raises(InputError, match=r"no variable of the model takes \['extra'\]"):
        assign_weights(model, weights | {"extra": np.zeros(1)})
    with pytest.raises(InputError, match=r"pooler/bias has shape \(3,\)"):
        assign_weights(model, weights | {"pooler/bias": np.zeros(3)})
