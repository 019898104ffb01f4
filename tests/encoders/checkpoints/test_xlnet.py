"""XLNet computes here what `transformers` computes, whichever side the padding is on."""

from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
import transformers

from components.encoders.build import build_classifier, build_encoder
from components.encoders.checkpoints.checkpoint import open_checkpoint
from components.encoders.checkpoints.restore import restored
from components.encoders.checkpoints.write import write_hugging_face
from components.encoders.weights import weights_of
from components.errors import InputError

TOLERANCE = 2e-5
LENGTHS = (11, 7, 4, 1)
TOKENS = max(LENGTHS)

Arrays = dict[str, Any]


def padded(side: str) -> Arrays:
    """Returns a batch of four rows of several lengths, of segments 0, 1 and 2, as XLNet packs."""
    generator = np.random.default_rng(5)
    real = np.arange(TOKENS) < np.array(LENGTHS)[:, None]
    ids = generator.integers(5, 60, (4, TOKENS)) * real
    segments = np.minimum(np.arange(TOKENS) // 4, 2) * real
    rows = {"input_ids": ids, "token_type_ids": segments, "attention_mask": real}
    if side == "left":
        rows = {
            name: np.stack(
                [np.roll(row, TOKENS - n) for row, n in zip(values, LENGTHS, strict=True)]
            )
            for name, values in rows.items()
        }
    return {name: values.astype("int32") for name, values in rows.items()}


def config_for(**changes: Any) -> Any:
    sizes = {"vocab_size": 60, "d_model": 24, "n_layer": 3, "n_head": 4, "d_inner": 40}
    return transformers.XLNetConfig(**sizes | {"num_labels": 3} | changes)


def saved(model: Any, folder: Path) -> Any:
    """Fills every parameter with random numbers, so that no bias is zero, and saves the model."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    model.save_pretrained(folder)
    return model.eval()


def theirs(model: Any, inputs: Arrays) -> Any:
    with torch.no_grad():
        return model(**{name: torch.tensor(values).long() for name, values in inputs.items()})


def to_numpy(tensor: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("act", ["gelu", "relu"])
def test_encoder_matches_transformers(side: str, act: str, tmp_path: Path) -> None:
    model = saved(transformers.XLNetModel(config_for(ff_activation=act)), tmp_path)
    checkpoint = open_checkpoint(tmp_path)
    encoder, facts = restored(partial(build_encoder, checkpoint.config), checkpoint)
    inputs = padded(side)
    real = inputs["attention_mask"].astype(bool)
    ours = to_numpy(encoder(inputs)["sequence"])
    expected = theirs(model, inputs).last_hidden_state.numpy()
    np.testing.assert_allclose(ours[real], expected[real], rtol=0, atol=TOLERANCE)
    assert facts.initialised == ("pooler/kernel", "pooler/bias")
    assert facts.left_over == {"pre-training head": ("mask_emb",)}
    assert facts.expected - facts.restored == 2


@pytest.mark.parametrize("side", ["right", "left"])
def test_classifier_matches_transformers(side: str, tmp_path: Path) -> None:
    """transformers takes the last column, so its rows must be padded on the left; ours need not."""
    model = saved(transformers.XLNetForSequenceClassification(config_for()), tmp_path)
    checkpoint = open_checkpoint(tmp_path)
    classifier, _ = restored(partial(build_classifier, checkpoint.config, 3), checkpoint, heads=())
    expected = theirs(model, padded("left")).logits
    np.testing.assert_allclose(to_numpy(classifier(padded(side))), expected, rtol=0, atol=TOLERANCE)


def test_what_is_written_transformers_reads(tmp_path: Path) -> None:
    saved(transformers.XLNetForSequenceClassification(config_for()), tmp_path / "first")
    checkpoint = open_checkpoint(tmp_path / "first")
    classifier, _ = restored(partial(build_classifier, checkpoint.config, 3), checkpoint, heads=())
    (tmp_path / "again").mkdir()
    weights = weights_of(classifier)
    write_hugging_face(tmp_path / "again", checkpoint.config, weights, ["a", "b", "c"])
    model = transformers.XLNetForSequenceClassification.from_pretrained(tmp_path / "again").eval()
    np.testing.assert_allclose(
        theirs(model, padded("left")).logits,
        to_numpy(classifier(padded("right"))),
        rtol=0, atol=TOLERANCE,
    )  # fmt: skip
    again = open_checkpoint(tmp_path / "again")
    assert again.config == checkpoint.config
    read, _ = restored(partial(build_classifier, again.config, 3), again, heads=())
    for path, value in weights_of(read).items():
        np.testing.assert_array_equal(value, weights[path])


def test_every_variable_learns(tmp_path: Path) -> None:
    saved(transformers.XLNetModel(config_for()), tmp_path)
    checkpoint = open_checkpoint(tmp_path)
    model, _ = restored(partial(build_classifier, checkpoint.config, 3), checkpoint)
    before = weights_of(model)
    model.compile(
        optimizer=keras.optimizers.SGD(1.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    model.train_on_batch(padded("right"), np.array([0, 1, 2, 1]))
    unmoved = [path for path, value in weights_of(model).items() if (value == before[path]).all()]
    assert unmoved == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"untie_r": False}, "untie_r is false, expected one of true"),
        ({"attn_type": "uni"}, 'attn_type is "uni", expected one of "bi"'),
        ({"clamp_len": 5}, "clamp_len is 5, expected one of -1"),
        ({"summary_type": "first"}, 'summary_type is "first", expected one of "last"'),
        ({"ff_activation": "silu"}, 'ff_activation is "silu", expected one of "gelu"'),
    ],
)
def test_variants_that_are_not_computed(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    saved(transformers.XLNetModel(config_for()), tmp_path)
    config_for(**changes).save_pretrained(tmp_path)
    with pytest.raises(InputError, match=message):
        open_checkpoint(tmp_path)
