"""`bakeoff submit` and the lines for `kfp`, against a server that checks what it is asked."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import kfp.cli.cli
import pytest
import yaml
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from components.errors import InputError
from components.evaluate.config import EvaluateConfig
from components.image import Images
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.train.config import TrainConfig
from pipelines import kubeflow_server
from pipelines.albert_vs_bert import albert_vs_bert
from pipelines.compiled import all_tasks, compile_pipeline, to_yaml
from pipelines.kubeflow_server import TOKEN, UI, Server, ServerTrouble
from pipelines.leaderboard import leaderboard
from pipelines.run_report import Place, read_report, without_picture
from pipelines.settings import CompileConfig, RunConfig, Settings
from pipelines.submit import (
    SubmitConfig,
    check_places,
    check_target,
    every_parameter,
    package_of,
    submit,
)

IMAGES = Images(image="registry/bakeoff-python:1-cpu", train_image="registry/bakeoff-python:1-gpu")
RUN_ID = "5b1c2d3e-0000-4000-8000-000000000001"
NOTHING_LISTENS = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def compiled() -> str:
    return to_yaml(compile_pipeline(albert_vs_bert, IMAGES, CompileConfig()))


@pytest.fixture(autouse=True)
def patient_no_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short waits, and nothing of the user's own settings."""
    monkeypatch.setattr(kubeflow_server, "FIRST_WAIT_SECONDS", 0.01)
    for name in ("KFP_ENDPOINT", "KFP_NAMESPACE", TOKEN, UI):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        task=TaskConfig(), tokenize=TokenizeConfig(), evaluate=EvaluateConfig(),
        train=TrainConfig(num_train_epochs=2.0), run=RunConfig(output=tmp_path / "runs"),
    )  # fmt: skip


Submit = Callable[..., int]


@pytest.fixture
def submitted(kubeflow: Any, settings: Settings, compiled: str) -> Submit:
    """Submits to the stand-in with changes to the configuration; returns the exit code."""

    def run(*given: str, text: str = compiled, **changes: Any) -> int:
        values = {"endpoint": kubeflow.url, "poll_seconds": 0.01} | changes
        return submit(settings, SubmitConfig(**values), text, given)

    return run


# What is uploaded and started


def test_the_pipeline_is_uploaded_once_and_again_when_it_changed(
    kubeflow: Any, submitted: Submit, compiled: str, settings: Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert submitted(wait=False) == submitted(wait=False) == 0
    (version,) = kubeflow.versions
    assert re.fullmatch("albert-vs-bert-[0-9a-f]{12}", version["display_name"])
    assert capsys.readouterr().out.count(f"version {version['display_name']} (reused)\n") == 1
    changed = dataclasses.replace(IMAGES, train_image="registry/bakeoff-python:2-gpu")
    text = to_yaml(compile_pipeline(albert_vs_bert, changed, CompileConfig()))
    assert submitted(wait=False, text=text) == 0
    assert len(kubeflow.pipelines) == 1
    assert len(kubeflow.experiments) == 1
    used = [run["pipeline_version_reference"]["pipeline_version_id"] for run in kubeflow.runs]
    assert used == ["version-0", "version-0", "version-1"]
    assert kubeflow.refused == []


def test_what_is_uploaded_is_what_was_compiled(
    kubeflow: Any, submitted: Submit, compiled: str
) -> None:
    submitted(wait=False)
    sent = kubeflow.versions[0]["pipeline_spec"]
    assert [sent["pipeline_spec"], *sent["platform_spec"]] == list(yaml.safe_load_all(compiled))


def test_every_parameter_is_recorded_on_the_run(kubeflow: Any, submitted: Submit) -> None:
    submitted("gpus=2", "train_node_selector={\"pool\": \"gpu\"}", wait=False, run_name="mine",
              pipeline_root="gs://b/root", service_account="trainer")  # fmt: skip
    (body,) = kubeflow.bodies("runs")
    declared = kubeflow.versions[0]["pipeline_spec"]["pipeline_spec"]["root"]["inputDefinitions"]
    parameters = body["runtime_config"]["parameters"]
    assert parameters.keys() == declared["parameters"].keys()
    assert len(parameters["data_digest"]) == 64
    assert (parameters["gpus"], parameters["num_train_epochs"]) == ("2", 2.0)
    assert parameters["train_node_selector"] == {"pool": "gpu"}
    assert body["runtime_config"]["pipeline_root"] == "gs://b/root"
    assert (body["display_name"], body["service_account"]) == ("mine", "trainer")


def test_a_run_that_reuses_nothing_is_a_version_of_its_own(compiled: str) -> None:
    with_cache, without = package_of(compiled, cache=True), package_of(compiled, cache=False)
    assert with_cache.text == compiled
    assert with_cache.version_name("p") != without.version_name("p")
    tasks = next(yaml.safe_load_all(without.text))["root"]["dag"]["tasks"].values()
    assert [task["cachingOptions"] for task in tasks] == [{}] * 7


def test_an_experiment_that_is_there_is_used(kubeflow: Any, submitted: Submit) -> None:
    kubeflow.experiments.append({"experiment_id": "e", "display_name": "old"})
    submitted(wait=False, experiment="old")
    assert kubeflow.bodies("experiments") == []
    assert kubeflow.runs[0]["experiment_id"] == "e"


BOARD: dict[str, Any] = {"models": ("scratch:bert-tiny", "scratch:albert-tiny"), "seeds": (1, 2, 3)}


def test_a_leaderboard_is_submitted_followed_and_reported(
    kubeflow: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    text = to_yaml(compile_pipeline(leaderboard, IMAGES, CompileConfig()))
    board = dataclasses.replace(settings, run=dataclasses.replace(settings.run, **BOARD))
    assert submit(board, SubmitConfig(endpoint=kubeflow.url, poll_seconds=0.01), text) == 0
    (body,) = kubeflow.bodies("runs")
    parameters = body["runtime_config"]["parameters"]
    assert parameters["models"] == ["scratch:bert-tiny", "scratch:albert-tiny"]
    assert (parameters["learning_rates"], parameters["seeds"]) == ([5e-5], [1, 2, 3])
    assert kubeflow.pipelines[0]["display_name"] == "leaderboard"
    shown = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()
             if re.match(r"\d\d:\d\d:\d\d (tokenize|train|compare) SUCC", line)]  # fmt: skip
    assert shown == [
        "tokenize SUCCEEDED 2/2 after 0:30", "train SUCCEEDED 6/6 after 0:30",
        "compare SUCCEEDED after 0:30",
    ]  # fmt: skip
    assert kubeflow.refused == []


def test_a_model_of_a_leaderboard_must_lie_where_pods_see_it(
    kubeflow: Any, settings: Settings, compiled: str
) -> None:
    run = dataclasses.replace(settings.run, models=("bert-base-chinese", "my/model"))
    with pytest.raises(InputError, match=r"models\[1\]='my/model' lies on this machine"):
        submit(
            dataclasses.replace(settings, run=run), SubmitConfig(endpoint=kubeflow.url), compiled
        )


def test_a_leaderboard_that_reuses_nothing_says_so_of_tasks_in_loops_too() -> None:
    text = to_yaml(compile_pipeline(leaderboard, IMAGES, CompileConfig()))
    package = package_of(text, cache=False)
    options = [task["cachingOptions"] for _, task in all_tasks(package.specification)
               if "cachingOptions" in task]  # fmt: skip
    assert options == [{}] * 4


# How it is followed


def test_reused_tasks_are_called_so(
    kubeflow: Any, submitted: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.reused = True
    assert submitted() == 0
    assert "compare SUCCEEDED (reused)\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("said", "line"),
    [
        pytest.param("OOMKilled\n (exit code 137)", ": OOMKilled (exit code 137)", id="reason"),
        pytest.param("", "", id="no-reason"),
    ],
)
def test_a_failing_task_is_named(
    kubeflow: Any, submitted: Submit, capsys: pytest.CaptureFixture[str], said: str, line: str
) -> None:
    kubeflow.failing = ("train-bert", said)
    assert submitted() == 1
    assert capsys.readouterr().err == (
        f"error: train-bert failed{line}\n"
        f"the run ended FAILED; its logs: {kubeflow.url}/#/runs/details/{RUN_ID}\n"
    )


def test_a_server_that_is_away_for_a_moment_is_asked_again(
    kubeflow: Any, submitted: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.faults = [("GET /apis/v2beta1/runs/", 503)] * 2
    assert submitted() == 0
    said = re.findall(r"the server answered 503 \(upstream connect error\); trying again in (.+) s",
                      capsys.readouterr().out)  # fmt: skip
    assert said == ["0.01", "0.02"]


@pytest.mark.parametrize(
    ("interruption", "code", "said"),
    [
        pytest.param(KeyboardInterrupt, 130, "no longer followed", id="ctrl-c"),
        pytest.param(None, 124, "it has not ended within 0:00", id="time-is-up"),
    ],
)
def test_the_run_goes_on_without_us(
    kubeflow: Any, submitted: Submit, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], interruption: type[BaseException] | None, code: int,
    said: str,
) -> None:  # fmt: skip
    def interrupted(_: float) -> None:
        if interruption:
            raise interruption

    monkeypatch.setattr("pipelines.follow.time.sleep", interrupted)
    minutes = 0.0 if interruption else 0.0001
    assert submitted(timeout_minutes=minutes, poll_seconds=1.0) == code
    assert capsys.readouterr().err == (
        f"{said}; the run goes on: {kubeflow.url}/#/runs/details/{RUN_ID} or "
        f"`kfp run get --watch {RUN_ID}`\n"
    )


def test_a_server_that_stays_away_ends_the_following(
    kubeflow: Any, submitted: Submit, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("pipelines.follow.PATIENCE_SECONDS", 0.05)
    kubeflow.faults = [("GET /apis/v2beta1/runs/", 502)] * 99
    assert submitted() == 124
    assert "does not answer any more: the server answered 502" in capsys.readouterr().err


def test_an_expired_token_says_that_the_run_goes_on(kubeflow: Any, submitted: Submit) -> None:
    kubeflow.faults = [("GET /apis/v2beta1/runs/", 401)]
    with pytest.raises(InputError, match=rf"does not know you \(401.*{TOKEN}.*; the run goes on"):
        submitted()


# What the server refuses


def test_no_server_there(submitted: Submit) -> None:
    with pytest.raises(InputError, match=r"no Kubeflow .*127.0.0.1:9 \(connection refused\): name"):
        submitted(endpoint=NOTHING_LISTENS)


@pytest.mark.parametrize(
    ("behaviour", "config", "message"),
    [
        pytest.param({"token": "t"}, {}, r"does not know you \(401: token is expired\): set KFP_EX",
                     id="401"),
        pytest.param({"multi_user": True}, {}, "several users: name your namespace with --namespa",
                     id="no-namespace"),
        pytest.param({"multi_user": True}, {"namespace": "theirs"},
                     r"not let you into namespace 'theirs' \(403: User 'ada'", id="403"),
        pytest.param({"health_page": "<html>Sign in</html>"}, {}, "answers, but not as Kubeflow",
                     id="sign-in-page"),
        pytest.param({"health_page": '{"apiServerReady": false}'}, {}, "behind it is not ready",
                     id="not-ready"),
        pytest.param({"faults": [("GET /apis/v2beta1/healthz", 404)]}, {},
                     r"refuses the request \(404", id="another-server"),
        pytest.param({"faults": [("GET /apis/v2beta1/healthz", 503)]}, {},
                     "no Kubeflow Pipelines server answers at .*503", id="nothing-behind-a-proxy"),
        pytest.param({"faults": [("POST /apis/v2beta1/runs", 400)]}, {},
                     r"refuses the request \(400: upstream", id="400"),
    ],
)  # fmt: skip
def test_refusals(
    kubeflow: Any, submitted: Submit, behaviour: dict[str, Any], config: dict[str, Any],
    message: str,
) -> None:  # fmt: skip
    for name, value in behaviour.items():
        setattr(kubeflow, name, value)
    with pytest.raises(InputError, match=message):
        submitted(wait=False, **config)
    assert kubeflow.runs == []


def test_namespace_and_token_are_sent(
    kubeflow: Any, submitted: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeflow.multi_user, kubeflow.token = True, "secret"
    monkeypatch.setenv(TOKEN, "secret")
    monkeypatch.setenv("KFP_NAMESPACE", "mine")
    assert submitted() == 0  # the report is asked for in the namespace too
    assert kubeflow.bodies("pipelines")[0]["namespace"] == "mine"
    assert kubeflow.refused == []


def test_a_namespace_is_not_sent_to_a_server_of_one_user(kubeflow: Any, submitted: Submit) -> None:
    assert submitted(namespace="mine", wait=False) == 0
    assert "namespace" not in kubeflow.bodies("experiments")[0]


def test_reading_is_tried_again_and_writing_is_not(
    kubeflow: Any, submitted: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.faults = [
        ("GET /apis/v2beta1/pipelines", 503), ("POST /apis/v2beta1/runs", 500),
    ]  # fmt: skip
    with pytest.raises(ServerTrouble, match=r"500 .*whether it did what was asked is unknown"):
        submitted(wait=False)
    assert "trying again" in capsys.readouterr().err
    assert len(kubeflow.bodies("runs")) == 1


def test_a_server_that_keeps_failing(kubeflow: Any, submitted: Submit) -> None:
    kubeflow.faults = [("GET /apis/v2beta1/pipelines", 503)] * 5
    with pytest.raises(ServerTrouble, match="failed 5 times in a row: the server answered 503"):
        submitted(wait=False)


# What is refused before


@pytest.mark.parametrize(
    "place",
    [
        "", "gs://bucket/lcqmc", "s3://bucket/lcqmc", "https://host/bert.zip", "hf:org/name",
        "bert-base-chinese", "scratch:albert-tiny",
    ],
)  # fmt: skip
def test_places_that_pods_can_read(place: str) -> None:
    check_places({"bert_encoder": place}, mounted=False)


@pytest.mark.parametrize("place", ["lcqmc", "/data/lcqmc", "~/lcqmc", "file:///data/lcqmc"])
def test_local_places_are_refused_unless_they_are_mounted(place: str) -> None:
    with pytest.raises(InputError, match=f"data='{place}' lies on this machine.*say --mounted"):
        check_places({"data": place}, mounted=False)
    check_places({"data": place}, mounted=True)


def test_signed_addresses_are_refused() -> None:
    with pytest.raises(InputError, match=r"^data: https://host/a.csv is signed") as refused:
        check_places({"data": "https://host/a.csv?X-Amz-Signature=abc"}, mounted=False)
    assert "abc" not in str(refused.value)


def test_nothing_is_asked_of_the_server_for_a_local_path(
    kubeflow: Any, settings: Settings, compiled: str, data_folder: Path
) -> None:
    own = dataclasses.replace(settings, task=TaskConfig(task="table", data=str(data_folder)))
    with pytest.raises(InputError, match="copy it to a bucket"):
        submit(own, SubmitConfig(endpoint=kubeflow.url), compiled)
    assert kubeflow.requests == []


DECLARED = {"root": {"inputDefinitions": {"parameters": {
    "task": {"parameterType": "STRING", "defaultValue": "sample"},
    "gpus": {"parameterType": "STRING", "defaultValue": "1"},
    "steps": {"parameterType": "NUMBER_INTEGER", "defaultValue": 5},
    "rate": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 0.5},
    "spot": {"parameterType": "BOOLEAN", "defaultValue": False},
    "pools": {"parameterType": "LIST", "defaultValue": []},
}}}}  # fmt: skip


def test_defaults_settings_and_given_values() -> None:
    values = every_parameter(
        DECLARED, {"task": "xnli"}, ["gpus=2", "steps=7", "rate=1", "spot=True", 'pools=["a"]']
    )
    assert values == {
        "task": "xnli", "gpus": "2", "steps": 7, "rate": 1, "spot": True, "pools": ["a"],
    }  # fmt: skip
    assert every_parameter(DECLARED, {})["steps"] == 5


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("gpus", "takes NAME=VALUE, got 'gpus'", id="no-value"),
        pytest.param("gpu=1", r"no parameter 'gpu'; did you mean 'gpus'\?; there are gpus, steps",
                     id="typo"),
        pytest.param("task=xnli", "task has a flag: --task", id="has-a-flag"),
        pytest.param("steps=2.5", "steps is a number integer, got '2.5'", id="not-whole"),
        pytest.param("steps=true", "steps is a number integer, got 'true'", id="a-truth"),
        pytest.param("pools=a", "pools is a list, got 'a'", id="no-list"),
    ],
)  # fmt: skip
def test_parameters_that_are_refused(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        every_parameter(DECLARED, {"task": "sample"}, [given])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"pipeline": "My pipeline"}, "small letters, digits", id="pipeline"),
        pytest.param({"experiment": ""}, "experiment must not be empty", id="experiment"),
        pytest.param({"poll_seconds": 0.0}, "poll_seconds must be above 0", id="poll"),
        pytest.param({"timeout_minutes": -1.0}, "timeout_minutes 0 or more", id="timeout"),
        pytest.param({"ssl_ca_cert": "/none.pem"}, "names no file: /none.pem", id="certificate"),
    ],
)
def test_configurations_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SubmitConfig(**changes)


def test_the_endpoint_comes_from_the_environment_if_it_is_not_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match=r"name the server: --endpoint .* or set KFP_ENDPOINT"):
        SubmitConfig().server_address()
    monkeypatch.setenv("KFP_ENDPOINT", "localhost:8080")
    with pytest.raises(InputError, match="begins with http:// or https://, got 'localhost:8080'"):
        SubmitConfig().server_address()
    assert SubmitConfig(endpoint="https://kfp").server_address() == "https://kfp"


@pytest.mark.parametrize(
    ("images", "config", "run", "message"),
    [
        pytest.param(Images(), CompileConfig(), RunConfig(), "image is .*:cpu', which only this",
                     id="image"),
        pytest.param(Images(image="r/a:1"), CompileConfig(), RunConfig(), "train_image is .*:gpu'",
                     id="train-image"),
        pytest.param(IMAGES, CompileConfig(platform="vertex"), RunConfig(), "bakeoff compile --pl",
                     id="vertex"),
        pytest.param(IMAGES, CompileConfig(), RunConfig(runner="docker"), "leave it out",
                     id="docker"),
    ],
)  # fmt: skip
def test_targets_that_are_no_cluster(
    images: Images, config: CompileConfig, run: RunConfig, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_target(images, config, run)


# The report


def test_the_report_is_read_from_the_bucket_where_the_ui_is_not_reached(
    kubeflow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kubeflow.is_ui = False
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    try:
        host, port = s3.get_host_and_port()
        values = {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "a",
                  "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1",
                  "CONFIG_FILE": str(tmp_path / "none")}  # fmt: skip
        for name, value in values.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path))
        client = boto3.client("s3")
        client.create_bucket(Bucket="artifacts")
        below = f"kfp/albert-vs-bert/{RUN_ID}"
        for name in ("train-bert/7c/model/weights", "compare/9a/comparison/comparison.md"):
            client.put_object(Bucket="artifacts", Key=f"{below}/{name}", Body=b"other")
        client.put_object(Bucket="artifacts", Key=f"{below}/compare/9a/report", Body=b"# Report")
        server = Server(kubeflow.url, "", "")
        report = read_report(server, RUN_ID, "albert-vs-bert", "s3://artifacts/kfp/?region=x")
        # The metadata names it, but the UI's server may not read it.
        place = Place(uri=f"s3://artifacts/{below}/compare/9a/report", store="")
        monkeypatch.setattr("pipelines.run_report._place", lambda *_: place)
        assert read_report(server, RUN_ID, "albert-vs-bert", "") == report
    finally:
        s3.stop()
    assert report == "# Report"


def test_where_it_lies_is_said_where_it_cannot_be_read(
    kubeflow: Any, submitted: Submit, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeflow.is_ui = False
    assert submitted() == 0
    assert capsys.readouterr().err == (
        f"note: comparison.md could not be fetched ({kubeflow.url} is not the UI, or hides its "
        f"metadata): it lies at PIPELINE_ROOT/albert-vs-bert/{RUN_ID}/compare/…/report, and the UI "
        f"shows it at {kubeflow.url}/#/runs/details/{RUN_ID} (task compare, output report)\n"
    )


def test_the_picture_is_left_out_on_a_terminal() -> None:
    report = "# A\n\n![Loss curves](data:image/svg+xml;base64,AAAA)\n\n## B ![x](y.png)\n"
    assert without_picture(report) == "# A\n\n## B ![x](y.png)\n"


@pytest.mark.filterwarnings("ignore:This client only works with")
def test_kfp_itself_sends_a_number_where_the_pipeline_wants_text(
    kubeflow: Any, compiled: str, tmp_path: Path
) -> None:
    """Why the README's lines have quotes inside quotes."""
    (tmp_path / "p.yaml").write_text(compiled, encoding="utf-8")
    arguments = ["--endpoint", kubeflow.url, "run", "create", "--experiment-name", "e",
                 "--package-file", str(tmp_path / "p.yaml")]  # fmt: skip
    for gpus, refused in (
        ("gpus=1", ["POST /apis/v2beta1/runs: parameter gpus is 1, not STRING"]),
        ('gpus="1"', []),
    ):
        kubeflow.refused.clear()
        CliRunner().invoke(kfp.cli.cli.cli, [*arguments, gpus], obj={})
        assert kubeflow.refused == refused
