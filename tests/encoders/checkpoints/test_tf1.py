"""TensorFlow 1 checkpoints: written here and read back, and what is refused.

That they compute what the original codes compute is tested in `tests/encoders/test_golden.py`.
"""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.encoders.build import build_classifier
from components.encoders.checkpoints import tf1
from components.encoders.checkpoints.checkpoint import open_checkpoint
from components.encoders.checkpoints.restore import restored
from components.encoders.checkpoints.write import write_tf1
from components.encoders.config import EncoderConfig
from components.encoders.weights import weights_of
from components.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"
SIZES: dict[str, Any] = {
    "vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 4, "num_attention_heads": 2,
    "intermediate_size": 16, "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 20,
}  # fmt: skip
BERT = EncoderConfig(
    family="bert", embedding_size=8, embedding_projection="none", num_hidden_groups=4, **SIZES
)


def albert(**changes: Any) -> EncoderConfig:
    described: dict[str, Any] = {
        "embedding_size": 4, "embedding_projection": "after_norm", "num_hidden_groups": 1,
    }  # fmt: skip
    return EncoderConfig(family="albert", **SIZES | described | changes)


ARCHITECTURES = [
    pytest.param(BERT, id="bert"),
    pytest.param(albert(), id="albert-google"),
    pytest.param(albert(num_hidden_groups=2, inner_group_num=2), id="albert-google-groups"),
    pytest.param(albert(embedding_size=8, embedding_projection="none"), id="albert-google-E-is-H"),
    pytest.param(albert(hidden_act="relu"), id="albert-google-relu"),
    pytest.param(albert(embedding_projection="before_sum"), id="albert_zh-post-LN"),
    pytest.param(
        albert(embedding_projection="before_sum", normalize_first=True), id="albert_zh-pre-LN"
    ),
]


def written(config: EncoderConfig, folder: Path) -> dict[str, Any]:
    """Writes a checkpoint of random weights and returns these."""
    folder.mkdir(exist_ok=True)
    weights = weights_of(build_classifier(config, 3))
    write_tf1(folder, config, weights)
    return weights


@pytest.mark.parametrize("config", ARCHITECTURES)
def test_what_is_written_is_read_back(config: EncoderConfig, tmp_path: Path) -> None:
    weights = written(config, tmp_path)
    checkpoint = open_checkpoint(tmp_path)
    assert checkpoint.config == config
    model, facts = restored(partial(build_classifier, config, 3), checkpoint, heads=())
    assert facts.restored == facts.expected == len(weights)
    assert facts.left_over == {}
    for path, value in weights_of(model).items():
        np.testing.assert_array_equal(value, weights[path])


def test_optimizer_slots_and_the_step_are_left_over(tmp_path: Path) -> None:
    folder = tmp_path / "a_bert"
    shutil.copytree(GOLDEN / "a_bert", folder)
    tensors = tf1.Tf1Tensors(folder / "model.ckpt")
    saved = {name: np.asarray(tensors.read(name)) for name in tensors.shapes}
    slots = {
        f"{name}/{slot}": value
        for name, value in saved.items()
        for slot in ("adam_m", "adam_v")
        if name.startswith("bert/")
    }
    tf1.write_tensors(folder / "model.ckpt", saved | slots | {"global_step": np.array(7)})
    checkpoint = open_checkpoint(folder)
    _, facts = restored(partial(build_classifier, checkpoint.config, 2), checkpoint)
    assert len(facts.left_over["optimizer slots and counters"]) == len(slots) + 1
    assert facts.restored == facts.expected


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(
            albert(hidden_act="gelu"),
            "compute no gelu with a layer_norm_eps of 1e-12: they know gelu_new, relu, tanh",
            id="erf",
        ),
        pytest.param(albert(layer_norm_eps=1e-5), "a layer_norm_eps of 1e-05", id="epsilon"),
    ],
)
def test_what_the_original_codes_do_not_compute_is_not_written(
    config: EncoderConfig, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write_tf1(tmp_path, config, {})
    assert list(tmp_path.iterdir()) == []


def with_config(variant: str, folder: Path, **changes: Any) -> Path:
    """Copies a golden checkpoint; an entry changed to None is removed."""
    shutil.copytree(GOLDEN / variant, folder)
    settings = json.loads((folder / "config.json").read_text()) | changes
    kept = {name: value for name, value in settings.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))
    return folder


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"ln_type": None},
            r"lacks 'ln_type', and the wrong one computes garbage silently: add \"ln_type\": "
            r"\"postln\" or \"preln\" \('postln' in all of albert_zh's but xxlarge",
            id="missing",
        ),
        pytest.param(
            {"ln_type": None, "num_hidden_layers": 12, "hidden_size": 4096},
            r"albert_zh's model of 12 layers of 4096 is 'preln'",
            id="missing-of-a-known-size",
        ),
        pytest.param(
            {"ln_type": "preln", "num_hidden_layers": 12, "hidden_size": 768},
            r"ln_type is 'preln', but albert_zh's model of 12 layers of 768 is 'postln', and the "
            r"wrong one computes garbage silently: write \"ln_type\": \"postln\"",
            id="at-odds",
        ),
        pytest.param({"ln_type": "pre"}, r'ln_type is "pre", expected one of "postln"', id="odd"),
    ],
)
def test_ln_type(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        open_checkpoint(with_config("c_post", tmp_path / "c", **changes))


def test_a_published_model_tells_the_ln_type_that_its_config_lacks(tmp_path: Path) -> None:
    folder = with_config("c_pre", tmp_path / "c", ln_type=None)
    pre_layer_norm = albert(embedding_projection="before_sum", normalize_first=True)
    assert open_checkpoint(folder, pre_layer_norm).config.normalize_first


@pytest.mark.parametrize(
    ("act", "expected"), [("gelu", "gelu_new"), ("relu", "relu"), ("tanh", "tanh")]
)
def test_hidden_act_is_read_as_the_original_codes_mean_it(
    act: str, expected: str, tmp_path: Path
) -> None:
    folder = with_config("a_bert", tmp_path / "a", hidden_act=act)
    assert open_checkpoint(folder).config.hidden_act == expected


def test_an_unknown_hidden_act(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r'hidden_act is "gelu_fast", expected one of "gelu"'):
        open_checkpoint(with_config("a_bert", tmp_path / "a", hidden_act="gelu_fast"))


def test_a_config_of_fewer_layers_than_the_weights(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(with_config("a_bert", tmp_path / "a", num_hidden_layers=2))
    with pytest.raises(InputError, match=r"16 variables of an encoder .* bert/encoder/layer_2/"):
        restored(partial(build_classifier, checkpoint.config, 2), checkpoint)


def test_a_config_of_more_layers_than_the_weights(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(with_config("a_bert", tmp_path / "a", num_hidden_layers=4))
    with pytest.raises(
        InputError,
        match=r"lacks bert/encoder/layer_3/attention/self/query/kernel and 15 more variables of a "
        r"TensorFlow 1 BERT encoder of 4 layers; the nearest names it has are bert/encoder/layer",
    ):
        restored(partial(build_classifier, checkpoint.config, 2), checkpoint)


def test_no_encoder_of_these_families(tmp_path: Path) -> None:
    tf1.write_tensors(tmp_path / "other.ckpt", {"dense/kernel": np.zeros((2, 2), "float32")})
    shutil.copy(GOLDEN / "a_bert" / "config.json", tmp_path / "bert_config.json")
    with pytest.raises(InputError, match=r"holds no BERT or ALBERT encoder: .*begins with dense/k"):
        open_checkpoint(tmp_path)


def test_integers_are_no_weights(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    shutil.copytree(GOLDEN / "a_bert", folder)
    tensors = tf1.Tf1Tensors(folder / "model.ckpt")
    saved = {name: np.asarray(tensors.read(name)) for name in tensors.shapes}
    saved["bert/pooler/dense/bias"] = saved["bert/pooler/dense/bias"].astype("int32")
    tf1.write_tensors(folder / "model.ckpt", saved)
    checkpoint = open_checkpoint(folder)
    with pytest.raises(InputError, match="bert/pooler/dense/bias is of int32, expected floating"):
        restored(partial(build_classifier, checkpoint.config, 2), checkpoint)


def test_no_config_and_several(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "a_bert", tmp_path / "a")
    shutil.copy(tmp_path / "a" / "config.json", tmp_path / "a" / "albert_config.json")
    with pytest.raises(InputError, match=r"several configs: albert_config\.json, config\.json"):
        open_checkpoint(tmp_path / "a")
    for file in (tmp_path / "a").glob("*.json"):
        file.unlink()
    with pytest.raises(InputError, match=r"holds no config of model\.ckpt; put its bert_config"):
        open_checkpoint(tmp_path / "a")


def test_cut_data(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    shutil.copytree(GOLDEN / "a_bert", folder)
    data = folder / "model.ckpt.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    checkpoint = open_checkpoint(folder)
    with pytest.raises(InputError, match="it is cut or damaged: fetch it again"):
        restored(partial(build_classifier, checkpoint.config, 2), checkpoint)


def test_a_damaged_index(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    shutil.copytree(GOLDEN / "a_bert", folder)
    (folder / "model.ckpt.index").write_bytes(b"not an index")
    with pytest.raises(InputError, match=r"cannot read the TensorFlow checkpoint .*model\.ckpt"):
        open_checkpoint(folder)


def test_several_checkpoints_one_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    shutil.copytree(GOLDEN / "a_bert", folder)
    for file in folder.glob("model.ckpt.*"):
        shutil.copy(file, folder / file.name.replace("model.ckpt", "model.ckpt-100"))
    with pytest.raises(
        InputError, match=r"several checkpoints: model\.ckpt, model\.ckpt-100; name"
    ):
        open_checkpoint(folder)
    assert open_checkpoint(folder / "model.ckpt-100").source == str(folder / "model.ckpt-100")
    assert open_checkpoint(folder / "model.ckpt.index").source == str(folder / "model.ckpt")


def test_the_folder_may_lie_in_a_folder(tmp_path: Path) -> None:
    shutil.copytree(GOLDEN / "a_bert", tmp_path / "chinese_L-3_H-24" / "a")
    assert open_checkpoint(tmp_path).folder == tmp_path / "chinese_L-3_H-24" / "a"
    shutil.copytree(GOLDEN / "c_post", tmp_path / "other")
    with pytest.raises(
        InputError, match=r"holds several checkpoints: .*chinese_L.*, .*other; name"
    ):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no checkpoint at .*: it does not exist"),
        ("file", "is not a folder; name the checkpoint's folder"),
        ("empty", "holds no checkpoint: .*; it holds nothing"),
        ("others", r"it holds a\.h5, b\.msgpack"),
    ],
)
def test_no_checkpoint(content: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "path"
    if content == "file":
        path.write_text("no checkpoint")
    elif content:
        path.mkdir()
    if content == "others":
        (path / "a.h5").touch()
        (path / "b.msgpack").touch()
    with pytest.raises(InputError, match=message):
        open_checkpoint(path)


def test_the_digest_tells_weights_config_and_vocabulary_apart(tmp_path: Path) -> None:
    digests = set()
    for number in range(4):
        folder = tmp_path / str(number)
        shutil.copytree(GOLDEN / "a_bert", folder)
        if number == 1:
            (folder / "vocab.txt").write_text("[PAD]\n")
        if number == 2:
            (folder / "config.json").write_text((folder / "config.json").read_text() + "\n")
        if number == 3:
            data = folder / "model.ckpt.data-00000-of-00001"
            data.write_bytes(data.read_bytes()[:-1] + b"\0")
        digests.add(open_checkpoint(folder).digest())
    assert len(digests) == 4
    shutil.copytree(GOLDEN / "a_bert", tmp_path / "same")
    (tmp_path / "same" / "README.md").write_text("not part of it")
    assert open_checkpoint(tmp_path / "same").digest() in digests
