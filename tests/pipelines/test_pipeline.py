from typing import Any

import pytest
import yaml

from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines.albert_vs_bert import albert_vs_bert
from pipelines.code import code_digest, local_image
from pipelines.compiled import compile_pipeline, to_yaml
from pipelines.run import pipeline_arguments
from pipelines.settings import SAMPLE_TRAINING, RunConfig, Settings, with_sample_training


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    return compile_pipeline(albert_vs_bert, "registry/encoder-bakeoff-python:1")


def test_the_tasks_have_their_names(compiled: dict[str, Any]) -> None:
    assert set(compiled["root"]["dag"]["tasks"]) == {
        "tokenize-albert", "tokenize-bert", "train-albert", "train-bert", "evaluate-albert",
        "evaluate-bert", "compare",
    }  # fmt: skip
    assert compiled["pipelineInfo"]["name"] == "albert-vs-bert"


def test_each_train_task_asks_for_one_gpu(compiled: dict[str, Any]) -> None:
    executors = compiled["deploymentSpec"]["executors"]
    asking = {
        name: spec["container"]["resources"]["accelerator"]
        for name, spec in executors.items()
        if "accelerator" in spec["container"].get("resources", {})
    }
    assert set(asking) == {"exec-train-albert", "exec-train-bert"}
    for accelerator in asking.values():
        assert accelerator["resourceType"] == "nvidia.com/gpu"
    defaults = compiled["root"]["inputDefinitions"]["parameters"]
    assert defaults["gpus"] == {
        "defaultValue": "1", "isOptional": True, "parameterType": "STRING",
    }  # fmt: skip


def test_every_parameter_has_the_default_of_its_config(compiled: dict[str, Any]) -> None:
    parameters = compiled["root"]["inputDefinitions"]["parameters"]
    assert all("defaultValue" in p for p in parameters.values())
    assert parameters["learning_rate"]["defaultValue"] == 5e-5
    assert parameters["max_seq_length"]["defaultValue"] == 128
    assert parameters["num_train_epochs"]["defaultValue"] == 3.0
    assert parameters["save_checkpoints_steps"]["defaultValue"] == 100


def test_every_task_runs_in_the_image_and_installs_nothing(compiled: dict[str, Any]) -> None:
    for spec in compiled["deploymentSpec"]["executors"].values():
        assert spec["container"]["image"] == "registry/encoder-bakeoff-python:1"
        assert "pip install" not in " ".join(spec["container"]["command"])


def test_what_the_ui_shows(compiled: dict[str, Any]) -> None:
    def kinds(component: str) -> set[str]:
        outputs = compiled["components"][component]["outputDefinitions"]["artifacts"]
        return {output["artifactType"]["schemaTitle"] for output in outputs.values()}

    assert kinds("comp-train-bert") == {"system.Model", "system.Metrics"}
    assert kinds("comp-evaluate-bert") == {
        "system.Artifact", "system.Metrics", "system.ClassificationMetrics",
    }  # fmt: skip
    assert kinds("comp-compare") == {"system.Artifact", "system.Markdown"}
    assert set(compiled["root"]["outputDefinitions"]["artifacts"]) == {"comparison", "report"}


def test_compiling_again_gives_the_same_text(compiled: dict[str, Any]) -> None:
    again = compile_pipeline(albert_vs_bert, "registry/encoder-bakeoff-python:1")
    assert to_yaml(again) == to_yaml(compiled)
    assert yaml.safe_load(to_yaml(compiled)) == compiled


def test_the_local_image_carries_the_codes_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_digest()
    assert before == code_digest()
    assert local_image() == f"encoder-bakeoff-python:local-{before[:16]}"
    monkeypatch.setenv("KERAS_BACKEND", "another")
    assert code_digest() != before


def settings(task: TaskConfig, **run: Any) -> Settings:
    return Settings(
        task=task, tokenize=TokenizeConfig(), train=TrainConfig(), evaluate=EvaluateConfig(),
        run=RunConfig(**run),
    )  # fmt: skip


def test_every_argument_is_a_parameter_of_the_pipeline(
    task: TaskConfig, compiled: dict[str, Any]
) -> None:
    arguments = pipeline_arguments(settings(task))
    parameters = compiled["root"]["inputDefinitions"]["parameters"].keys()
    assert parameters - arguments.keys() == {"gpus"}
    assert arguments.keys() - parameters == set()
    assert len(arguments["data_digest"]) == 64


@pytest.mark.parametrize("family", ["albert", "bert"])
def test_an_encoder_of_the_other_family_is_refused(task: TaskConfig, family: str) -> None:
    other = {"albert": "bert", "bert": "albert"}[family]
    wrong = settings(task, **{f"{family}_encoder": f"scratch:{other}-tiny"})
    with pytest.raises(InputError, match=f"{family}_encoder must be of the {family} family"):
        pipeline_arguments(wrong)


def test_the_sample_is_trained_as_an_encoder_from_scratch_needs() -> None:
    train = with_sample_training(TrainConfig(learning_rate=7e-5), TaskConfig(), {"learning_rate"})
    assert train.learning_rate == 7e-5
    assert train.num_train_epochs == SAMPLE_TRAINING["num_train_epochs"]


def test_other_tasks_are_trained_as_told(task: TaskConfig) -> None:
    assert with_sample_training(TrainConfig(), task, set()) == TrainConfig()
