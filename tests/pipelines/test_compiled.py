"""What Kubeflow and Vertex AI get to read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

import pipelines
from components.errors import InputError
from components.image import Images
from pipelines.albert_vs_bert import albert_vs_bert
from pipelines.compiled import all_tasks, compile_pipeline, graphs, pipeline_named, to_yaml
from pipelines.leaderboard import COMPARED, EVALUATED, TOKENIZED, leaderboard, of_runs
from pipelines.settings import LOCAL, CompileConfig
from pipelines.settings import PIPELINES as PIPELINE_NAMES

PIPELINES = Path(pipelines.__file__).parent
IMAGES = Images(image="registry/bakeoff-python:1-cpu", train_image="registry/bakeoff-python:1-gpu")


@pytest.fixture(scope="module")
def compiled() -> dict[str, Any]:
    return compile_pipeline(albert_vs_bert, IMAGES, CompileConfig())[0]


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
        assert accelerator["resourceType"] == "{{$.inputs.parameters['pipelinechannel--gpu_type']}}"
        assert accelerator["resourceCount"] == "{{$.inputs.parameters['pipelinechannel--gpus']}}"
    defaults = compiled["root"]["inputDefinitions"]["parameters"]
    assert defaults["gpu_type"]["defaultValue"] == "nvidia.com/gpu"
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


def test_train_tasks_have_their_image_and_nothing_is_installed(compiled: dict[str, Any]) -> None:
    for name, spec in compiled["deploymentSpec"]["executors"].items():
        expected = IMAGES.train_image if "train" in name else IMAGES.image
        assert spec["container"]["image"] == expected
        assert "pip install" not in " ".join(spec["container"]["command"])


def test_what_the_ui_shows(compiled: dict[str, Any]) -> None:
    def kinds(component: str) -> set[str]:
        outputs = compiled["components"][component]["outputDefinitions"]["artifacts"]
        return {output["artifactType"]["schemaTitle"] for output in outputs.values()}

    assert kinds("comp-train-bert") == {"system.Model", "system.Metrics"}
    assert kinds("comp-evaluate-bert") == {
        "system.Artifact", "system.Metrics", "system.ClassificationMetrics",
    }  # fmt: skip
    assert kinds("comp-compare") == {"system.Artifact", "system.Markdown", "system.HTML"}
    assert set(compiled["root"]["outputDefinitions"]["artifacts"]) == {
        "comparison", "report", "page",
    }  # fmt: skip


def test_compiling_again_gives_the_same_text() -> None:
    first = compile_pipeline(albert_vs_bert, IMAGES, CompileConfig())
    again = compile_pipeline(albert_vs_bert, IMAGES, CompileConfig())
    assert to_yaml(again) == to_yaml(first)
    assert list(yaml.safe_load_all(to_yaml(first))) == first


@pytest.mark.parametrize("name", PIPELINE_NAMES)
@pytest.mark.parametrize(
    ("ending", "platform"),
    [
        pytest.param("", "kubernetes", id="kubernetes"),
        pytest.param("-vertex", "vertex", id="vertex"),
    ],
)
def test_the_compiled_pipelines_that_lie_here_are_those_of_the_code(
    name: str, ending: str, platform: str
) -> None:
    """`make pipelines` writes them anew."""
    text = (PIPELINES / f"{name}{ending}.yaml").read_text(encoding="utf-8")
    config = CompileConfig(platform=platform)
    compiled = compile_pipeline(pipeline_named(name), Images(), config)
    assert list(yaml.load_all(text, yaml.CSafeLoader)) == compiled


def executors_on_kubernetes(config: CompileConfig) -> dict[str, Any]:
    """What the platform's document says of each task."""
    platform = compile_pipeline(albert_vs_bert, IMAGES, config)[1]
    found: dict[str, Any] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return found


def test_train_tasks_choose_nodes_by_parameters_and_have_shared_memory() -> None:
    executors = executors_on_kubernetes(CompileConfig(shm_size="7Gi"))
    assert len(executors) == 7
    for name, executor in executors.items():
        assert ("nodeSelector" in executor) == ("train" in name)
    train = executors["exec-train-albert"]
    assert train["tolerations"] == [
        {"tolerationJson": {"componentInputParameter": "train_tolerations"}}
    ]
    assert train["emptyDirMounts"] == [
        {"medium": "Memory", "mountPath": "/dev/shm", "sizeLimit": "7Gi", "volumeName": "shm"}
    ]


def test_every_task_has_a_user_an_end_a_label_and_optional_keys() -> None:
    for executor in executors_on_kubernetes(CompileConfig()).values():
        assert executor["securityContext"] == {"runAsNonRoot": True}
        assert int(executor["activeDeadlineSeconds"]) >= 3600
        assert executor["podMetadata"]["labels"] == {"app.kubernetes.io/part-of": "encoder-bakeoff"}
        (secret,) = executor["secretAsEnv"]
        assert secret["optional"] is True
        assert secret["secretNameParameter"] == {"componentInputParameter": "s3_secret"}


def test_every_task_is_retried_with_growing_waits(compiled: dict[str, Any]) -> None:
    for name, task in compiled["root"]["dag"]["tasks"].items():
        policy = task["retryPolicy"]
        assert policy["maxRetryCount"] == (3 if "train" in name else 1)
        assert policy["backoffDuration"] == "60s"
        assert policy["backoffFactor"] == 2


def test_every_task_requests_and_limits_cpu_and_memory_by_text(compiled: dict[str, Any]) -> None:
    """KFP's driver reads a number as nothing; and a memory without unit would be bytes."""
    parameters = compiled["root"]["inputDefinitions"]["parameters"]
    for name, executor in compiled["deploymentSpec"]["executors"].items():
        prefix = "train" if "train" in name else "other"
        assert executor["container"]["resources"].items() >= {
            f"resource{kind.title()}{bound.title()}":
            f"{{{{$.inputs.parameters['pipelinechannel--{prefix}_{kind}_{bound}']}}}}"
            for kind in ("cpu", "memory") for bound in ("request", "limit")
        }.items()  # fmt: skip
        for bound in ("request", "limit"):
            assert parameters[f"{prefix}_memory_{bound}"]["parameterType"] == "STRING"
            assert parameters[f"{prefix}_memory_{bound}"]["defaultValue"].endswith("Gi")


def test_vertex_gets_one_document_with_its_own_gpu_and_no_settings_of_kubernetes() -> None:
    (document,) = compile_pipeline(albert_vs_bert, IMAGES, CompileConfig(platform="vertex"))
    parameters = document["root"]["inputDefinitions"]["parameters"]
    assert parameters["gpu_type"]["defaultValue"] == "NVIDIA_TESLA_T4"
    assert not {"train_node_selector", "train_tolerations", "s3_secret"} & parameters.keys()
    assert {"gpus", "train_memory_limit", "learning_rate"} <= parameters.keys()


def test_a_local_run_retries_nothing() -> None:
    (document,) = compile_pipeline(albert_vs_bert, IMAGES, CompileConfig(platform="local"))
    assert not any("retryPolicy" in task for task in document["root"]["dag"]["tasks"].values())


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(InputError, match="platform is 'vertx', expected kubernetes or vertex"):
        CompileConfig(platform="vertx")


# The leaderboard


@pytest.fixture(scope="module")
def board() -> list[dict[str, Any]]:
    return compile_pipeline(leaderboard, IMAGES, CompileConfig())


def asked_and_had(specification: dict[str, Any]) -> tuple[set[Any], set[Any]]:
    """What tasks ask of the graph around them, and what it has; each with the graph's name."""
    asked, had = set(), set()
    for name, graph in graphs(specification):
        had |= {(name, parameter) for parameter in graph["inputDefinitions"]["parameters"]}
        for task in graph["dag"]["tasks"].values():
            sources = task.get("inputs", {}).get("parameters", {}).values()
            asked |= {
                (name, source["componentInputParameter"])
                for source in sources if "componentInputParameter" in source
            }  # fmt: skip
    return asked, had


@pytest.mark.parametrize(
    ("pipeline", "platform"),
    [
        pytest.param(leaderboard, "kubernetes", id="kubernetes"),
        pytest.param(leaderboard, "vertex", id="vertex"),
        *(pytest.param(of_runs(u), LOCAL, id=u) for u in (TOKENIZED, EVALUATED, COMPARED)),
    ],
)
def test_loops_hand_on_every_parameter_that_is_read_inside(pipeline: Any, platform: str) -> None:
    """KFP's compiler forgets those that only resources read; the run would fail on a cluster."""
    specification = compile_pipeline(pipeline, IMAGES, CompileConfig(platform=platform))[0]
    asked, had = asked_and_had(specification)
    assert ("", "gpus") in asked or pipeline is not leaderboard
    assert asked - had == set()


def test_loops_hand_on_what_the_settings_of_kubernetes_read(board: list[dict[str, Any]]) -> None:
    specification, platform = board
    _, had = asked_and_had(specification)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    train = executors["exec-train"]
    for source in (
        train["nodeSelector"]["nodeSelectorJson"], train["tolerations"][0]["tolerationJson"],
        train["secretAsEnv"][0]["secretNameParameter"],
    ):  # fmt: skip
        assert ("comp-for-loop-3", source["componentInputParameter"]) in had
    assert train["emptyDirMounts"][0]["sizeLimit"] == "2Gi"


def test_the_leaderboard_tokenizes_once_a_model_and_trains_once_a_rate_and_seed(
    board: list[dict[str, Any]],
) -> None:
    loops = {
        name: {
            task_name: task.get("parameterIterator", {}).get("items", {}).get("inputParameter")
            for task_name, task in graph["dag"]["tasks"].items()
        }
        for name, graph in graphs(board[0])
    }
    assert loops == {
        "": {"for-loop-1": "pipelinechannel--models", "compare": None},
        "comp-for-loop-1": {"tokenize": None, "for-loop-2": "pipelinechannel--learning_rates"},
        "comp-for-loop-2": {"for-loop-3": "pipelinechannel--seeds"},
        "comp-for-loop-3": {"train": None, "evaluate": None},
    }
    evaluations = board[0]["components"]["comp-compare"]["inputDefinitions"]["artifacts"]
    assert evaluations["evaluations"]["isArtifactList"] is True


def test_the_parameters_of_the_leaderboard_are_those_of_the_other_but_for_its_lists(
    board: list[dict[str, Any]], compiled: dict[str, Any]
) -> None:
    declared = board[0]["root"]["inputDefinitions"]["parameters"]
    other = compiled["root"]["inputDefinitions"]["parameters"]
    lists = {"models", "learning_rates", "seeds"}
    assert {n: p for n, p in declared.items() if n not in lists} == {
        name: parameter for name, parameter in other.items()
        if name not in ("learning_rate", "seed") and "_encoder" not in name
    }  # fmt: skip
    assert {name: declared[name]["defaultValue"] for name in lists} == {
        "models": ["scratch:albert-tiny", "scratch:bert-tiny"], "learning_rates": [5e-5],
        "seeds": [42],
    }  # fmt: skip


def test_tasks_in_loops_are_placed_as_the_others(
    board: list[dict[str, Any]], compiled: dict[str, Any]
) -> None:
    other = dict(all_tasks(compiled))
    for name, task in all_tasks(board[0]):
        if not name.startswith("for-loop"):
            twin = name if name == "compare" else f"{name}-bert"
            assert task["retryPolicy"] == other[twin]["retryPolicy"]
            resources = [
                document["deploymentSpec"]["executors"][f"exec-{label}"]["container"]["resources"]
                for document, label in ((board[0], name), (compiled, twin))
            ]
            assert resources[0] == resources[1]


@pytest.mark.parametrize("platform", ["kubernetes", "vertex"])
def test_so_many_trainings_run_at_once(platform: str) -> None:
    config = CompileConfig(parallel=3, platform=platform)
    document = compile_pipeline(leaderboard, IMAGES, config)[0]
    limits = [
        (name, task["iteratorPolicy"]["parallelismLimit"])
        for name, task in all_tasks(document) if name.startswith("for-loop")
    ]  # fmt: skip
    assert sorted(limits) == [("for-loop-1", 1), ("for-loop-2", 1), ("for-loop-3", 3)]


def test_the_settings_of_kubernetes_are_handed_on_nowhere_on_vertex() -> None:
    (document,) = compile_pipeline(leaderboard, IMAGES, CompileConfig(platform="vertex"))
    _, had = asked_and_had(document)
    names = {name.removeprefix("pipelinechannel--") for _, name in had}
    assert not {"train_node_selector", "train_tolerations", "s3_secret"} & names
    assert {"gpus", "train_memory_limit", "models"} <= names


def test_a_negative_number_at_once_is_refused() -> None:
    with pytest.raises(InputError, match=r"parallel must be 0 \(as many as there is room for\)"):
        CompileConfig(parallel=-1)
