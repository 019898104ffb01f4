"""Artifact folders that another version wrote, that were damaged, or made to do harm.

Models behind a manifest that fits them stand in test_model_folders.py.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from components.artifacts.checkpoint import HISTORY, State
from components.artifacts.evaluation import KIND as EVALUATION
from components.artifacts.evaluation import METRICS
from components.artifacts.folder import LARGEST_JSON_BYTES, MANIFEST, sha256_of
from components.artifacts.model import KIND as MODEL
from components.artifacts.tokens import FACTS, TOKENIZER, VOCAB
from components.artifacts.tokens import KIND as TOKENS
from components.compare.facts import KIND as COMPARISON
from components.evaluate.config import EvaluateConfig
from components.train.checkpoints import Checkpoints
from tests.conftest import NOTHING_YET

Damage = Callable[[Path], object]
Refused = Callable[..., str]
Read = Callable[[str, Path], str]


class Artifacts(NamedTuple):
    """A whole artifact of each kind; two evaluations can be compared."""

    tokens: Path
    model: Path
    evaluation: Path
    other_evaluation: Path
    comparison: Path


@pytest.fixture(scope="module")
def artifacts(
    tokens_folder: Path,
    random_model: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Artifacts:
    from components.compare.step import compare
    from components.evaluate.step import evaluate

    folder = tmp_path_factory.mktemp("artifacts")
    model = random_model("bert")
    first, second = folder / "first", folder / "second"
    evaluate(tokens_folder, model, first, EvaluateConfig())
    shutil.copytree(first, second)
    for seed, evaluation in enumerate((first, second)):
        change = {"config": {"learning_rate": 1e-4, "seed": seed}}
        edit(evaluation / METRICS, partial(change_training, change))
        sealed(evaluation)
    compare([first, second], folder / "comparison")
    return Artifacts(tokens_folder, model, first, second, folder / "comparison")


@pytest.fixture
def read(refused: Refused, artifacts: Artifacts, tmp_path: Path) -> Read:
    """Has the command that reads a kind of artifact read a folder, and returns its refusal."""
    out = tmp_path / "out"
    commands: dict[str, Callable[[Path], str]] = {
        TOKENS: lambda folder: refused(
            "train", "--tokens", folder, "--model", out / "m", "--encoder", "scratch:bert-tiny"
        ),
        MODEL: lambda folder: refused(
            "evaluate", "--tokens", artifacts.tokens, "--model", folder, "--evaluation", out / "e"
        ),
        EVALUATION: lambda folder: refused(
            "compare", "--evaluations", folder, "--evaluations", artifacts.other_evaluation,
            "--comparison", out / "c",
        ),
        COMPARISON: lambda folder: refused("bakeoff compare", folder, "--comparison", out / "c"),
    }  # fmt: skip
    return lambda kind, folder: commands[kind](folder)


def change_training(change: dict[str, Any], facts: dict[str, Any]) -> None:
    facts["training"].update(change)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


def sealed(folder: Path) -> None:
    """Lets the manifest fit the files, as somebody would who may write the folder."""

    def fit(manifest: dict[str, Any]) -> None:
        manifest["files"] = {
            str(path.relative_to(folder)): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        }

    edit(folder / MANIFEST, fit)


def manifest(**changes: Any) -> Damage:
    return lambda folder: edit(folder / MANIFEST, lambda record: record.update(changes))


def listed(name: str) -> Damage:
    entry = {"bytes": 6, "sha256": "0" * 64}
    return lambda folder: edit(
        folder / MANIFEST, lambda record: record["files"].update({name: entry})
    )


def text(name: str, content: str | bytes) -> Damage:
    encoded = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(encoded)


def other_hash(folder: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        record["files"][min(record["files"])]["sha256"] = "0" * 64

    edit(folder / MANIFEST, change)


def folder_for_file(folder: Path) -> None:
    name = min(path.name for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    (folder / name).unlink()
    (folder / name).mkdir()


DEEP = "[" * 100_000
NO_MANIFEST = "is not a Manifest of this version"
IN_MANIFEST = [
    ("newer", manifest(version=2), "was written in format 2, this version reads format 1"),
    ("newer-and-other", manifest(version=2, files=[], sums={}), "was written in format 2"),
    ("version-0", manifest(version=0), "was written in format 0"),
    ("version-huge", manifest(version=10**30), f"was written in format {10**30}"),
    ("no-version", lambda f: edit(f / MANIFEST, lambda record: record.pop("version")),
     "missing required field `version`"),
    ("version-text", manifest(version="1"), "Expected `int`, got `str`"),
    ("version-true", manifest(version=True), "Expected `int`, got `bool`"),
    ("version-null", manifest(version=None), "Expected `int`, got `null`"),
    ("version-half", manifest(version=1.5), "Expected `int`, got `float`"),
    ("unknown-field", manifest(signature="x"), "contains unknown field `signature`"),
    ("no-kind", lambda f: edit(f / MANIFEST, lambda record: record.pop("kind")), "field `kind`"),
    ("no-json", text(MANIFEST, "version: 1\n"), NO_MANIFEST),
    ("empty", text(MANIFEST, ""), NO_MANIFEST),
    ("no-utf-8", text(MANIFEST, b'{"kind": "\xff", "files": {}, "version": 1}'), NO_MANIFEST),
    ("utf-16", text(MANIFEST, '{"version": 1}'.encode("utf-16")), NO_MANIFEST),
    ("deep", text(MANIFEST, '{"version": 1, "x": ' + DEEP), NO_MANIFEST),
    ("huge", lambda f: os.truncate(f / MANIFEST, LARGEST_JSON_BYTES + 1),
     "bytes, but a Manifest has at most 1,073,741,824"),
    ("parent", listed("../x"), "holds '../x', which leads outside through '..'"),
    ("parent-inside", listed("logs/../../x"), "leads outside through '..'"),
    ("absolute", listed("/etc/passwd"), "holds '/etc/passwd', which is an absolute path"),
    ("drive", listed("C:x"), "begins with a drive letter"),
    ("backslash", listed("..\\x"), "has a backslash"),
    ("no-name", listed(""), "has an empty part"),
    ("nul", listed("a\0b"), "has control characters"),
    ("long-name", listed("x" * 300), "is too long"),
    ("not-there", listed("more.json"), "more.json is missing; run the step"),
    ("negative-size", lambda f: edit(f / MANIFEST, lambda r: r["files"].update(
        x={"bytes": -1, "sha256": ""})), "is missing"),
    ("entry-text", lambda f: edit(f / MANIFEST, lambda r: r["files"].update(x="y")),
     "Expected `object`, got `str`"),
    ("other-hash", other_hash, "has other content than when it was written"),
    ("a-folder", folder_for_file, "is missing"),
]  # fmt: skip


@pytest.mark.parametrize("kind", [TOKENS, MODEL, EVALUATION, COMPARISON])
@pytest.mark.parametrize(
    ("damage", "said"), [pytest.param(*case[1:], id=case[0]) for case in IN_MANIFEST]
)
def test_a_manifest_that_is_not_of_this_version(
    read: Read, artifacts: Artifacts, tmp_path: Path, kind: str, damage: Damage, said: str
) -> None:
    folder = tmp_path / kind
    shutil.copytree(getattr(artifacts, kind), folder)
    damage(folder)
    assert said in read(kind, folder)


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    """One checkpoint of a training, in slot a."""
    (tmp_path / "logs").mkdir()
    arrays = {"x": np.ones(8, np.float32)}
    kept = Checkpoints(str(tmp_path / "checkpoints"), {"seed": 1}, {})
    with kept.saving(State(arrays, arrays, arrays, arrays), 1) as saving:
        saving.complete(dataclasses.replace(NOTHING_YET, step=1), None, tmp_path / "logs")
    assert kept.latest()
    return kept


@pytest.mark.parametrize(
    ("damage", "said"),
    [pytest.param(*case[1:], id=case[0]) for case in IN_MANIFEST]
    + [
        pytest.param(text(HISTORY, f'{{"training": {DEEP}'), "is not a CheckpointFacts", id="bomb"),
        pytest.param(
            lambda f: edit(f / HISTORY, lambda facts: facts.update(shade=1)),
            "contains unknown field `$.shade`",
            id="unknown-in-history",
        ),
    ],
)
def test_a_checkpoint_that_is_not_of_this_version_is_left_out(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str], damage: Damage, said: str
) -> None:
    slot = Path(checkpoints.shown) / "a"
    damage(slot)
    assert checkpoints.latest() is None
    warning = capsys.readouterr().out
    assert warning.startswith(f"train: the checkpoint {slot} is left out: ")
    assert warning.count("\n") == 1
    assert said in warning


def facts(name: str, change: Callable[[Any], object]) -> Damage:
    return lambda folder: edit(folder / name, change)


def of_facts(kind: str, name: str, record: str, field: str, number: str) -> list[tuple[Any, ...]]:
    """Damages a file of facts: `field` is one of its own, `number` one of a number."""
    return [
        (kind, f"{record}-{case}", damage, said)
        for case, damage, said in (
            ("without", facts(name, lambda facts: facts.pop(field)), f"required field `{field}`"),
            ("unknown", facts(name, lambda facts: facts.update(colour=1)),
             "contains unknown field `$.colour`"),
            ("type", facts(name, lambda facts: facts.update({number: "many"})),
             f"got `str` - at `$.{number}`"),
            ("number-as-text", facts(name, lambda facts: facts.update({number: "1"})),
             f"got `str` - at `$.{number}`"),
            ("null", facts(name, lambda facts: facts.update({number: None})),
             f"got `null` - at `$.{number}`"),
            ("nan", text(name, json.dumps({number: float("nan")})), "is not a "),
            ("empty", text(name, ""), f"is not a {record}"),
            ("list", text(name, "[]"), f"is not a {record}"),
            ("deep", text(name, f'{{"config": {DEEP}'), f"is not a {record}"),
            ("deep-unknown", text(name, f'{{"colour": {DEEP}'), f"is not a {record}"),
            ("gone", lambda folder: (folder / name).unlink(), name),
        )
    ]  # fmt: skip


BEHIND_A_MANIFEST_THAT_FITS = [
    *of_facts(TOKENS, FACTS, "TokensFacts", "vocab_sha256", "vocab_size"),
    *of_facts(MODEL, "training.json", "TrainingFacts", "backend", "global_step"),
    *of_facts(EVALUATION, METRICS, "EvaluationFacts", "training", "cost"),
    *of_facts(COMPARISON, "comparison.json", "ComparisonFacts", "outcome", "seed"),
    (TOKENS, "unknown-inside", facts(FACTS, lambda f: f["data"]["splits"]["dev"].update(shade=1)),
     "unknown field `$.data.splits.dev.shade`"),
    (EVALUATION, "unknown-in-list", facts(METRICS, lambda f: f["training"].update(
        curve=[{"step": 1, "loss": 1.0, "learning_rate": 1.0, "gradient_norm": 1.0,
                "encoder_gradient_norm": 1.0, "shade": 1}])),
     "unknown field `$.training.curve[0].shade`"),
    *((kind, "another-kind", manifest(kind="cake"), f"holds cake, not {kind}")
      for kind in (TOKENS, EVALUATION)),
    (COMPARISON, "another-kind", manifest(kind="cake"), "is no evaluation folder and holds none"),
    (MODEL, "no-vocab", lambda f: (f / VOCAB).unlink(), "has no vocab.txt"),
    (MODEL, "vocab-no-utf-8", text(VOCAB, b"[PAD]\n\xff\n"), "vocab.txt is not UTF-8"),
    (MODEL, "tokenizer-no-utf-8", text(TOKENIZER, b"\xff"), "tokenizer.json is not UTF-8"),
    (COMPARISON, "no-models", facts("comparison.json", lambda f: f.update(models=[])),
     "a comparison needs at least two evaluations"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "damage", "said"),
    [
        pytest.param(kind, *case, id=f"{kind}-{name}")
        for kind, name, *case in BEHIND_A_MANIFEST_THAT_FITS
    ],
)
def test_files_that_are_not_of_this_version(
    read: Read, artifacts: Artifacts, tmp_path: Path, kind: str, damage: Damage, said: str
) -> None:
    folder = tmp_path / kind
    shutil.copytree(getattr(artifacts, kind), folder)
    damage(folder)
    sealed(folder)
    assert said in read(kind, folder)
