"""`bakeoff submit`: the comparison on a cluster, submitted to Kubeflow Pipelines and followed."""

import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from components.artifacts.file import new_file
from components.encoders.catalogue import MODELS
from components.encoders.sizes import PREFIX
from components.errors import InputError, did_you_mean
from components.image import IMAGE, TRAIN_IMAGE, Images
from components.storage.address import parse_address
from pipelines.settings import (
    KUBERNETES,
    LEADERBOARD,
    SUBPROCESS,
    CompileConfig,
    RunConfig,
    Settings,
)

if TYPE_CHECKING:
    from pipelines.kubeflow_server import Server

ENDPOINT, NAMESPACE = "KFP_ENDPOINT", "KFP_NAMESPACE"
PLACES = (
    "data", "train_data", "dev_data", "test_data", "vocab_file", "albert_encoder", "bert_encoder",
)  # fmt: skip
READABLE = "gs://, s3:// or https:// addresses, hf:ORG/NAME, names of `bakeoff models`, scratch:…"
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
DIGEST_SHOWN = 12  # hexadecimal digits
TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,), "NUMBER_INTEGER": (int,), "NUMBER_DOUBLE": (float, int), "BOOLEAN": (bool,),
    "LIST": (list,), "STRUCT": (dict,),
}  # fmt: skip
SUCCEEDED_CODE, FAILED_CODE, STILL_RUNNING_CODE, STOPPED_CODE = 0, 1, 124, 130


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitConfig:
    """Where and how a run is submitted.

    Attributes:
        endpoint: Address of Kubeflow Pipelines' UI or API; empty = KFP_ENDPOINT.
        namespace: Namespace on a server of several users; empty = KFP_NAMESPACE.
        ssl_ca_cert: File with the certificates to trust, where the server's is not a public one.
        pipeline: Name of the pipeline on the server; empty = albert-vs-bert or leaderboard.
        experiment: Experiment that the run is filed under; created if there is none.
        run_name: Name of the run; empty = the task and the time.
        pipeline_root: Where artifacts are written, gs://… or s3://…; empty = the server's own.
        service_account: Service account that the pods run as; empty = the server's own.
        mounted: Local paths are meant: every pod sees them, by a volume mounted at the same place.
        wait: Follow the run until it ends, and print its report.
        poll_seconds: Seconds between two looks at the run.
        timeout_minutes: Minutes to follow it, 0 = as long as it takes; the run goes on afterwards.
    """

    endpoint: str = ""
    namespace: str = ""
    ssl_ca_cert: str = ""
    pipeline: str = ""
    experiment: str = "encoder-bakeoff"
    run_name: str = ""
    pipeline_root: str = ""
    service_account: str = ""
    mounted: bool = False
    wait: bool = True
    poll_seconds: float = 5.0
    timeout_minutes: float = 0.0

    def __post_init__(self) -> None:
        if (self.pipeline and not NAME.fullmatch(self.pipeline)) or not self.experiment:
            raise InputError(
                "pipeline must be made of small letters, digits, '-' and '.', and experiment must "
                f"not be empty, got {self.pipeline!r} and {self.experiment!r}"
            )
        if not (0 < self.poll_seconds < math.inf and 0 <= self.timeout_minutes < math.inf):
            raise InputError(
                "poll_seconds must be above 0 and timeout_minutes 0 or more, got "
                f"{self.poll_seconds:g} and {self.timeout_minutes:g}"
            )
        if self.ssl_ca_cert and not os.path.isfile(self.ssl_ca_cert):
            raise InputError(f"ssl_ca_cert names no file: {self.ssl_ca_cert}")

    def server_address(self) -> str:
        """Returns the endpoint, from the environment where it is not given.

        Raises:
            InputError: There is none, or it is no address.
        """
        address = self.endpoint or os.environ.get(ENDPOINT, "")
        if not address:
            raise InputError(f"name the server: --endpoint http://HOST:PORT, or set {ENDPOINT}")
        if urlsplit(address).scheme not in ("http", "https"):
            raise InputError(f"the endpoint begins with http:// or https://, got {address!r}")
        return address


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A compiled pipeline as it is uploaded.

    Attributes:
        text: All of it as YAML.
        specification: Its first document, the pipeline itself.
    """

    text: str
    specification: dict[str, Any]

    @property
    def name(self) -> str:
        """Name that the pipeline was compiled with; part of the artifacts' addresses."""
        return str(self.specification["pipelineInfo"]["name"])

    def version_name(self, pipeline: str) -> str:
        """Names the version by its content."""
        return f"{pipeline}-{hashlib.sha256(self.text.encode()).hexdigest()[:DIGEST_SHOWN]}"


def package_of(compiled: str, *, cache: bool) -> Package:
    """Returns a compiled pipeline for upload.

    Args:
        compiled: The pipeline as YAML, one document or two.
        cache: Whether tasks may be reused; a run of an uploaded version cannot say so itself.
    """
    documents = list(yaml.safe_load_all(compiled))
    if not cache:
        from pipelines.compiled import all_tasks  # here: kfp takes most of a second

        for _, task in all_tasks(documents[0]):
            if "cachingOptions" in task:  # a loop itself has none
                task["cachingOptions"] = {}
        compiled = yaml.safe_dump_all(documents, sort_keys=True, allow_unicode=True)
    return Package(text=compiled, specification=documents[0])


def check_target(images: Images, config: CompileConfig, run: RunConfig) -> None:
    """Refuses what other commands take, but a cluster does not.

    Raises:
        InputError: An image is known to this machine alone, or something else than a cluster is
            meant.
    """
    local = {"image": IMAGE, "train_image": TRAIN_IMAGE}
    if named := [name for name, own in local.items() if getattr(images, name) == own]:
        raise InputError(
            f"{named[0]} is {local[named[0]]!r}, which only this machine knows: push both images "
            "to a registry, each build under a tag of its own, and name them: --image "
            "REGISTRY/NAME:TAG-cpu --train-image REGISTRY/NAME:TAG-gpu"
        )
    if config.platform != KUBERNETES:
        raise InputError(
            f"platform is {config.platform!r}, but Kubeflow Pipelines runs on {KUBERNETES}: for "
            "Vertex AI write the pipeline with `bakeoff compile --platform vertex`"
        )
    if run.runner != SUBPROCESS:
        raise InputError(f"runner is {run.runner!r}: the cluster runs the steps; leave it out")


def check_places(places: Mapping[str, str], *, mounted: bool) -> None:
    """Refuses inputs that pods cannot see, and addresses that must not be shown.

    Args:
        places: Path or address of each input, by the name of its parameter; empty for none.
        mounted: Whether local paths exist in the pods too.

    Raises:
        InputError: One of them is local, or is signed.
    """
    for name, place in places.items():
        if not place or place in MODELS or place.startswith(PREFIX):
            continue
        address = parse_address(place)
        if address.scheme == "file" and not mounted:
            raise InputError(
                f"{name}={place!r} lies on this machine, where no pod of the cluster sees it: copy "
                f"it to a bucket and name that ({READABLE}); or mount a volume there in every pod "
                "and say --mounted"
            )
        if urlsplit(address.uri).query and not urlsplit(address.shown).query:
            raise InputError(
                f"{name}: {address.shown} is signed, and everybody who sees the run would see the "
                "signature: name it without, and let the pods' service account read it"
            )


def every_parameter(
    specification: Mapping[str, Any], known: Mapping[str, Any], given: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns a value for every parameter of a compiled pipeline, so that a clone shows them all.

    Args:
        specification: The compiled pipeline.
        known: Values from the settings.
        given: `NAME=VALUE` of further parameters; the others keep their defaults.

    Raises:
        InputError: There is no such parameter, it has a flag, or its value is of another type.
    """
    declared = specification["root"]["inputDefinitions"]["parameters"]
    values = {name: spec.get("defaultValue") for name, spec in declared.items()} | dict(known)
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"--parameter takes NAME=VALUE, got {text!r}")
        if name in known:
            raise InputError(f"{name} has a flag: --{name.replace('_', '-')}")
        if name not in declared:
            others = [name for name in declared if name not in known]
            raise InputError(
                f"the pipeline has no parameter {name!r}{did_you_mean(name, others)}; there are "
                f"{', '.join(others)}"
            )
        values[name] = _typed(name, value, declared[name]["parameterType"])
    return values


def _typed(name: str, text: str, kind: str) -> Any:
    if kind == "STRING":
        return text
    try:
        value = json.loads(text.lower() if kind == "BOOLEAN" else text)
    except ValueError:
        value = None
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "BOOLEAN"):
        raise InputError(f"{name} is a {kind.lower().replace('_', ' ')}, got {text!r}")
    return value


def submit(
    settings: Settings, config: SubmitConfig, compiled: str, given: Sequence[str] = ()
) -> int:
    """Submits a comparison, follows it and prints its report; returns the exit code.

    Args:
        settings: What is compared.
        config: Where and how.
        compiled: The compiled pipeline as YAML.
        given: `NAME=VALUE` of the pipeline's parameters that have no flag.

    Raises:
        InputError: Something the user can mend: an input, the server's address, a refusal.
        ServerTrouble: The server keeps failing.
    """
    from pipelines.kubeflow_server import Server  # here: kfp takes most of a second

    address = config.server_address()
    check_places(_places(settings), mounted=config.mounted)
    package = package_of(compiled, cache=settings.run.cache)
    every_parameter(package.specification, {}, given)  # refuses them before anything is fetched
    namespace = config.namespace or os.environ.get(NAMESPACE, "")
    server = Server(address, namespace, config.ssl_ca_cert)
    release = server.check()
    print(f"server: {server.endpoint}{f' (Kubeflow Pipelines {release})' if release else ''}")
    # The data libraries take several.
    from pipelines.arguments import checked_encoders, pipeline_arguments

    known = pipeline_arguments(settings)
    checked_encoders(settings)
    parameters = every_parameter(package.specification, known, given)
    run_id = _start(server, package, parameters, settings, config)
    if not config.wait:
        return SUCCEEDED_CODE
    return _follow(server, run_id, package, parameters, settings, config)


def _places(settings: Settings) -> dict[str, str]:
    if settings.run.pipeline == LEADERBOARD:
        encoders = {f"models[{n}]": name for n, name in enumerate(settings.run.encoders)}
    else:
        families = settings.run.family_encoders.items()
        encoders = {f"{family}_encoder": name for family, name in families}
    held = {name: getattr(settings.task, name, "") for name in PLACES}
    return held | {"vocab_file": settings.tokenize.vocab_file} | encoders


def _start(
    server: "Server",
    package: Package,
    parameters: dict[str, Any],
    settings: Settings,
    config: SubmitConfig,
) -> str:
    pipeline = config.pipeline or package.name
    name = package.version_name(pipeline)
    version = server.version(pipeline, name, package.text)
    print(f"pipeline: {pipeline}, version {name}{'' if version.is_new else ' (reused)'}")
    run_name = config.run_name or f"{settings.task.name} {datetime.now():%Y-%m-%d %H:%M:%S}"
    run_id = server.create_run(
        run_name,
        server.experiment_id(config.experiment),
        version,
        parameters,
        pipeline_root=config.pipeline_root,
        service_account=config.service_account,
    )
    print(f"run: {run_name} (experiment {config.experiment})\n{server.run_url(run_id)}", flush=True)
    return run_id


def _follow(
    server: "Server",
    run_id: str,
    package: Package,
    parameters: Mapping[str, Any],
    settings: Settings,
    config: SubmitConfig,
) -> int:
    """Follows a run to its end and prints what became of it."""
    from pipelines.follow import (
        SUCCEEDED,
        StillRunning,
        expected_tasks,
        failures,
        follow,
        view_of_run,
    )

    expected = expected_tasks(package.specification, parameters)
    goes_on = f"the run goes on: {server.run_url(run_id)} or `kfp run get --watch {run_id}`"
    try:
        with view_of_run() as view:
            run = follow(
                server,
                run_id,
                expected,
                view,
                poll_seconds=config.poll_seconds,
                timeout_seconds=config.timeout_minutes * 60,
            )
    except KeyboardInterrupt:
        print(f"no longer followed; {goes_on}", file=sys.stderr)
        return STOPPED_CODE
    except StillRunning as error:
        print(f"{error}; {goes_on}", file=sys.stderr)
        return STILL_RUNNING_CODE
    except InputError as error:
        raise InputError(f"{error}; {goes_on}") from None
    if run.state != SUCCEEDED:
        for line in failures(run, expected):
            print(f"error: {line}", file=sys.stderr)
        print(f"the run ended {run.state}; its logs: {server.run_url(run_id)}", file=sys.stderr)
        return FAILED_CODE
    _print_report(server, run_id, package, settings, config)
    return SUCCEEDED_CODE


def _print_report(
    server: "Server", run_id: str, package: Package, settings: Settings, config: SubmitConfig
) -> None:
    """Prints comparison.md and keeps it; where it cannot be had, says where it lies."""
    from pipelines.run_report import read_report, without_picture

    root = config.pipeline_root or package.specification.get("defaultPipelineRoot", "")
    try:
        report = read_report(server, run_id, package.name, root)
    except InputError as error:
        print(f"note: {error}", file=sys.stderr)
        return
    path = settings.run.output / "reports" / f"{settings.task.name}-{run_id[:8]}.md"
    with new_file(path) as file:
        file.write_text(report, encoding="utf-8")
    print(f"\n{without_picture(report).strip()}\n\nreport: {path}")
