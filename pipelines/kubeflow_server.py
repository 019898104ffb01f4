"""A Kubeflow Pipelines server: what `bakeoff submit` asks of it, and what its refusals mean."""

import json
import logging
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import kfp_server_api
import urllib3
from kfp.client import Client

from components.errors import InputError

TOKEN = "KFP_EXISTING_TOKEN"
"""Environment variable that holds the token to sign in with; the `kfp` command reads it too."""
UI = "KF_PIPELINES_UI_ENDPOINT"
"""Environment variable that names the UI where the API has another address, as in the SDK."""

TIMEOUT_SECONDS = 30
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
ATTEMPTS = 5
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 60.0
LONGEST_MESSAGE = 600  # characters of a server's own words

Answer = TypeVar("Answer")


class Unavailable(Exception):
    """The server could not be reached or is failing; another attempt may succeed."""


class ServerTrouble(Exception):
    """The server kept failing, through no mistake of its user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a pipeline on the server.

    Attributes:
        pipeline_id: Of the pipeline.
        version_id: Of the version.
        is_new: Whether it was uploaded just now.
    """

    pipeline_id: str
    version_id: str
    is_new: bool


def waits() -> Iterator[float]:
    """Yields seconds to wait between attempts, doubled each time up to a minute."""
    seconds = FIRST_WAIT_SECONDS
    while True:
        yield seconds
        seconds = min(2 * seconds, LONGEST_WAIT_SECONDS)


class Server:
    """One server. Reading is tried again when the server is busy, writing is not.

    Every method raises `InputError` where the server refuses and `ServerTrouble` where it fails.
    """

    def __init__(self, endpoint: str, namespace: str, ssl_ca_cert: str) -> None:
        self.endpoint = endpoint.rstrip("/")
        self.ui = (os.environ.get(UI) or self.endpoint).rstrip("/")
        self.namespace = namespace
        # urllib3 logs each of its own attempts; ours are said in words.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This client only works with", FutureWarning)
            # A namespace that is set keeps the client from asking for the server's health in its
            # own way: five times with tracebacks.
            self._client = Client(
                host=self.endpoint,
                namespace=namespace or "none",
                existing_token=os.environ.get(TOKEN),
                ssl_ca_cert=ssl_ca_cert or None,
            )

    def check(self) -> str:
        """Returns the server's release, after checking that it is one and takes our sign-in.

        Forgets the namespace where the server has a single user: it would be refused.
        """
        ask = self._client.healthzs.healthz_service_get_healthz
        try:
            with self._errors():
                answer = ask(_preload_content=False, _request_timeout=TIMEOUT_SECONDS)
        except Unavailable as error:
            raise InputError(
                f"no Kubeflow Pipelines server answers at {self.endpoint} ({error}): name it with "
                "--endpoint or KFP_ENDPOINT, or open the way to it: `kubectl port-forward "
                "--namespace kubeflow svc/ml-pipeline-ui 8080:80`"
            ) from None
        health = _as_health(answer.data)
        if health is None:
            raise InputError(
                f"{self.endpoint} answers, but not as Kubeflow Pipelines does (a sign-in page?): "
                f"name the address of its UI or API, and a token in {TOKEN} if it asks for one"
            )
        if health.get("apiServerReady") is False:
            raise InputError(
                f"{self.endpoint} is the UI, but the API behind it is not ready: look at `kubectl "
                "get pods --namespace kubeflow`, and try again"
            )
        if not health.get("multi_user"):
            self.namespace = ""
        elif not self.namespace:
            raise InputError(
                f"{self.endpoint} serves several users: name your namespace with --namespace or "
                "KFP_NAMESPACE"
            )
        return str(health.get("tag_name") or health.get("apiServerTagName") or "")

    def version(self, pipeline: str, name: str, package: str) -> Version:
        """Returns the pipeline's version of that name, uploaded if there is none.

        Args:
            pipeline: Name of the pipeline, created if there is none.
            name: Name of the version.
            package: The compiled pipeline as YAML.
        """
        pipeline_id = self._pipeline_id(pipeline)
        found = self._read(
            self._client.pipelines.pipeline_service_list_pipeline_versions,
            pipeline_id,
            filter=_named(name),
        ).pipeline_versions
        if found:
            version_id = found[0].pipeline_version_id
            return Version(pipeline_id=pipeline_id, version_id=version_id, is_new=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pipeline.yaml"
            path.write_text(package, encoding="utf-8")
            uploaded = self._write(
                self._client.pipeline_uploads.upload_pipeline_version,
                str(path),
                name=name,
                pipelineid=pipeline_id,
            )
        version_id = uploaded.pipeline_version_id
        return Version(pipeline_id=pipeline_id, version_id=version_id, is_new=True)

    def _pipeline_id(self, name: str) -> str:
        """Returns the pipeline's id. A new one is empty: uploading it would name its version."""
        pipelines = self._client.pipelines
        found = self._read(
            pipelines.pipeline_service_list_pipelines, filter=_named(name), **self._in_namespace()
        ).pipelines
        if not found:
            new = kfp_server_api.V2beta1Pipeline(
                display_name=name, name=name, **self._in_namespace()
            )
            found = [self._write(pipelines.pipeline_service_create_pipeline, new)]
        return str(found[0].pipeline_id)

    def experiment_id(self, name: str) -> str:
        """Returns the experiment's id, created if there is none."""
        experiments = self._client.experiments
        found = self._read(
            experiments.experiment_service_list_experiments,
            filter=_named(name),
            **self._in_namespace(),
        ).experiments
        if not found:
            new = kfp_server_api.V2beta1Experiment(display_name=name, **self._in_namespace())
            found = [self._write(experiments.experiment_service_create_experiment, new)]
        return str(found[0].experiment_id)

    def create_run(
        self,
        name: str,
        experiment_id: str,
        version: Version,
        parameters: dict[str, Any],
        *,
        pipeline_root: str = "",
        service_account: str = "",
    ) -> str:
        """Starts a run and returns its id; an empty root or account is the server's own."""
        run = kfp_server_api.V2beta1Run(
            display_name=name,
            experiment_id=experiment_id,
            pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(
                pipeline_id=version.pipeline_id, pipeline_version_id=version.version_id
            ),
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(
                parameters=parameters, pipeline_root=pipeline_root or None
            ),
            service_account=service_account or None,
        )
        return str(self._write(self._client.runs.run_service_create_run, run).run_id)

    def run(self, run_id: str) -> Any:
        """Returns the run as it is now.

        Raises:
            Unavailable: It cannot be said now.
        """
        with self._errors():
            return self._client.runs.run_service_get_run(run_id, _request_timeout=TIMEOUT_SECONDS)

    def run_url(self, run_id: str) -> str:
        """Returns the address of the run's page in the UI."""
        return f"{self.ui}/#/runs/details/{run_id}"

    def ui_file(self, path: str, query: dict[str, str]) -> bytes:
        """Returns what the UI's own server gives for a path below it.

        Raises:
            Unavailable, InputError: It gives nothing.
        """
        return self._ui_request("GET", f"{self.ui}/{path}?{urlencode(query)}", {}, None)

    def ui_call(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Returns the answer to a POST at the root of the UI's host.

        Raises:
            Unavailable, InputError: There is none.
        """
        parts = urlsplit(self.ui)
        return self._ui_request("POST", f"{parts.scheme}://{parts.netloc}/{path}", headers, body)

    def _ui_request(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> bytes:
        api = self._client.runs.api_client
        api.update_params_for_auth(headers, [], ["Bearer"])
        if api.cookie:
            headers["Cookie"] = api.cookie
        with self._errors():
            answer = api.request(
                method, url, headers=headers, body=body,
                _preload_content=False, _request_timeout=TIMEOUT_SECONDS,
            )  # fmt: skip
        return bytes(answer.data)

    def _in_namespace(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    def _read(self, call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Asks, again and again where the server is busy."""
        for attempt, seconds in enumerate(waits(), start=1):
            try:
                with self._errors():
                    return call(*arguments, _request_timeout=TIMEOUT_SECONDS, **named)
            except Unavailable as error:
                if attempt == ATTEMPTS:
                    raise ServerTrouble(
                        f"{self.endpoint} failed {ATTEMPTS} times in a row: {error}; nothing was "
                        "submitted"
                    ) from None
                print(f"{error}; trying again in {seconds:g} s", file=sys.stderr, flush=True)
                time.sleep(seconds)
        raise AssertionError

    def _write(self, call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
        """Changes something on the server, once: a second attempt might do it twice."""
        try:
            with self._errors():
                return call(*arguments, _request_timeout=TIMEOUT_SECONDS, **named)
        except Unavailable as error:
            raise ServerTrouble(
                f"{self.endpoint} failed: {error}; whether it did what was asked is unknown: look "
                f"at {self.ui} before you try again"
            ) from None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except kfp_server_api.ApiException as error:
            raise self._refusal(error.status, _words_of(error.body)) from None
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(_reason(error)) from None

    def _refusal(self, status: int, words: str) -> Exception:
        if status in TRANSIENT:
            return Unavailable(f"the server answered {status}{f' ({words})' if words else ''}")
        said = f": {words}" if words else ""
        if status == 401:
            return InputError(
                f"{self.endpoint} does not know you (401{said}): set {TOKEN} to a valid token"
            )
        if status == 403:
            where = f"namespace {self.namespace!r}" if self.namespace else "this server"
            return InputError(
                f"{self.endpoint} does not let you into {where} (403{said}): check --namespace, "
                "and ask who runs the server for the right to submit there"
            )
        return InputError(f"{self.endpoint} refuses the request ({status}{said})")


def _named(name: str) -> str:
    """Returns the filter for one display name."""
    predicate = {"operation": "EQUALS", "key": "display_name", "stringValue": name}
    return json.dumps({"predicates": [predicate]})


def _as_health(data: bytes) -> dict[str, Any] | None:
    try:
        health = json.loads(data)
    except ValueError:
        return None
    known = isinstance(health, dict) and not {"multi_user", "apiServerReady"}.isdisjoint(health)
    return health if known else None


def _words_of(body: str | bytes | None) -> str:
    """Returns what the server says of an error, as one line."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
    try:
        answer = json.loads(text)
        text = answer.get("message") or answer.get("error_message") or answer.get("error") or ""
    except (ValueError, AttributeError):
        text = "" if "<" in text else text  # a proxy's page says nothing that helps
    return " ".join(str(text).split())[:LONGEST_MESSAGE]


def _reason(error: BaseException) -> str:
    """Says in a few words why no answer came."""
    cause = getattr(error, "reason", None) or error
    if isinstance(cause, urllib3.exceptions.NameResolutionError):
        return "there is no host of that name"
    if isinstance(cause, urllib3.exceptions.SSLError):
        return f"TLS: {cause}; --ssl-ca-cert names the certificates to trust"
    if system := re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(cause)):
        return system[1].lower()
    if isinstance(cause, urllib3.exceptions.TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS} s"
    if isinstance(cause, urllib3.exceptions.ProtocolError):
        return "the connection broke"
    return str(cause) or type(cause).__name__
