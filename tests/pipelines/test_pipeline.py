import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl
from kfp.local.cache import LocalCache
from kfp.local.subprocess_task_handler import replace_python_executable

import components
from components.artifacts.folder import new_folder
from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.image import Images
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines import code
from pipelines.arguments import checked_encoders, pipeline_arguments
from pipelines.cache import drop_damaged
from pipelines.code import code_digest, local_image
from pipelines.compiled import compile_pipeline, pipeline_named
from pipelines.local_python import python3_on_path
from pipelines.settings import (
    SCRATCH_TRAINING,
    CompileConfig,
    RunConfig,
    Settings,
    scratch_training,
)


def test_changed_code_has_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("x = 1\n")
    digests = [code_digest(tmp_path), code_digest(tmp_path)]
    (tmp_path / "sub" / "a.py").write_text("x = 2\n")
    digests.append(code_digest(tmp_path))
    (tmp_path / "sub" / "a.py").rename(tmp_path / "a.py")
    digests.append(code_digest(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "another")
    digests.append(code_digest(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    digests.append(code_digest(tmp_path))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 5


def test_the_pipelines_digest_covers_steps_wiring_and_kfp(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def noting(root: Path, packages: Sequence[str]) -> str:
        asked.append((root.name, packages))
        return code_digest(root, packages)

    monkeypatch.setattr(code, "code_digest", noting)
    assert len(code.pipelines_digest()) == 64
    packages = ("kfp", "kfp-kubernetes")
    assert asked == [("components", packages), ("pipelines", packages)]


def test_the_local_image_carries_the_codes_digest() -> None:
    digest = code_digest(Path(components.__file__).parent)
    assert local_image() == f"encoder-bakeoff-python:local-{digest[:16]}"


def settings(task: TaskConfig, **run: Any) -> Settings:
    return Settings(
        task=task, tokenize=TokenizeConfig(), train=TrainConfig(), evaluate=EvaluateConfig(),
        run=RunConfig(**run),
    )  # fmt: skip


def arguments_of(chosen: Settings) -> dict[str, Any]:
    return pipeline_arguments(chosen)


@pytest.mark.parametrize(
    "run", [pytest.param({}, id="albert-vs-bert"), pytest.param({"seeds": (1,)}, id="leaderboard")]
)
def test_every_argument_is_a_parameter_of_the_pipeline(
    task: TaskConfig, run: dict[str, Any]
) -> None:
    chosen = settings(task, **run)
    arguments = arguments_of(chosen)
    pipeline = pipeline_named(chosen.run.pipeline)
    compiled = compile_pipeline(pipeline, Images(), CompileConfig())[0]
    parameters = compiled["root"]["inputDefinitions"]["parameters"].keys()
    assert parameters - arguments.keys() == {
        "checkpoint_uri", "gpus", "gpu_type", "s3_secret", "train_node_selector",
        "train_tolerations",
        *(f"{prefix}_{kind}_{bound}" for prefix in ("train", "other") for kind in ("cpu", "memory")
          for bound in ("request", "limit")),
    }  # fmt: skip
    assert arguments.keys() - parameters == set()
    assert len(arguments["data_digest"]) == 64


@pytest.mark.parametrize("family", ["albert", "bert"])
def test_an_encoder_of_the_other_family_is_refused(task: TaskConfig, family: str) -> None:
    other = {"albert": "bert", "bert": "albert"}[family]
    wrong = settings(task, **{f"{family}_encoder": f"scratch:{other}-tiny"})
    with pytest.raises(InputError, match=f"train-{family} trains encoders of the {family} family"):
        checked_encoders(wrong)


def test_what_training_would_refuse_is_refused_before(task: TaskConfig) -> None:
    long = dataclasses.replace(settings(task), tokenize=TokenizeConfig(max_seq_length=513))
    with pytest.raises(InputError, match="max_seq_length is 513, but 'scratch:albert-tiny' has"):
        checked_encoders(long)
    short = dataclasses.replace(settings(task), train=TrainConfig(train_batch_size=500))
    with pytest.raises(InputError, match=r"96 rows in batches of 500 for 3\.0 epochs make no"):
        checked_encoders(short)


def test_encoders_from_scratch_are_trained_as_they_need() -> None:
    assert scratch_training(RunConfig(), set()) == SCRATCH_TRAINING
    assert scratch_training(RunConfig(), {"learning_rate"}).keys() == {"num_train_epochs"}


def test_pre_trained_encoders_are_trained_as_the_recipe_says() -> None:
    run = RunConfig(albert_encoder="albert-base-zh", bert_encoder="bert-base-chinese")
    assert scratch_training(run, set()) == {}
    mixed = RunConfig(albert_encoder="scratch:albert-tiny", bert_encoder="bert-base-chinese")
    assert scratch_training(mixed, set()) == {}


def test_steps_run_with_this_python_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KFP puts `sys.executable` unquoted into a script, and replaces `python3` in every path."""
    odd = tmp_path / "my 项目" / "python"
    odd.parent.mkdir()
    odd.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(odd))
    before = os.environ["PATH"]
    with python3_on_path():
        command = ["sh", "-c", "python3 -c 'import sys; print(sys.argv[1])' python3-data"]
        replaced = replace_python_executable(command, sys.executable)
        printed = subprocess.run(replaced, capture_output=True, text=True, check=True).stdout
    assert printed == "python3-data\n"
    assert (sys.executable, os.environ["PATH"]) == (str(odd), before)


def test_damaged_artifacts_are_dropped_from_the_cache(tmp_path: Path) -> None:
    cache = LocalCache(str(tmp_path / "cache"))
    for name in ("whole", "damaged"):
        with new_folder(tmp_path / name, "tokens") as folder:
            (folder / "a.txt").write_text("abc")
        artifact = dsl.Dataset(name="tokens", uri=str(tmp_path / name))
        cache.put(name, {"tokens": artifact, "number": 1})
    (tmp_path / "damaged" / "a.txt").write_text("ab")
    drop_damaged(tmp_path / "cache")
    assert cache.get("whole") is not None
    assert cache.get("damaged") is None
