"""Hugging Face folders compute here what `transformers` computes from them, padding included."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file

from components.encoders.build import build_classifier, build_encoder
from components.encoders.checkpoints.checkpoint import open_checkpoint
from components.encoders.checkpoints.huggingface import conversion_command
from components.encoders.checkpoints.restore import restored
from components.encoders.heads import build_pretraining
from components.errors import InputError

TOLERANCE = 2e-5
SIZES: dict[str, Any] = {
    "vocab_size": 60, "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 40, "max_position_embeddings": 20,
}  # fmt: skip
LENGTHS = (12, 7, 3)
INPUTS = {
    "input_ids": np.random.default_rng(0).integers(1, 60, (3, 12)).astype("int32"),
    "token_type_ids": (np.arange(12) >= 5).astype("int32") * np.ones((3, 1), "int32"),
    "attention_mask": (np.arange(12) < np.array(LENGTHS)[:, None]).astype("int32"),
}
MASKED_POSITIONS = np.array([[1, 4], [2, 6], [0, 2]], "int32")

Array = Any


def with_random_weights(model: Any) -> Any:
    """Fills every parameter, so that no bias is zero and no gamma one."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
    return model.eval()


def config_for(kind: str, **changes: Any) -> Any:
    return getattr(transformers, f"{kind}Config")(**SIZES | changes)


def saved(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


def theirs(model: Any, **inputs: Array) -> Any:
    given = {name: torch.tensor(values).long() for name, values in (INPUTS | inputs).items()}
    with torch.no_grad():
        return model(**given)


def real_tokens(sequence: Any) -> Array:
    """Returns the states of the tokens that are no padding: what padding gets is of no use."""
    states: Array = np.asarray(sequence)
    return states[INPUTS["attention_mask"].astype(bool)]


def to_numpy(tensor: Any) -> Array:
    return np.asarray(keras.ops.convert_to_numpy(tensor))


ENCODERS = [
    pytest.param("Bert", {"hidden_act": "gelu"}, id="bert-gelu"),
    pytest.param("Bert", {"hidden_act": "gelu_new"}, id="bert-gelu_new"),
    pytest.param("Bert", {"hidden_act": "relu"}, id="bert-relu"),
    pytest.param("Bert", {"hidden_act": "tanh", "layer_norm_eps": 1e-5}, id="bert-tanh-eps"),
    pytest.param("Albert", {"embedding_size": 8}, id="albert-gelu_new"),
    pytest.param("Albert", {"embedding_size": 8, "hidden_act": "gelu"}, id="albert-gelu"),
    pytest.param("Albert", {"embedding_size": 8, "hidden_act": "relu"}, id="albert-relu"),
    pytest.param("Albert", {"embedding_size": 24}, id="albert-no-factorisation"),
    pytest.param(
        "Albert", {"embedding_size": 8, "num_hidden_groups": 2, "inner_group_num": 2},
        id="albert-groups",
    ),
    pytest.param("Ernie", {"hidden_act": "relu", "layer_norm_eps": 1e-5}, id="ernie-relu"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes"), ENCODERS)
def test_encoder_matches_transformers(kind: str, changes: dict[str, Any], tmp_path: Path) -> None:
    config = config_for(kind, **changes)
    model = with_random_weights(getattr(transformers, f"{kind}Model")(config))
    checkpoint = open_checkpoint(saved(model, tmp_path))
    encoder, facts = restored(partial(build_encoder, checkpoint.config), checkpoint)
    ours, expected = encoder(INPUTS), theirs(model)
    np.testing.assert_allclose(
        real_tokens(to_numpy(ours["sequence"])), real_tokens(expected.last_hidden_state),
        rtol=0, atol=TOLERANCE,
    )  # fmt: skip
    np.testing.assert_allclose(
        to_numpy(ours["pooled"]), expected.pooler_output, rtol=0, atol=TOLERANCE
    )
    assert facts.restored == facts.expected
    assert facts.tensors_used == facts.tensors == len(model.state_dict())


@pytest.mark.parametrize(
    ("kind", "changes", "pair"),
    [
        pytest.param("Bert", {}, "seq_relationship_logits", id="bert"),
        pytest.param("Albert", {"embedding_size": 8}, "sop_logits", id="albert"),
        pytest.param("Ernie", {"hidden_act": "relu"}, "seq_relationship_logits", id="ernie"),
    ],
)
def test_pretraining_heads_match_transformers(
    kind: str, changes: dict[str, Any], pair: str, tmp_path: Path
) -> None:
    config = config_for(kind, **changes)
    model = with_random_weights(getattr(transformers, f"{kind}ForPreTraining")(config))
    checkpoint = open_checkpoint(saved(model, tmp_path))
    ours_model, _ = restored(partial(build_pretraining, checkpoint.config), checkpoint, heads=())
    ours, expected = ours_model(INPUTS | {"masked_positions": MASKED_POSITIONS}), theirs(model)
    words = torch.log_softmax(expected.prediction_logits, -1).numpy()
    np.testing.assert_allclose(
        to_numpy(ours["masked_lm"]),
        np.take_along_axis(words, MASKED_POSITIONS[:, :, None], axis=1),
        rtol=0, atol=TOLERANCE,
    )  # fmt: skip
    np.testing.assert_allclose(
        to_numpy(ours["sentence_pair"]), torch.log_softmax(getattr(expected, pair), -1),
        rtol=0, atol=TOLERANCE,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["Bert", "Albert"])
def test_a_fine_tuned_classifier_gives_the_same_logits(kind: str, tmp_path: Path) -> None:
    changes = {"embedding_size": 8} if kind == "Albert" else {}
    config = config_for(kind, num_labels=3, **changes)
    model = with_random_weights(getattr(transformers, f"{kind}ForSequenceClassification")(config))
    checkpoint = open_checkpoint(saved(model, tmp_path))
    classifier, _ = restored(partial(build_classifier, checkpoint.config, 3), checkpoint, heads=())
    np.testing.assert_allclose(
        to_numpy(classifier(INPUTS)), theirs(model).logits, rtol=0, atol=TOLERANCE
    )


@pytest.fixture
def bert_folder(tmp_path: Path) -> Path:
    model = with_random_weights(transformers.BertForPreTraining(config_for("Bert")))
    return saved(model, tmp_path / "bert")


def rewritten(folder: Path, change: Callable[[dict[str, Array]], dict[str, Array]]) -> Path:
    file = folder / "model.safetensors"
    tensors = change(load_file(file))
    file.unlink()
    save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, file)
    return folder


def pooled(folder: Path) -> Array:
    checkpoint = open_checkpoint(folder)
    encoder, _ = restored(partial(build_encoder, checkpoint.config), checkpoint)
    return to_numpy(encoder(INPUTS)["pooled"])


def test_old_names_without_prefix_and_with_gamma_and_beta(bert_folder: Path) -> None:
    expected = pooled(bert_folder)

    def old(name: str) -> str:
        name = name.removeprefix("bert.")
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        return name.replace("LayerNorm.bias", "LayerNorm.beta")

    rewritten(bert_folder, lambda tensors: {old(n): t for n, t in tensors.items()})
    np.testing.assert_array_equal(pooled(bert_folder), expected)


def test_half_precision_is_read_as_float32(bert_folder: Path) -> None:
    expected = pooled(bert_folder)
    rewritten(bert_folder, lambda tensors: {n: t.astype("float16") for n, t in tensors.items()})
    computed = pooled(bert_folder)
    assert computed.dtype == np.float32
    np.testing.assert_allclose(computed, expected, rtol=0, atol=2e-2)


def test_bfloat16_is_read_as_float32(tmp_path: Path) -> None:
    model = with_random_weights(transformers.BertModel(config_for("Bert")))
    expected = pooled(saved(model, tmp_path / "float32"))
    half = saved(model.to(torch.bfloat16), tmp_path / "bfloat16")
    np.testing.assert_allclose(pooled(half), expected, rtol=0, atol=8e-2)


def test_shards(tmp_path: Path) -> None:
    model = with_random_weights(transformers.BertModel(config_for("Bert")))
    expected = pooled(saved(model, tmp_path / "whole"))
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    files = sorted((tmp_path / "shards").glob("model-*.safetensors"))
    assert len(files) > 1
    np.testing.assert_array_equal(pooled(tmp_path / "shards"), expected)
    files[0].unlink()
    with pytest.raises(InputError, match=rf"lacks {files[0].name}, which model\.safetensors"):
        open_checkpoint(tmp_path / "shards")


def test_a_missing_pooler_is_initialised_and_said_so(tmp_path: Path) -> None:
    model = with_random_weights(transformers.BertForMaskedLM(config_for("Bert")))
    checkpoint = open_checkpoint(saved(model, tmp_path))
    _, facts = restored(partial(build_classifier, checkpoint.config, 2), checkpoint)
    assert facts.expected - facts.restored == 2
    assert facts.initialised == (
        "pooler/kernel", "pooler/bias", "classifier/kernel", "classifier/bias",
    )  # fmt: skip
    assert list(facts.left_over) == ["pre-training head"]


def test_a_missing_variable_is_an_error_that_names_the_nearest(bert_folder: Path) -> None:
    name = "bert.encoder.layer.2.attention.self.key.weight"
    rewritten(bert_folder, lambda tensors: {n: t for n, t in tensors.items() if n != name})
    with pytest.raises(
        InputError,
        match=r"lacks encoder\.layer\.2\.attention\.self\.key\.weight of a Hugging Face BERT "
        r"encoder of 4 layers; the nearest names it has are "
        r"encoder\.layer\.\d\.attention\.self\.key\.weight",
    ):
        pooled(bert_folder)


def test_a_variable_without_a_place_is_an_error(bert_folder: Path) -> None:
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(
        InputError,
        match=r"holds 16 variables of an encoder that Hugging Face BERT with 3 layers does not "
        r"have: encoder\.layer\.3\.",
    ):
        pooled(bert_folder)


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("vocab_size", 61, r"\(60, 24\) should make \(61, 24\) by its config; vocab_size in"),
        ("max_position_embeddings", 30, r"\(20, 24\) should make \(30, 24\).*max_position_emb"),
        ("type_vocab_size", 3, "type_vocab_size in the config is not that of the weights"),
        ("intermediate_size", 41, "a size in the config is not that of the weights"),
        ("hidden_size", 25, "hidden_size 25 is not a multiple of num_attention_heads 4"),
        ("hidden_size", "wide", r'config\.json: hidden_size is "wide", expected a whole number'),
        ("hidden_size", 0, "hidden_size is 0, expected a whole number of at least 1"),
        ("hidden_size", True, "hidden_size is true, expected a whole number"),
        ("hidden_act", "silu", r'hidden_act is "silu", expected one of "gelu", "gelu_new"'),
        ("hidden_act", None, "lacks 'hidden_act'; add it as the checkpoint was trained with"),
        ("hidden_dropout_prob", 1.5, "is 1.5, expected a number of at least 0 and below 1"),
        ("layer_norm_eps", -1, "layer_norm_eps is -1, expected a number of at least 0$"),
        ("model_type", "roberta", r'model_type is "roberta", expected one of "bert", "ernie"'),
        ("position_embedding_type", "relative_key", 'expected one of "absolute"'),
        ("is_decoder", True, "is_decoder is true, expected one of false"),
        ("use_task_id", True, "use_task_id is true, expected one of false"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(
    bert_folder: Path, entry: str, value: object, message: str
) -> None:
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {entry: value}))
    with pytest.raises(InputError, match=message):
        pooled(bert_folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1]", "is not a JSON object"),
        (b"{", "is not a JSON object"),
        (None, r"config\.json does not exist; a checkpoint needs its config"),
    ],
)
def test_an_unreadable_config(bert_folder: Path, content: bytes | None, message: str) -> None:
    (bert_folder / "config.json").unlink()
    if content is not None:
        (bert_folder / "config.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        open_checkpoint(bert_folder)


def test_cut_weights(bert_folder: Path) -> None:
    file = bert_folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match="it is cut or damaged: fetch it again"):
        pooled(bert_folder)


def test_a_pickle_is_refused_with_a_command_that_converts_it(bert_folder: Path) -> None:
    expected = pooled(bert_folder)
    tensors = {n: torch.tensor(t) for n, t in load_file(bert_folder / "model.safetensors").items()}
    torch.save(tensors, bert_folder / "pytorch_model.bin")
    (bert_folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="a pickle, which may run any code") as refusal:
        open_checkpoint(bert_folder)
    command = conversion_command(bert_folder)
    assert str(refusal.value).endswith(command)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path}  # its `python` is this one
    subprocess.run(["bash", "-c", command], check=True, timeout=120, env=environment)
    np.testing.assert_array_equal(pooled(bert_folder), expected)


def test_one_variable_under_two_names_is_an_error(bert_folder: Path) -> None:
    rewritten(bert_folder, lambda tensors: tensors | {"pooler.dense.bias": np.zeros(24, "float32")})
    with pytest.raises(InputError, match=r"holds .*pooler\.dense\.bias and .*, the same variable"):
        pooled(bert_folder)


def test_half_a_pooler_is_an_error(bert_folder: Path) -> None:
    name = "bert.pooler.dense.weight"
    rewritten(bert_folder, lambda tensors: {n: t for n, t in tensors.items() if n != name})
    with pytest.raises(InputError, match=r"lacks pooler\.dense\.weight of a Hugging Face BERT"):
        pooled(bert_folder)


def test_quantised_weights_are_refused(bert_folder: Path) -> None:
    rewritten(bert_folder, lambda tensors: {n: t.astype("int8") for n, t in tensors.items()})
    with pytest.raises(InputError, match="is of int8, expected float64, float32, float16, bfloat"):
        pooled(bert_folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused(value: float, bert_folder: Path) -> None:
    def broken(tensors: dict[str, Array]) -> dict[str, Array]:
        tensors["bert.pooler.dense.bias"][3] = value
        return tensors

    rewritten(bert_folder, broken)
    with pytest.raises(InputError, match=r"pooler\.dense\.bias holds NaN or infinity"):
        pooled(bert_folder)


def test_an_entry_that_is_null_is_as_one_that_is_absent(bert_folder: Path) -> None:
    expected = pooled(bert_folder)
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {"position_embedding_type": None}))
    np.testing.assert_array_equal(pooled(bert_folder), expected)


def test_sizes_that_make_no_encoder_are_named_with_the_file(bert_folder: Path) -> None:
    config = json.loads((bert_folder / "config.json").read_text())
    (bert_folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 5}))
    with pytest.raises(
        InputError, match=r"config\.json: hidden_size 24 is not a multiple of num_at"
    ):
        open_checkpoint(bert_folder)
