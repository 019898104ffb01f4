"""A server that answers as Kubeflow Pipelines 2.17 does, and refuses what its API does not know."""

import email
import email.policy
import inspect
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import kfp_server_api
import pytest
import yaml

RUN_ID = "5b1c2d3e-0000-4000-8000-00000000000{}"
START = datetime.now(UTC).replace(microsecond=0)
NEVER = "1970-01-01T00:00:00Z"  # how the server writes what has not happened
REPORT = "| Task | Eval_accuracy |\n|---|---|\n| colours-albert | 0.9000 |\n"
METADATA = json.loads((Path(__file__).parent / "ml_metadata.json").read_text())
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,), "int": (int,), "bool": (bool,), "float": (int, float), "datetime": (str,),
    "object": (dict,), "STRING": (str,), "NUMBER_INTEGER": (int,), "NUMBER_DOUBLE": (int, float),
    "LIST": (list,), "STRUCT": (dict,), "BOOLEAN": (bool,),
}  # fmt: skip
# The API's own words mark these as required; its models do not.
REQUIRED = {
    "V2beta1Run": {"display_name", "experiment_id", "runtime_config"},
    "V2beta1Experiment": {"display_name"},
    "V2beta1Pipeline": {"display_name"},
    "V2beta1PipelineVersionReference": {"pipeline_id", "pipeline_version_id"},
}
ROUTES = [
    ("GET", "healthz", "HealthzServiceApi.healthz_service_get_healthz", "health"),
    ("GET", "experiments", "ExperimentServiceApi.experiment_service_list_experiments",
     "list_experiments"),
    ("POST", "experiments", "ExperimentServiceApi.experiment_service_create_experiment",
     "create_experiment"),
    ("GET", "pipelines", "PipelineServiceApi.pipeline_service_list_pipelines", "list_pipelines"),
    ("POST", "pipelines", "PipelineServiceApi.pipeline_service_create_pipeline",
     "create_pipeline"),
    ("POST", "pipelines/upload", "PipelineUploadServiceApi.upload_pipeline", "upload"),
    ("POST", "pipelines/upload_version", "PipelineUploadServiceApi.upload_pipeline_version",
     "upload_version"),
    ("GET", "pipelines/([^/]+)/versions",
     "PipelineServiceApi.pipeline_service_list_pipeline_versions", "list_versions"),
    ("POST", "runs", "RunServiceApi.run_service_create_run", "create_run"),
    ("GET", "runs/([^/]+)", "RunServiceApi.run_service_get_run", "get_run"),
]  # fmt: skip


class Refused(Exception):
    """An answer with another status than 200."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def problems_of(value: Any, kind: str, where: str) -> Iterator[str]:
    """Says what in a JSON value is not as a type of kfp-server-api demands."""
    if inner := re.fullmatch(r"list\[(.+)\]", kind):
        for number, item in enumerate(value):
            yield from problems_of(item, inner[1], f"{where}[{number}]")
    elif inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        for key, item in value.items():
            if inner[1] != "object":  # any JSON value
                yield from problems_of(item, inner[1], f"{where}.{key}")
    elif kind in TYPES:
        if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind == "int"):
            yield f"{where} is {value!r}, not {kind}"
    else:
        yield from _problems_of_model(value, kind, where)


def _problems_of_model(value: Any, kind: str, where: str) -> Iterator[str]:
    model = getattr(kfp_server_api, kind)
    if not model.openapi_types:
        if value not in model.allowable_values:
            yield f"{where} is {value!r}, not one of {model.allowable_values}"
        return
    names = {wire: name for name, wire in model.attribute_map.items()}
    for wire, item in value.items():
        if wire not in names:
            yield f"{where} has no {wire!r}"
        elif item is not None:
            yield from problems_of(item, model.openapi_types[names[wire]], f"{where}.{wire}")
    for missing in REQUIRED.get(kind, set()) - value.keys():
        yield f"{where} lacks {missing}"


def named_in(query: dict[str, str]) -> str | None:
    """Returns the display name that a filter asks for."""
    if "filter" not in query:
        return None
    predicates = json.loads(query["filter"])["predicates"]
    for predicate in predicates:
        # The gateway takes both ways of writing a name, and a number for an operation.
        snake = {"stringValue": "string_value"}
        plain = {snake.get(key, key): value for key, value in predicate.items()}
        plain["operation"] = {1: "EQUALS"}.get(plain["operation"], plain["operation"])
        if problems := list(problems_of(plain, "V2beta1Predicate", "filter")):
            raise Refused(400, "; ".join(problems))
    (only,) = predicates
    assert only["key"] == "display_name"
    return str(only["stringValue"])


@dataclass
class KubeflowStandIn:
    """What the server holds and how it behaves.

    Attributes:
        token: Token it wants, if any.
        multi_user: Whether it has namespaces; `mine` is the only one that may be entered.
        is_ui: Whether it is the UI, with ML Metadata and artifacts, or the API alone.
        faults: Beginnings of `METHOD PATH` and the status that the next such request gets.
        failing: Task that fails, and what the server says of it.
        reused: Whether tasks come from the cache.
        seconds_a_look: By how much a run's clock goes on at each look.
        requests: Method, path and query of every request, and its JSON body.
        refused: Why requests were refused.
    """

    url: str = ""
    token: str = ""
    multi_user: bool = False
    is_ui: bool = True
    health_page: str = ""
    faults: list[tuple[str, int]] = field(default_factory=list)
    failing: tuple[str, str] = ("", "")
    reused: bool = False
    seconds_a_look: int = 30
    report: str = REPORT
    requests: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    experiments: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    looks: int = 0

    def bodies(self, path: str) -> list[Any]:
        """Returns the JSON bodies that were posted to a path of the API."""
        return [
            body for method, asked, _, body in self.requests
            if (method, asked) == ("POST", f"/apis/v2beta1/{path}")
        ]  # fmt: skip

    def health(self, *_: Any) -> tuple[str, Any]:
        if self.health_page:
            return "", self.health_page
        return "V2beta1GetHealthzResponse", {
            "multi_user": self.multi_user, "pipeline_store": "database",
        }  # fmt: skip

    def list_experiments(self, query: dict[str, str], _: Any) -> tuple[str, Any]:
        self._check_namespace(query.get("namespace"))
        found = [e for e in self.experiments if e["display_name"] == named_in(query)]
        return "V2beta1ListExperimentsResponse", {"experiments": found} if found else {}

    def create_experiment(self, _: Any, body: Any) -> tuple[str, Any]:
        self._check(body, "V2beta1Experiment")
        self._check_namespace(body.get("namespace"))
        new = body | {"experiment_id": f"experiment-{len(self.experiments)}", "created_at": _at(0)}
        self.experiments.append(new)
        return "V2beta1Experiment", new

    def list_pipelines(self, query: dict[str, str], _: Any) -> tuple[str, Any]:
        found = [p for p in self.pipelines if p["display_name"] == named_in(query)]
        return "V2beta1ListPipelinesResponse", {"pipelines": found} if found else {}

    def create_pipeline(self, _: Any, body: Any) -> tuple[str, Any]:
        self._check(body, "V2beta1Pipeline")
        if any(p["display_name"] == body["display_name"] for p in self.pipelines):
            raise Refused(409, f"pipeline {body['display_name']} exists")
        new = body | {"pipeline_id": f"pipeline-{len(self.pipelines)}", "created_at": _at(0)}
        self.pipelines.append(new)
        return "V2beta1Pipeline", new

    def upload(self, query: dict[str, str], body: Any) -> tuple[str, Any]:
        _, new = self.create_pipeline({}, {"display_name": query["name"]})
        self.upload_version({"name": query["name"], "pipelineid": new["pipeline_id"]}, body)
        return "V2beta1Pipeline", new

    def upload_version(self, query: dict[str, str], body: Any) -> tuple[str, Any]:
        if not any(p["pipeline_id"] == query["pipelineid"] for p in self.pipelines):
            raise Refused(404, f"no pipeline {query['pipelineid']}")
        if any(v["display_name"] == query["name"] for v in self.versions):
            raise Refused(409, f"version {query['name']} exists")
        specification, *platform = list(yaml.load_all(body, yaml.CSafeLoader))
        new = {
            "pipeline_id": query["pipelineid"], "display_name": query["name"],
            "pipeline_version_id": f"version-{len(self.versions)}", "created_at": _at(0),
            "pipeline_spec": {"pipeline_spec": specification, "platform_spec": platform[:1]},
        }  # fmt: skip
        self.versions.append(new)
        return "V2beta1PipelineVersion", new

    def list_versions(self, query: dict[str, str], _: Any, pipeline: str) -> tuple[str, Any]:
        found = [
            v for v in self.versions
            if v["pipeline_id"] == pipeline and v["display_name"] == named_in(query)
        ]  # fmt: skip
        return (
            "V2beta1ListPipelineVersionsResponse",
            {"pipeline_versions": found} if found else {},
        )

    def create_run(self, _: Any, body: Any) -> tuple[str, Any]:
        self._check(body, "V2beta1Run")
        if not any(e["experiment_id"] == body["experiment_id"] for e in self.experiments):
            raise Refused(404, f"no experiment {body['experiment_id']}")
        specification = self._specification(body)
        self._check_parameters(specification, body["runtime_config"].get("parameters") or {})
        new = body | {
            "run_id": RUN_ID.format(len(self.runs) + 1), "state": "PENDING", "created_at": _at(0),
            "storage_state": "AVAILABLE", "pipeline_spec": specification,
        }  # fmt: skip
        self.runs.append(new)
        self.looks = 0
        return "V2beta1Run", new

    def get_run(self, _: Any, __: Any, run_id: str) -> tuple[str, Any]:
        (run,) = [r for r in self.runs if r["run_id"] == run_id]
        self.looks += 1
        return "V2beta1Run", run | self._progress(run, run["pipeline_spec"])

    def _specification(self, body: Any) -> Any:
        if "pipeline_version_reference" not in body:
            given = body["pipeline_spec"]
            return given.get("pipeline_spec", given)
        reference = body["pipeline_version_reference"]
        found = [v for v in self.versions if reference.items() <= v.items()]
        if not found:
            raise Refused(404, f"no version {reference}")
        return found[0]["pipeline_spec"]["pipeline_spec"]

    def _check_parameters(self, specification: Any, parameters: dict[str, Any]) -> None:
        declared = specification["root"]["inputDefinitions"]["parameters"]
        for name, value in parameters.items():
            if name not in declared:
                raise Refused(400, f"no parameter {name}")
            kind = declared[name]["parameterType"]
            if not isinstance(value, TYPES[kind]) or (
                isinstance(value, bool) != (bool in TYPES[kind])
            ):
                raise Refused(400, f"parameter {name} is {value!r}, not {kind}")
        needed = {n for n, spec in declared.items() if not spec.get("isOptional")}
        if missing := needed - parameters.keys():
            raise Refused(400, f"parameters {sorted(missing)} are missing")

    def _check(self, value: Any, kind: str) -> None:
        if problems := list(problems_of(value, kind, kind)):
            raise Refused(400, "; ".join(problems))

    def _check_namespace(self, namespace: str | None) -> None:
        if namespace and not self.multi_user:
            raise Refused(400, "In single-user mode, ListExperiment cannot filter by namespace.")
        if self.multi_user and namespace != "mine":
            raise Refused(403, f"User 'ada' is not authorized in {namespace}")

    def _progress(self, run: Any, specification: Any) -> dict[str, Any]:
        """Returns state and nodes as Argo's are reported: each stage takes two looks."""
        nodes: list[dict[str, Any]] = [self._node("root-driver", "SUCCEEDED", 0, 5)]
        given = run["runtime_config"].get("parameters") or {}
        stages = _stages(specification, specification["root"]["dag"], given)
        state = "RUNNING" if self.looks > 1 else "PENDING"
        for stage, names in enumerate(stages):
            age = self.looks - 2 * stage - 1
            for name, items in names.items() if age >= 0 else ():
                for item in range(items):
                    nodes += self._nodes(name, stage, age, item)
            if age >= 2 and self.failing[0] in names:
                state = "FAILED"
                break
        else:
            if self.looks > 2 * len(stages):
                state = "SUCCEEDED"
        return {"state": state, "run_details": {"task_details": nodes if self.looks > 1 else []}}

    def _nodes(self, name: str, stage: int, age: int, item: int) -> list[dict[str, Any]]:
        begin = 2 * stage * self.seconds_a_look
        driver = self._node(f"{name}-driver", "RUNNING" if age == 0 else "SUCCEEDED", begin, begin)
        if age == 0:
            return [driver]
        end = begin + (0 if self.reused else self.seconds_a_look) if age >= 2 else None
        state = "RUNNING" if end is None else "SUCCEEDED"
        if end is not None and name == self.failing[0] and item == 0:
            state = "FAILED"
        executor = "SKIPPED" if self.reused else state
        node = self._node(name, state, begin, end)
        if state == "FAILED" and self.failing[1]:
            node["error"] = {"code": 13, "message": self.failing[1]}
        return [driver, node, self._node("executor", executor, begin, end)]

    def _node(self, name: str, state: str, begin: int, end: int | None) -> dict[str, Any]:
        return {
            "display_name": name, "state": state, "create_time": _at(0), "start_time": _at(begin),
            "end_time": NEVER if end is None else _at(end), "task_id": f"{name}-id",
            "child_tasks": [{"pod_name": f"albert-vs-bert-x7k2f-{name}"}],
        }  # fmt: skip

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Returns the JSON that the API answers, checked against its model."""
        for number, (beginning, status) in enumerate(self.faults):
            if f"{method} {path}".startswith(beginning):
                del self.faults[number]
                raise Refused(status, "upstream connect error")
        for verb, route, operation, name in ROUTES:
            if verb == method and (found := re.fullmatch(f"/apis/v2beta1/{route}", path)):
                self._check_query(query, operation)
                kind, value = getattr(self, name)(query, body, *found.groups())
                assert not kind or not list(problems_of(value, kind, kind))
                return value
        raise Refused(404, f"no {method} {path}")

    def _check_query(self, query: dict[str, str], operation: str) -> None:
        api, _, name = operation.partition(".")
        source = inspect.getsource(getattr(getattr(kfp_server_api, api), f"{name}_with_http_info"))
        allowed = set(re.findall(r"query_params.append\(\('(\w+)'", source))
        if unknown := query.keys() - allowed:
            raise Refused(400, f"{operation} takes no {sorted(unknown)}")

    def metadata(self, method: str, body: bytes) -> bytes:
        """Returns what ML Metadata answers by gRPC-Web."""
        known = METADATA[method]
        data = bytes.fromhex(known["request"])
        if body != bytes(1) + len(data).to_bytes(4, "big") + data:
            raise Refused(400, f"{method} was not asked as ml-metadata asks it")
        data = bytes.fromhex(known["response"])
        trailer = b"grpc-status:0\r\n"
        return b"".join(
            (bytes(1), len(data).to_bytes(4, "big"), data, b"\x80",
             len(trailer).to_bytes(4, "big"), trailer)
        )  # fmt: skip

    def artifact(self, query: dict[str, str]) -> str:
        """Returns what the UI's server reads from the object storage."""
        expected = {
            "source": "minio", "bucket": "mlpipeline",
            "key": f"v2/artifacts/albert-vs-bert/{RUN_ID.format(1)}/compare/9a0c/report",
            "providerInfo": '{"Provider":"minio","Params":{"fromEnv":"true"}}',
        }  # fmt: skip
        if self.multi_user:
            expected["namespace"] = "mine"
        if query != expected:
            raise Refused(500, f"no artifact {query}")
        return self.report


def _at(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stages(
    specification: Any, graph: Any, parameters: dict[str, Any], times: int = 1
) -> list[dict[str, int]]:
    """Returns tasks that run at the same time, and how often in loops; stage after stage."""
    needs = {name: set(task.get("dependentTasks", ())) for name, task in graph["tasks"].items()}
    stages: list[dict[str, int]] = []
    while needs:
        ready = sorted(name for name, needed in needs.items() if not needed & needs.keys())
        loops = [name for name in ready if "parameterIterator" in graph["tasks"][name]]
        if leaves := {name: times for name in ready if name not in loops}:
            stages.append(leaves)
        for name in loops:
            task = graph["tasks"][name]
            items = task["parameterIterator"]["items"]["inputParameter"]
            inner = specification["components"][task["componentRef"]["name"]]["dag"]
            count = times * len(parameters[items.removeprefix("pipelinechannel--")])
            stages += _stages(specification, inner, parameters, count)
        needs = {name: needed for name, needed in needs.items() if name not in ready}
    return stages


def _uploaded(headers: Any, body: bytes) -> str:
    """Returns the file of a multipart form."""
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    (part,) = form.iter_parts()
    assert part.get_param("name", header="content-disposition") == "uploadfile"
    return bytes(part.get_content()).decode()


def _handler(stand_in: KubeflowStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond(b"")

        def do_POST(self) -> None:
            self._respond(self.rfile.read(int(self.headers["Content-Length"] or 0)))

        def _respond(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
            try:
                kind, answer = self._answer(parts.path, query, body)
                status = 200
            except Refused as refusal:
                status, kind = refusal.status, "application/json"
                stand_in.refused.append(f"{self.command} {parts.path}: {refusal}")
                answer = json.dumps({"code": 3, "message": str(refusal), "details": []}).encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(answer)

        def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[str, bytes]:
            sent = self.headers.get("Authorization", "")
            if stand_in.token and sent != f"Bearer {stand_in.token}":
                raise Refused(401, "token is expired")
            if stand_in.is_ui and path.startswith("/ml_metadata.MetadataStoreService/"):
                method = path.rpartition("/")[2]
                return "application/grpc-web+proto", stand_in.metadata(method, body)
            if stand_in.is_ui and path == "/artifacts/get":
                return "text/plain", stand_in.artifact(query).encode()
            is_form = self.headers.get("Content-Type", "").startswith("multipart/")
            if not path.startswith("/apis/"):
                raise Refused(404, f"no {path}")
            content = _uploaded(self.headers, body) if is_form else json.loads(body or b"null")
            stand_in.requests.append((self.command, path, query, content))
            answer = stand_in.answer(self.command, path, query, content)
            if isinstance(answer, str):
                return "text/html", answer.encode()
            return "application/json", json.dumps(answer).encode()

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def kubeflow() -> Iterator[KubeflowStandIn]:
    """Gives a server of its own to each test."""
    stand_in = KubeflowStandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    server.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield stand_in
    server.shutdown()
    server.server_close()
    thread.join()
