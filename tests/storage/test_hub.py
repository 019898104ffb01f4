"""The hub's library against a server that answers as the hub does."""

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from components.errors import InputError
from components.storage import fetch
from components.storage.hub import asked

if TYPE_CHECKING:
    from tests.storage.conftest import WebServer

COMMIT, LATER = "a" * 40, "b" * 40
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "vocab.txt": b"[PAD]\n",
    "model.safetensors": bytes(1000),
    "pytorch_model.bin": b"a pickle",
    "onnx/model.onnx": b"another framework's",
}


class Hub:
    """Puts repositories on the server as the hub shows them."""

    def __init__(self, server: "WebServer") -> None:
        self.server = server

    def put(
        self,
        name: str,
        commit: str,
        files: dict[str, bytes],
        revision: str = "main",
    ) -> None:
        entries = [self._entry(path, content) for path, content in files.items()]
        siblings = [
            {"rfilename": e["path"], "size": e["size"], "blobId": e["oid"]}
            | ({"lfs": e["lfs"] | {"sha256": e["lfs"]["oid"]}} if "lfs" in e else {})
            for e in entries
        ]
        model = {"_id": "1", "id": name, "modelId": name, "sha": commit, "siblings": siblings,
                 "private": False, "tags": [], "downloads": 0, "likes": 0}  # fmt: skip
        places = ["", *(f"/revision/{revision}" for revision in (revision, commit))]
        for place in places:
            self._json(f"/api/models/{name}{place}", model)
        self._json(f"/api/models/{name}/tree/{commit}", entries)
        for entry, content in zip(entries, files.values(), strict=True):
            self.server.serve(
                f"/{name}/resolve/{commit}/{entry['path']}", content,
                headers={"ETag": f'"{entry.get("lfs", entry)["oid"]}"', "X-Repo-Commit": commit},
            )  # fmt: skip

    def _json(self, path: str, content: Any) -> None:
        self.server.serve(
            path, json.dumps(content).encode(), headers={"Content-Type": "application/json"}
        )

    @staticmethod
    def _entry(path: str, content: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": oid}
        if path.endswith((".safetensors", ".bin")):
            sha256 = hashlib.sha256(content).hexdigest()
            entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 130}
        return entry

    def refuse(self, path: str, status: int, code: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": "no"} if code else {}
        self.server.serve(path, b"", status=status, headers=headers)

    def fetched(self) -> list[str]:
        """Names the files that were asked for with GET."""
        paths = [path for method, path, _ in self.server.log if method == "GET"]
        files = [p.partition("/resolve/")[2].partition("/")[2] for p in paths]
        return sorted(unquote(name) for name in files if name)


@pytest.fixture
def hub(server: "WebServer", monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", "hush")
    return Hub(server)


def test_a_repository_is_a_folder_at_a_commit(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    fetched = fetch("hf:org/bert")
    names = {p.name for p in fetched.path.iterdir()}
    assert names == {"config.json", "vocab.txt", "model.safetensors"}  # no pickle, no ONNX
    assert all((fetched.path / name).read_bytes() == FILES[name] for name in names)
    assert fetched.source == f"hf:org/bert@{COMMIT}"
    assert fetched.left_out == ("onnx/model.onnx", "pytorch_model.bin")
    lines = [f"{name}\0{hashlib.sha256(FILES[name]).hexdigest()}\n" for name in sorted(names)]
    assert fetched.sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_only_the_part_that_is_needed_is_fetched(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES | {"vocab[1].txt": b"odd name"})
    fetched = fetch("hf:org/bert", lambda name: name.startswith("vocab"))
    assert sorted(p.name for p in fetched.path.iterdir()) == ["vocab.txt", "vocab[1].txt"]
    assert hub.fetched() == ["vocab.txt", "vocab[1].txt"]
    fetch("hf:org/bert", lambda name: name.endswith(".bin"))  # asked for by name
    assert hub.fetched() == ["pytorch_model.bin", "vocab.txt", "vocab[1].txt"]
    with pytest.raises(InputError, match=r"none of the files that are needed; it holds config"):
        fetch("hf:org/bert", lambda name: False)


def test_the_second_time_nothing_is_fetched(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    assert fetch("hf:org/bert") == fetch("hf:org/bert")
    assert len(hub.fetched()) == 3


@pytest.mark.parametrize("revision", ["v1.0", COMMIT])
def test_a_revision_is_resolved(hub: Hub, revision: str) -> None:
    hub.put("org/bert", COMMIT, FILES, "v1.0")
    hub.put("org/bert", LATER, FILES | {"vocab.txt": b"new"})
    assert fetch(f"hf:org/bert@{revision}").source.endswith(COMMIT)
    latest = fetch("hf:org/bert")
    assert latest.source.endswith(LATER)
    assert (latest.path / "vocab.txt").read_bytes() == b"new"


def test_a_moved_branch_is_followed(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    fetch("hf:org/bert")
    hub.put("org/bert", LATER, FILES | {"vocab.txt": b"new"})
    assert (fetch("hf:org/bert").path / "vocab.txt").read_bytes() == b"new"


def test_a_damaged_file_is_fetched_again(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.put("org/bert", COMMIT, FILES)
    path = fetch("hf:org/bert").path / "model.safetensors"
    path.write_bytes(bytes(999) + b"x")
    assert (fetch("hf:org/bert").path / "model.safetensors").read_bytes() == bytes(1000)
    assert "the cached copy of model.safetensors of hf:org/bert is" in capsys.readouterr().err
    assert len(hub.fetched()) == 4


def test_a_wrong_digest_is_refused(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    hub.server.files[f"/org/bert/resolve/{COMMIT}/model.safetensors"].body = b"x" * 1000
    with pytest.raises(InputError, match=r"model.safetensors of hf:org/bert arrived with SHA-256"):
        fetch("hf:org/bert")


def test_a_pinned_digest_is_checked(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    fetched = fetch("hf:org/bert")
    assert fetch(f"hf:org/bert#sha256={fetched.sha256}") == fetched
    with pytest.raises(InputError, match=f"has SHA-256 {fetched.sha256}, the address pins 00"):
        fetch(f"hf:org/bert#sha256={'0' * 64}")


def test_a_good_copy_is_used_when_the_hub_is_down(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.put("org/bert", COMMIT, FILES)
    before = fetch("hf:org/bert")
    hub.server.stop()
    assert fetch("hf:org/bert") == before
    assert "the copy in the cache is used" in capsys.readouterr().err
    with pytest.raises(InputError, match="the hub cannot be reached, 5 times"):
        fetch("hf:org/bert", lambda name: name.endswith(".bin"))


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        pytest.param(404, "RepoNotFound", "has no such repository: check the spelling",
                     id="no-repository"),
        pytest.param(401, "", "no such repository|asks for credentials", id="401"),
        pytest.param(403, "GatedRepo", "is gated: accept .* set HF_TOKEN", id="gated"),
        pytest.param(404, "RevisionNotFound", "has no such revision: name one of", id="revision"),
        pytest.param(403, "", "may not be read with these credentials", id="forbidden"),
        pytest.param(503, "", "the server answers 503, 5 times", id="busy"),
    ],
)  # fmt: skip
def test_refusals_are_told(hub: Hub, status: int, code: str, message: str) -> None:
    hub.refuse("/api/models/org/bert/revision/v9", status, code)
    with pytest.raises(InputError, match=message) as refused:
        fetch("hf:org/bert@v9")
    assert "hush" not in str(refused.value)


def test_a_gate_before_the_files_is_told(hub: Hub) -> None:
    hub.put("org/bert", COMMIT, FILES)
    for name in FILES:
        hub.refuse(f"/org/bert/resolve/{COMMIT}/{name}", 403, "GatedRepo")
    with pytest.raises(InputError, match="is gated"):
        fetch("hf:org/bert")


@pytest.mark.parametrize("uri", ["hf:", "hf:a/b/c", "hf:org/bert@", "hf:../x/y"])
def test_what_is_no_repository_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=r"is not of the form hf:ORG/NAME|no name of a repo"):
        fetch(uri)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.safetensors", True), ("vocab.txt", True), ("spiece.model", True),
        ("pytorch_model.bin", False), ("tf_model.h5", False), ("flax_model.msgpack", False),
        ("onnx/model.onnx", False),
    ],
)  # fmt: skip
def test_pickles_and_other_frameworks_are_not_asked_for(name: str, expected: bool) -> None:
    assert asked(name) is expected
