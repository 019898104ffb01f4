"""Models that cannot be used: those of train, and published ones."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from components.artifacts.folder import MANIFEST, Manifest, read_json, write_json
from components.artifacts.folder import _seal as seal


@pytest.fixture(scope="module")
def model(random_model: Callable[..., Path]) -> Path:
    return random_model("bert")


def edited(path: Path, **changes: Any) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | changes))


def without(path: Path, *names: str) -> None:
    record = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in record.items() if k not in names}))


def weights(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = load_file(folder / "weights.safetensors")
    change(arrays)
    save_file(arrays, folder / "weights.safetensors")


def drop_one(arrays: dict[str, Any]) -> None:
    arrays.pop(min(arrays))


def transpose(arrays: dict[str, Any]) -> None:
    name = next(name for name, a in sorted(arrays.items()) if a.ndim == 2 and len(set(a.shape)) > 1)
    arrays[name] = np.ascontiguousarray(arrays[name].T)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


# Damage that the manifest tells, and damage behind a manifest that fits it.
DAMAGED = [
    ("no-manifest", lambda f: (f / MANIFEST).unlink(), "has no artifact.json"),
    ("manifest-cut", lambda f: cut(f / MANIFEST), "is not a Manifest"),
    ("manifest-list", lambda f: (f / MANIFEST).write_text("[]"), "is not a Manifest"),
    ("manifest-deep", lambda f: (f / MANIFEST).write_text("[" * 100_000), "is not a Manifest"),
    ("another-kind", lambda f: edited(f / MANIFEST, kind="tokens"), "holds tokens, not model"),
    ("another-version", lambda f: edited(f / MANIFEST, version=2),
     "was written in format 2, this version reads format 1"),
    ("no-weights", lambda f: (f / "weights.safetensors").unlink(), "safetensors is missing"),
    ("weights-cut", lambda f: cut(f / "weights.safetensors"), "bytes instead of"),
    ("no-training", lambda f: (f / "training.json").unlink(), "training.json is missing"),
    ("no-tokenizer", lambda f: (f / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    ("vocab-changed", lambda f: (f / "vocab.txt").write_text("x\n"), "bytes instead of"),
]  # fmt: skip
SEALED = [
    ("a-pickle", lambda f: (f / "weights.safetensors").write_bytes(b"\x80\x04\x95."),
     "is not safetensors"),
    ("header-bomb", lambda f: (f / "weights.safetensors").write_bytes(b"\xff" * 8 + b"{}"),
     "is not safetensors"),
    ("truncated", lambda f: cut(f / "weights.safetensors"), "is not safetensors"),
    ("empty-weights", lambda f: (f / "weights.safetensors").write_bytes(b""), "is not safetensors"),
    ("a-weight-less", lambda f: weights(f, drop_one), "the weights lack"),
    ("a-weight-more", lambda f: weights(f, lambda a: a.update(x=np.zeros(2))),
     "no variable of the model takes ['x']"),
    ("other-shape", lambda f: weights(f, transpose), "the model needs"),
    ("other-architecture", lambda f: edited(f / "training.json", encoder_config={"family": "gpt"}),
     "encoder_config"),
    ("training-old", lambda f: without(f / "training.json", "resumed_at"),
     "is not a TrainingFacts of this version"),
    ("training-text", lambda f: (f / "training.json").write_text("weights"),
     "is not a TrainingFacts"),
    ("training-deep", lambda f: (f / "training.json").write_text('{"family":' + "[" * 100_000),
     "is not a TrainingFacts"),
    ("tokenizer-text", lambda f: (f / "tokenizer.json").write_text("{}"), "tokenizer.json"),
    ("tokenizer-deep", lambda f: (f / "tokenizer.json").write_text('{"a":' * 50_000),
     "tokenizer.json"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "said", "sealed"),
    [pytest.param(*case[1:], False, id=case[0]) for case in DAMAGED]
    + [pytest.param(*case[1:], True, id=f"sealed-{case[0]}") for case in SEALED],
)
def test_a_damaged_model_predicts_nothing(
    refused: Callable[..., str],
    model: Path,
    tmp_path: Path,
    damage: Callable[[Path], None],
    said: str,
    sealed: bool,
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    damage(folder)
    if sealed:
        seal(folder, "model")
    (tmp_path / "rows.csv").write_text("text_a,text_b\nred,green\n")
    message = refused(
        "predict", folder, tmp_path / "rows.csv", "--text-b-column", "text_b", "--output",
        tmp_path / "out" / "predictions.csv",
    )  # fmt: skip
    assert said in message


CONFIG: dict[str, Any] = {
    "model_type": "bert", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 24, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1, "max_position_embeddings": 32, "type_vocab_size": 2,
    "vocab_size": 128, "initializer_range": 0.02,
}  # fmt: skip


def checkpoint(config: Any, weights: bytes | None = None, name: str = "model.safetensors") -> Any:
    def write(folder: Path) -> None:
        folder.mkdir()
        text = config if isinstance(config, str) else json.dumps(config)
        (folder / "config.json").write_text(text)
        (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
        if weights is not None:
            (folder / name).write_bytes(weights)

    return write


EMPTY = b"\x02\0\0\0\0\0\0\0{}"
PUBLISHED = [
    ("missing", lambda f: None, "no encoder is called"),
    ("empty-folder", lambda f: f.mkdir(), ""),
    ("a-file", lambda f: f.write_text("weights"), ""),
    ("no-weights", checkpoint(CONFIG), ""),
    ("pickle", checkpoint(CONFIG, b"\x80\x04\x95.", "pytorch_model.bin"), "pickle"),
    ("pickle-pt", checkpoint(CONFIG, b"\x80\x04\x95.", "model.pt"), ""),
    ("keras-h5", checkpoint(CONFIG, b"\x89HDF\r\n", "tf_model.h5"), ""),
    ("no-tensors", checkpoint(CONFIG, EMPTY), ""),
    ("header-bomb", checkpoint(CONFIG, b"\xff" * 8 + b"{}"), "safetensors"),
    ("cut", checkpoint(CONFIG, EMPTY[:5]), "safetensors"),
    ("config-cut", checkpoint(json.dumps(CONFIG)[:-9], EMPTY), "config.json"),
    ("config-list", checkpoint([1, 2], EMPTY), "config.json"),
    ("config-deep", checkpoint('{"a":' * 50_000, EMPTY), "config.json"),
    ("config-text", checkpoint("bert", EMPTY), "config.json"),
    ("gpt2", checkpoint(CONFIG | {"model_type": "gpt2"}, EMPTY), "gpt2"),
    ("no-model-type", checkpoint({"hidden_size": 16}, EMPTY), ""),
    ("negative", checkpoint(CONFIG | {"hidden_size": -16}, EMPTY), "hidden_size"),
    ("zero-heads", checkpoint(CONFIG | {"num_attention_heads": 0}, EMPTY), "num_attention_heads"),
    ("heads-do-not-divide", checkpoint(CONFIG | {"num_attention_heads": 3}, EMPTY), "heads"),
    ("huge", checkpoint(CONFIG | {"hidden_size": 10**12, "num_attention_heads": 1}, EMPTY), ""),
    ("text-for-number", checkpoint(CONFIG | {"hidden_size": "wide"}, EMPTY), "hidden_size"),
    ("null", checkpoint(CONFIG | {"num_hidden_layers": None}, EMPTY), "num_hidden_layers"),
    ("unknown-activation", checkpoint(CONFIG | {"hidden_act": "snake"}, EMPTY), "snake"),
    ("dropout-of-two", checkpoint(CONFIG | {"hidden_dropout_prob": 2.0}, EMPTY), "dropout"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("write", "said"), [pytest.param(*case[1:], id=case[0]) for case in PUBLISHED]
)
def test_a_bad_checkpoint_trains_nothing(
    refused: Callable[..., str],
    tokens_folder: Path,
    tmp_path: Path,
    write: Callable[[Path], None],
    said: str,
) -> None:
    folder = tmp_path / "checkpoint"
    write(folder)
    message = refused(
        "train", "--tokens", tokens_folder, "--model", tmp_path / "out" / "model", "--encoder",
        folder,
    )  # fmt: skip
    assert said in message
    assert "checkpoint" in message


NAMES = [
    ("family", "scratch:gpt-tiny", "scratch:gpt-tiny"),
    ("size", "scratch:bert-huge", "scratch:bert-huge"),
    ("nothing", "", "encoder"),
    ("misspelt", "bert-base-chines", "did you mean 'bert-base-chinese'?"),
    ("scratch-alone", "scratch:", "scratch:"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), [pytest.param(*case[1:], id=case[0]) for case in NAMES])
def test_an_unknown_encoder_is_refused(
    refused: Callable[..., str], tokens_folder: Path, tmp_path: Path, name: str, said: str
) -> None:
    message = refused(
        "train", "--tokens", tokens_folder, "--model", tmp_path / "out" / "model", "--encoder", name
    )
    assert said in message


def test_the_manifest_of_a_whole_model_is_read(model: Path, tmp_path: Path) -> None:
    """Guards the tests above: the folder that they damage is a good one."""
    copied = read_json(model / MANIFEST, Manifest)
    write_json(tmp_path / "again.json", copied)
    assert read_json(tmp_path / "again.json", Manifest) == copied
