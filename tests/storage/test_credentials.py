"""Planted keys, looked for in everything that a chain of steps prints, writes, sends and keeps."""

import base64
import importlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from components.errors import ENVIRONMENT, USER_MISTAKE
from components.flags import command_line

if TYPE_CHECKING:
    from tests.storage.conftest import Bucket, WebServer

PLANTED = {
    name: f"pLaNtEd/{name}+{number}=="  # as keys look: other characters when quoted
    for number, name in enumerate(
        ("aws", "session", "hub", "google", "netrc", "password", "signature", "token")
    )
}
SIGNED = f"?X-Amz-Signature={quote(PLANTED['signature'], safe='')}&X-Amz-Expires=60"
TOKEN = f"?access_token={quote(PLANTED['token'], safe='')}"

Run = Callable[..., str]


@pytest.fixture(autouse=True)
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3_bucket: "Bucket") -> None:
    """Puts a key wherever their owners keep them."""
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "google.json").write_text(json.dumps({
        "type": "service_account", "project_id": "p", "client_email": "a@b.c",
        "private_key_id": PLANTED["google"], "private_key": PLANTED["google"],
        "token_uri": "http://127.0.0.1:1/token",
    }))  # fmt: skip
    (keys / "netrc").write_text(f"machine 127.0.0.1 login me password {PLANTED['netrc']}\n")
    (keys / "netrc").chmod(0o600)
    for name, value in {
        "AWS_SECRET_ACCESS_KEY": PLANTED["aws"], "AWS_SESSION_TOKEN": PLANTED["session"],
        "HF_TOKEN": PLANTED["hub"], "HUGGING_FACE_HUB_TOKEN": PLANTED["hub"],
        "GOOGLE_APPLICATION_CREDENTIALS": str(keys / "google.json"),
        "NETRC": str(keys / "netrc"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


def assert_none_planted(*contents: str | bytes) -> None:
    """Looks for the keys as they are, quoted as in an address, and in base64."""
    texts = [c.encode() if isinstance(c, str) else c for c in contents]
    for secret in PLANTED.values():
        basic = base64.b64encode(f"me:{secret}".encode())
        forms = (secret.encode(), quote(secret, safe="").encode(), quote(secret).encode(),
                 base64.b64encode(secret.encode()), basic)  # fmt: skip
        for form in forms:
            found = [text for text in texts if form in text]
            assert not found, f"{form!r} in {found[0][:2000]!r}"


@pytest.fixture
def run() -> Run:
    """Runs a step, and returns what it printed, in which no key may be."""

    def step(name: str, *arguments: object, exit_codes: tuple[int, ...] = (0,)) -> str:
        module = importlib.import_module(f"components.{name}.__main__")
        done = CliRunner().invoke(command_line(module.main), [*map(str, arguments)])
        assert_none_planted(done.stdout, done.stderr, repr(done.exception))
        assert done.exit_code in exit_codes, done.stdout + done.stderr + repr(done.exception)
        return done.stdout + done.stderr

    return step


@pytest.fixture(scope="module")
def checkpoint_archive(
    random_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> bytes:
    from components.export.step import export

    folder = tmp_path_factory.mktemp("checkpoint")
    export(random_model("bert"), folder / "bert", "huggingface")
    shutil.make_archive(str(folder / "bert"), "zip", folder / "bert")
    return (folder / "bert.zip").read_bytes()


def texts_of(path: Path) -> bytes:
    """Returns what a file holds, unpacked."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return str((table.schema, table.to_pylist())).encode()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return b"".join(map(archive.read, archive.namelist()))
    return path.read_bytes()


def test_no_key_is_printed_written_sent_or_kept(
    run: Run,
    s3_bucket: "Bucket",
    server: "WebServer",
    data_folder: Path,
    checkpoint_archive: bytes,
    tmp_path: Path,
    cache: Path,
) -> None:
    train, dev = (
        server.serve(f"/{split}.csv", (data_folder / f"{split}.csv").read_bytes())
        for split in ("train", "dev")
    )
    encoder = server.serve("/bert.zip", checkpoint_archive) + TOKEN
    with zipfile.ZipFile(io.BytesIO(checkpoint_archive)) as archive:
        vocab = server.serve("/vocab.txt", archive.read("vocab.txt")) + SIGNED
    at = s3_bucket.address
    run("tokenize", "--task", "table", "--train-data", train + SIGNED, "--dev-data", dev + TOKEN,
        "--text-a-column", "question", "--text-b-column", "other", "--max-seq-length", 32,
        "--vocab-file", vocab, "--tokens", f"{at}/tokens")  # fmt: skip
    for seed in (1, 2):
        run("train", "--tokens", f"{at}/tokens", "--model", f"{at}/model-{seed}", "--encoder",
            encoder, "--num-train-epochs", 0.2, "--train-batch-size", 16, "--seed", seed,
            "--checkpoint-uri", f"{at}/checkpoints-{seed}")  # fmt: skip
        run("evaluate", "--tokens", f"{at}/tokens", "--model", f"{at}/model-{seed}",
            "--evaluation", f"{at}/evaluation-{seed}")  # fmt: skip
    run("compare", "--evaluations", f"{at}/evaluation-1", "--evaluations", f"{at}/evaluation-2",
        "--comparison", tmp_path / "comparison")  # fmt: skip
    sent = s3_bucket.contents()
    assert {name.partition("/")[0] for name in sent} == {
        "tokens", "model-1", "model-2", "evaluation-1", "evaluation-2",
    }  # fmt: skip
    kept = [p for top in (cache, tmp_path / "comparison") for p in top.rglob("*") if p.is_file()]
    assert {"comparison.html", "comparison.json"} <= {path.name for path in kept}
    assert any(path.is_relative_to(cache) for path in kept)
    assert_none_planted(*sent, *sent.values(), *map(str, kept), *map(texts_of, kept))
    asked = [path for _, path, _ in server.log]
    assert any(quote(PLANTED["signature"], safe="") in path for path in asked), "it was used"


WRONG = [
    ("404-signed", "{server}/none.csv" + SIGNED),
    ("403-signed", "{server}/forbidden.csv" + SIGNED),
    ("403-token", "{server}/forbidden.csv" + TOKEN),
    ("401-netrc", "{server}/login.csv"),
    ("500-signed", "{server}/broken.csv" + SIGNED),
    ("unreachable-signed", "http://127.0.0.1:1/train.csv" + SIGNED),
    ("unreachable-token", "https://127.0.0.1:1/train.csv" + TOKEN),
    ("password", "https://me:{password}@host/train.csv"),
    ("password-odd-host", "https://me:{password}@ex\u2100mple/train.csv"),
    ("password-s3", "s3://me:{password}@bucket/train.csv"),
    ("password-unknown-scheme", "ftp://me:{password}@host/train.csv"),
    ("password-misspelt", "htps://me:{password}@host/train.csv"),
    ("signature-unknown-scheme", "azure://x/train.csv" + SIGNED),
    ("token-no-host", "https:///train.csv" + TOKEN),
    ("token-as-fragment", "https://host/train.csv#access_token={token}"),
    ("token-hub", "hf:org/name" + TOKEN),
    ("token-ipv6", "https://[::1/train.csv" + TOKEN),
    ("nul", "https://host/train.csv" + TOKEN + "\0"),
    ("client-secret", "http://127.0.0.1:1/train.csv?client_secret={token}"),
    ("private-token", "http://127.0.0.1:1/train.csv?private_token={token}"),
    ("azure", "http://127.0.0.1:1/train.csv?sv=1&se=2&sig={token}"),
    ("s3-no-bucket", "s3://no-such-bucket/train.csv"),
    ("s3-nothing-there", "{bucket}/none/train.csv"),
    ("gs-bad-key", "gs://bucket/train.csv"),
    ("hub-unreachable", "hf:org/name"),
]  # fmt: skip


@pytest.mark.parametrize("uri", [pytest.param(case[1], id=case[0]) for case in WRONG])
def test_no_key_is_in_a_message(
    run: Run,
    s3_bucket: "Bucket",
    server: "WebServer",
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    for path, status in (("/forbidden.csv", 403), ("/login.csv", 401), ("/broken.csv", 500)):
        server.serve(path, b"", status=status)
    named = uri.format(server=server.url, bucket=s3_bucket.address, **PLANTED)
    said = run(
        "tokenize", "--task", "table", "--train-data", named, "--dev-data", named, "--tokens",
        tmp_path / "out" / "tokens", exit_codes=(USER_MISTAKE, ENVIRONMENT),
    )  # fmt: skip
    assert "error: " in said.splitlines()[-1]
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()
    assert_none_planted(*(path.read_bytes() for path in cache.rglob("*") if path.is_file()))


def test_no_key_is_in_a_message_of_writing(
    run: Run, s3_bucket: "Bucket", monkeypatch: pytest.MonkeyPatch
) -> None:
    for uri in ("s3://no-such-bucket/tokens", f"ftp://me:{PLANTED['password']}@host/tokens"):
        assert "error: " in run("tokenize", "--tokens", uri, exit_codes=(USER_MISTAKE,))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    said = run("tokenize", "--tokens", "s3://bucket/tokens", exit_codes=(USER_MISTAKE, ENVIRONMENT))
    assert "error: " in said
