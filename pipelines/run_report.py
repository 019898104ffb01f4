"""The report of a run on a cluster: where comparison.md lies, and its text.

The API of Kubeflow Pipelines 2.17 names no artifact. The launcher puts an output at
PIPELINE_ROOT/PIPELINE/RUN_ID/TASK/RANDOM/OUTPUT and writes that address to ML Metadata, where the
UI looks it up and lets its own server read it with the cluster's credentials. So do we. Without the
UI the objects below PIPELINE_ROOT/PIPELINE/RUN_ID are listed, with the user's credentials.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from components.errors import InputError
from components.storage import fetch
from pipelines.kubeflow_server import Server, Unavailable

TASK, OUTPUT = "compare", "report"
UI_SOURCES = {"gs": "gcs", "s3": "s3", "minio": "minio"}
OWN_SCHEMES = ("gs", "s3")  # that components.storage reads
PICTURE = re.compile(r"\n*!\[[^\]]*\]\(data:[^)]*\)\n*")

SERVICE = "ml_metadata.MetadataStoreService"
RUN_CONTEXT = "system.PipelineRun"
# Field numbers of ml-metadata 1.17's metadata_store.proto and metadata_store_service.proto.
# A map is a repeated message of key and value on the wire.
_INTEGER, _TEXT = "int64", "string"
MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Value": {"string_value": (3, _TEXT)},
    "Property": {"key": (1, _TEXT), "value": (2, "Value")},
    "Context": {"id": (1, _INTEGER)},
    "Artifact": {"uri": (3, _TEXT), "custom_properties": (5, "Property[]")},
    "GetContextByTypeAndNameRequest": {"type_name": (1, _TEXT), "context_name": (2, _TEXT)},
    "GetContextByTypeAndNameResponse": {"context": (1, "Context")},
    "GetArtifactsByContextRequest": {"context_id": (1, _INTEGER)},
    "GetArtifactsByContextResponse": {"artifacts": (1, "Artifact[]")},
}
GRPC_WEB = {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
TRAILER = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an artifact lies.

    Attributes:
        uri: Its address: gs://, s3:// or minio://.
        store: What the launcher recorded of the store, as JSON for the UI's server; may be empty.
    """

    uri: str
    store: str


def read_report(server: Server, run_id: str, pipeline: str, pipeline_root: str) -> str:
    """Returns comparison.md of a run, with its picture inside.

    Args:
        server: The server that the run is on.
        run_id: The run.
        pipeline: Name of the pipeline in the compiled pipeline.
        pipeline_root: The run's own root; empty where it took the server's.

    Raises:
        InputError: It cannot be read; says where it lies.
    """
    place, root = _place(server, run_id), pipeline_root.partition("?")[0].rstrip("/")
    below = f"{root or 'PIPELINE_ROOT'}/{pipeline}/{run_id}"
    try:
        if place:
            return _read(server, place)
        if urlsplit(root).scheme in OWN_SCHEMES:
            return _listed(below)
        reason = f"{server.ui} is not the UI, or hides its metadata"
    except (InputError, Unavailable) as error:
        reason = str(error)
    raise InputError(
        f"comparison.md could not be fetched ({reason}): it lies at "
        f"{place.uri if place else f'{below}/{TASK}/…/{OUTPUT}'}, and the UI shows it at "
        f"{server.run_url(run_id)} (task {TASK}, output {OUTPUT})"
    )


def without_picture(report: str) -> str:
    """Returns the report for a terminal: the picture is a long line of letters there."""
    return PICTURE.sub("\n\n", report)


def _read(server: Server, place: Place) -> str:
    scheme, bucket, key = _parts(place.uri)
    query = {"source": UI_SOURCES.get(scheme, scheme), "bucket": bucket, "key": key}
    query |= {"namespace": server.namespace} if server.namespace else {}
    query |= {"providerInfo": place.store} if place.store else {}
    try:
        return server.ui_file("artifacts/get", query).decode()
    except (InputError, Unavailable):
        if scheme not in OWN_SCHEMES:
            raise
    return fetch(place.uri).path.read_text(encoding="utf-8")


def _parts(uri: str) -> tuple[str, str, str]:
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    return scheme, bucket, key


def _listed(below: str) -> str:
    """Reads the report from the bucket that the run wrote to."""
    pattern = re.compile(rf"{TASK}/(?:[^/]+/)?{OUTPUT}")
    folder = fetch(below, part=lambda name: bool(pattern.fullmatch(name))).path
    found = [p for p in folder.rglob(OUTPUT) if pattern.fullmatch(p.relative_to(folder).as_posix())]
    if not found:
        raise InputError(f"{below} holds no {OUTPUT} of {TASK}: was it reused from another run?")
    return found[0].read_text(encoding="utf-8")


def _place(server: Server, run_id: str) -> Place | None:
    """Asks ML Metadata through the UI where the report lies; None where it does not say."""
    try:
        context = _ask(
            server, "GetContextByTypeAndName", type_name=RUN_CONTEXT, context_name=run_id
        ).context
        artifacts = _ask(server, "GetArtifactsByContext", context_id=context.id).artifacts
    except (InputError, Unavailable):
        return None
    for artifact in artifacts:
        *folders, name = artifact.uri.split("/")
        if name == OUTPUT and TASK in folders:
            properties = {p.key: p.value.string_value for p in artifact.custom_properties}
            return Place(uri=artifact.uri, store=properties.get("store_session_info", ""))
    return None


def _ask(server: Server, method: str, **fields: Any) -> Any:
    """Calls a method of ML Metadata by gRPC-Web and returns its response."""
    body = in_frame(_message(f"{method}Request")(**fields).SerializeToString())
    answer = server.ui_call(f"{SERVICE}/{method}", dict(GRPC_WEB), body)
    data = next((frame for flags, frame in frames(answer) if not flags & TRAILER), None)
    if data is None:
        raise Unavailable(f"ML Metadata answers {method} with an error")
    try:
        return _message(f"{method}Response").FromString(data)
    except ValueError:  # protobuf's DecodeError
        raise Unavailable(f"ML Metadata's answer to {method} is not understood") from None


def in_frame(data: bytes) -> bytes:
    """Returns a message as gRPC-Web sends it: flags, length, bytes."""
    return bytes(1) + len(data).to_bytes(4, "big") + data


def frames(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields flags and bytes of each frame of a gRPC-Web answer."""
    while len(body) >= 5:
        end = 5 + int.from_bytes(body[1:5], "big")
        yield body[0], body[5:end]
        body = body[end:]


@cache
def _pool() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="metadata.proto", package="m", syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            repeated, base = kind.endswith("[]"), kind.removesuffix("[]")
            added = message.field.add(
                name=field,
                number=number,
                label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL,
            )
            if base in MESSAGES:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".m.{base}"
            else:
                added.type = kinds.TYPE_INT64 if base == _INTEGER else kinds.TYPE_STRING
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"m.{name}"))
