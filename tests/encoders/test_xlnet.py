from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from components.encoders.build import build_classifier, build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.parameters import parameter_count
from components.encoders.weights import weights_of
from components.errors import InputError

TINY = EncoderConfig(
    family="xlnet", vocab_size=50, hidden_size=24, num_hidden_layers=2, num_attention_heads=4,
    intermediate_size=40, embedding_size=24, embedding_projection="none", num_hidden_groups=2,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, position_embeddings="relative",
    max_position_embeddings=0, initializer_range=0.3,
)  # fmt: skip
LENGTHS = (12, 7, 2)

Arrays = dict[str, Any]


def row(length: int, width: int = 0, left: bool = False) -> Arrays:
    """Returns a row of this many tokens in three segments, padded to `width`."""
    ids = np.random.default_rng(length).integers(5, 50, length)
    segments = np.arange(length) * 3 // length
    padding = (max(width - length, 0), 0)[:: 1 if left else -1]
    columns = {
        "input_ids": ids, "token_type_ids": segments, "attention_mask": np.ones(length, int),
    }  # fmt: skip
    return {name: np.pad(column, padding)[None].astype("int32") for name, column in columns.items()}


def batch(width: int = max(LENGTHS), left: bool = False) -> Arrays:
    rows = [row(length, width, left) for length in LENGTHS]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def to_numpy(tensor: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_encoder(TINY)


@pytest.mark.parametrize("left", [False, True], ids=["padded-right", "padded-left"])
def test_padding_and_company_do_not_change_a_row(encoder: keras.Model, left: bool) -> None:
    together = encoder(batch(20, left))
    for index, length in enumerate(LENGTHS):
        alone = encoder(row(length))
        real = slice(20 - length, None) if left else slice(length)
        for computed, expected in (
            (to_numpy(together["sequence"])[index, real], alone["sequence"][0]),
            (to_numpy(together["pooled"])[index], alone["pooled"][0]),
        ):
            np.testing.assert_allclose(computed, to_numpy(expected), rtol=0, atol=1e-5)


def test_pooled_is_a_dense_layer_on_the_last_token(encoder: keras.Model) -> None:
    outputs, pooler = encoder(batch()), encoder.get_layer("pooler")
    last = to_numpy(outputs["sequence"])[np.arange(3), np.array(LENGTHS) - 1]
    expected = np.tanh(last @ to_numpy(pooler.kernel) + to_numpy(pooler.bias))
    np.testing.assert_allclose(to_numpy(outputs["pooled"]), expected, rtol=0, atol=1e-5)


def test_only_whether_segments_differ_matters(encoder: keras.Model) -> None:
    inputs = batch()
    expected = to_numpy(encoder(inputs)["pooled"])
    renumbered = inputs | {"token_type_ids": np.array([2, 0, 1], "int32")[inputs["token_type_ids"]]}
    np.testing.assert_array_equal(to_numpy(encoder(renumbered)["pooled"]), expected)
    one = inputs | {"token_type_ids": np.zeros_like(inputs["token_type_ids"])}
    assert np.abs(to_numpy(encoder(one)["pooled"]) - expected).max(axis=1).min() > 1e-2


def test_order_matters_though_no_position_is_embedded(encoder: keras.Model) -> None:
    inputs = row(3) | {"token_type_ids": np.zeros((1, 3), "int32")}
    swapped = inputs | {"input_ids": inputs["input_ids"][:, [1, 0, 2]]}
    outputs, others = encoder(inputs), encoder(swapped)
    np.testing.assert_array_equal(
        to_numpy(outputs["embeddings"])[:, [1, 0, 2]], to_numpy(others["embeddings"])
    )
    assert np.abs(to_numpy(outputs["pooled"]) - to_numpy(others["pooled"])).max() > 1e-2


def test_rows_may_be_of_any_length(encoder: keras.Model) -> None:
    assert np.isfinite(to_numpy(encoder(row(700))["pooled"])).all()


def test_variables() -> None:
    shapes = {path: value.shape for path, value in weights_of(build_encoder(TINY)).items()}
    layer = {
        "query_key_value/kernel": (24, 72), "relative/kernel": (24, 24),
        "attention_output/kernel": (24, 24), "attention_norm/gamma": (24,),
        "attention_norm/beta": (24,), "content_bias": (4, 6), "position_bias": (4, 6),
        "segment_bias": (4, 6), "segment_embeddings": (2, 4, 6), "intermediate/kernel": (24, 40),
        "intermediate/bias": (40,), "output/kernel": (40, 24), "output/bias": (24,),
        "output_norm/gamma": (24,), "output_norm/beta": (24,),
    }  # fmt: skip
    assert shapes == {
        "embeddings/word/embeddings": (50, 24),
        **{f"layer_{index}_0/{name}": shape for index in range(2) for name, shape in layer.items()},
        "pooler/kernel": (24, 24),
        "pooler/bias": (24,),
    }
    assert parameter_count(TINY) == sum(int(np.prod(shape)) for shape in shapes.values())


@pytest.mark.usefixtures("precision")
@pytest.mark.parametrize("precision", ["mixed_bfloat16"], indirect=True)
def test_bfloat16_computes_nearly_the_same_and_learns() -> None:
    keras.utils.set_random_seed(1)
    model = build_classifier(replace(TINY, initializer_range=0.1), 3)
    half = model(batch())
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    before = weights_of(model)
    keras.config.set_dtype_policy("float32")
    whole = build_classifier(replace(TINY, initializer_range=0.1), 3)
    for path, variable in {v.path: v for v in whole.trainable_variables}.items():
        variable.assign(before[path])
    np.testing.assert_allclose(to_numpy(half), to_numpy(whole(batch())), rtol=0, atol=0.03)
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.train_on_batch(batch(), np.array([0, 1, 2]))
    assert [
        path for path, value in weights_of(model).items() if (value == before[path]).all()
    ] == []


def test_the_last_states_have_a_dropout_of_their_own() -> None:
    """Only a dropout with nothing after it leaves zeros: about the share that it drops."""
    model = build_encoder(replace(TINY, hidden_dropout_prob=0.5))
    outputs = model(batch(), training=True)
    assert (to_numpy(outputs["sequence"]) == 0).mean() == pytest.approx(0.5, abs=0.1)
    assert (to_numpy(model(batch())["sequence"]) == 0).mean() == 0


def test_unknown_positions_are_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"position_embeddings must be one of \('absolute', 'relative'\), got 'rotary'",
    ):
        replace(TINY, position_embeddings="rotary")
