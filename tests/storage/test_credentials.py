"""Planted keys, looked for in everything that a chain of steps prints, writes, sends and keeps."""

import base64
import importlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from components.errors import ENVIRONMENT, USER_MISTAKE, InputError
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


NO_TENSORS = b"\x02\0\0\0\0\0\0\0{}"
XLNET = {
    "model_type": "xlnet", "d_model": 16, "n_layer": 1, "n_head": 2, "d_inner": 24,
    "vocab_size": 5, "ff_activation": "gelu", "untie_r": True, "dropout": 0.1,
}  # fmt: skip


@pytest.fixture
def served(server: "WebServer", checkpoint_archive: bytes) -> str:
    """Serves inputs that are refused only when they were fetched; returns where."""

    def archive(name: str, **members: bytes) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as zipped:
            for member, text in members.items():
                zipped.writestr(member.replace("__", "."), text)
        server.serve(f"/{name}.zip", content.getvalue())

    rows = b"text_a,label\nso it goes,1\nand so on,0\n"
    for name, content in {
        "rows.txt": rows, "rows.csv": rows, "ragged.csv": rows + b"a,b,c\n", "empty.csv": b"",
        "latin.csv": rows + b"caf\xe9,0\n", "columns.csv": b"text,class\na,1\n",
        "vocab.txt": b"[UNK]\nso\n", "latin.txt": b"[UNK]\ncaf\xe9\n", "tokenizer.json": b"{}",
        "cut.zip": checkpoint_archive[:-200], "bert.zip": checkpoint_archive,
    }.items():  # fmt: skip
        server.serve(f"/{name}", content)
    archive("letter", letter__txt=b"hello")
    archive("two", train__csv=rows, train__tsv=rows)
    archive("broken", config__json=b'{"model_type": "gpt2"}', model__safetensors=b"\x02\0")
    archive("xlnet", config__json=json.dumps(XLNET).encode(), model__safetensors=NO_TENSORS)
    vocab = b"".join(b"[%s]\n" % word for word in (b"PAD", b"UNK", b"CLS", b"SEP", b"MASK"))
    archive("cased_bert", vocab__txt=vocab)
    return server.url


FETCHED = [
    ("suffix", "tokenize", "--train-data {0}/rows.txt{1} --dev-data {0}/rows.csv{1}",
     r"train_data http\S+rows\.txt ends in '\.txt'"),
    ("suffix-token", "tokenize", "--train-data {0}/rows.txt{2} --dev-data {0}/rows.csv{2}",
     r"train_data http\S+rows\.txt ends in '\.txt'"),
    ("no-scheme", "tokenize", "--train-data host/rows.csv{1} --dev-data host/rows.csv{1}",
     r"host/rows\.csv\?… is signed as addresses are"),
    ("data-is-a-file", "tokenize", "--data {0}/rows.csv{1}", r"data http\S+rows\.csv is a file"),
    ("no-split", "tokenize", "--data {0}/letter.zip{1}", r"no train file in http\S+letter\.zip"),
    ("two-files", "tokenize", "--data {0}/two.zip{2}", r"http\S+two\.zip has several train files"),
    ("ragged", "tokenize", "--train-data {0}/ragged.csv{1} --dev-data {0}/rows.csv{2}",
     r"http\S+ragged\.csv line 4: 3 columns"),
    ("no-text", "tokenize", "--train-data {0}/latin.csv{1} --dev-data {0}/rows.csv{2}",
     r"http\S+latin\.csv line 4: not UTF-8"),
    ("columns", "tokenize", "--train-data {0}/rows.csv{1} --dev-data {0}/columns.csv{2}",
     r"http\S+columns\.csv has no column 'text_a'"),
    ("empty", "tokenize", "--train-data {0}/empty.csv{1} --dev-data {0}/rows.csv{2}", "is empty"),
    ("vocab", "tokenize", "--data DATA --vocab-file {0}/vocab.txt{1}", r"vocab\.txt lacks \[PAD\]"),
    ("vocab-latin", "tokenize", "--data DATA --vocab-file {0}/latin.txt{2}", "is not UTF-8"),
    ("vocab-json", "tokenize", "--data DATA --vocab-file {0}/tokenizer.json{1}", "tokenizer.json"),
    ("vocab-404", "tokenize", "--data DATA --vocab-file {0}/none.txt{1}", "none.txt"),
    ("no-tokenizer", "tokenize", "--data DATA --encoder {0}/letter.zip{1}", "no vocabulary"),
    ("cut-archive", "tokenize", "--data DATA --encoder {0}/cut.zip{2}", "cut.zip"),
    ("no-such-encoder", "tokenize", "--data DATA --encoder host/bert.zip{1}",
     r"no encoder is called 'host/bert\.zip'"),
    ("long-name", "tokenize", "--data DATA --encoder LONG{1}", "cannot read 'xxx"),
    ("encoder-404", "train", "--tokens LONGER --encoder {0}/none.zip{1}", "none.zip"),
    ("encoder-letter", "train", "--tokens LONGER --encoder {0}/letter.zip{1}", "no checkpoint"),
    ("encoder-broken", "train", "--tokens LONGER --encoder {0}/broken.zip{2}", "gpt2"),
    ("encoder-scheme", "train", "--tokens LONGER --encoder ftp://host/bert.zip{1}", "cannot read"),
    ("positions", "train", "--tokens LONGER --encoder {0}/bert.zip{1}",
     r"'http\S+bert\.zip' has only 32 positions"),
    ("vocabulary", "train", "--tokens OTHER --encoder {0}/bert.zip{2}",
     r"word embedding of 'http\S+bert\.zip' has"),
    ("packing", "train", "--tokens OTHER --encoder {0}/xlnet.zip{1}",
     r"'http\S+xlnet\.zip' expects xlnet's packing"),
    ("tokens", "train", "--tokens {0}/letter.zip{1} --encoder scratch:bert-tiny", "artifact.json"),
    ("model", "evaluate", "--tokens OTHER --model {0}/letter.zip{1}", "artifact.json"),
    ("evaluation", "compare", "--evaluations {0}/letter.zip{1} --evaluations {0}/two.zip{2}",
     "artifact.json"),
]  # fmt: skip
OUTPUT = {
    "tokenize": "--tokens", "train": "--model", "evaluate": "--evaluation",
    "compare": "--comparison",
}  # fmt: skip


@pytest.fixture(scope="module")
def other_tokens(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Tokens that the archive's encoder cannot be trained on: longer rows, another vocabulary."""
    from components.tasks import TaskConfig
    from components.tokenize.config import TokenizeConfig
    from components.tokenize.step import tokenize

    folder = tmp_path_factory.mktemp("other")
    task = TaskConfig(task="table", data=str(data_folder), text_a_column="question")
    tokenize(task, TokenizeConfig(vocab_size=200, max_seq_length=64), folder / "longer")
    (folder / "vocab.txt").write_text(
        "".join(f"{word}\n" for word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *range(300)))
    )
    config = TokenizeConfig(
        vocab_file=str(folder / "vocab.txt"), max_seq_length=32, max_unknown_share=1.0
    )
    tokenize(task, config, folder / "other")
    return folder / "longer", folder / "other"


@pytest.mark.parametrize(
    ("step", "arguments", "expected"), [pytest.param(*case[1:], id=case[0]) for case in FETCHED]
)
def test_no_key_is_in_a_message_of_what_was_fetched(
    run: Run,
    served: str,
    data_folder: Path,
    other_tokens: tuple[Path, Path],
    tmp_path: Path,
    cache: Path,
    step: str,
    arguments: str,
    expected: str,
) -> None:
    named = {"DATA": data_folder, "LONGER": other_tokens[0], "OTHER": other_tokens[1]}
    told = arguments.format(served, SIGNED, TOKEN).replace("LONG?", f"{'x' * 5000}?").split()
    table = ["--task", "table"] if step == "tokenize" else []
    columns = ["--text-a-column", "question"] if "DATA" in told else []
    said = run(
        step, *table, *columns, *(named.get(argument, argument) for argument in told),
        OUTPUT[step], tmp_path / "out" / step, exit_codes=(USER_MISTAKE,),
    )  # fmt: skip
    assert re.search(expected, said.splitlines()[-1])
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists()


def test_no_key_is_in_what_a_check_says_of_an_encoder(served: str, cache: Path) -> None:
    from components.train.checks import fitting_encoder

    for kind in ({"family": "albert"}, {"digest": "0" * 64}):
        with pytest.raises(InputError, match=r"http\S+bert\.zip") as refusal:
            fitting_encoder(
                f"{served}/bert.zip{SIGNED}",
                **({"family": ""} | kind),
                vocab_size=0,
                max_seq_length=32,
            )
        assert_none_planted(str(refusal.value))


def test_a_name_that_says_cased_is_told_without_its_key(
    run: Run, served: str, data_folder: Path, tmp_path: Path, cache: Path
) -> None:
    said = run("tokenize", "--task", "table", "--data", data_folder, "--text-a-column", "question",
               "--encoder", f"{served}/cased_bert.zip{SIGNED}", "--max-unknown-share", 1,
               "--max-seq-length", 32, "--tokens", tmp_path / "tokens")  # fmt: skip
    assert "case kept: the name cased_bert.zip" in said
    assert_none_planted(*(p.read_bytes() for p in (tmp_path / "tokens").iterdir()))


def test_no_key_is_in_a_message_of_writing(
    run: Run, s3_bucket: "Bucket", monkeypatch: pytest.MonkeyPatch
) -> None:
    for uri in ("s3://no-such-bucket/tokens", f"ftp://me:{PLANTED['password']}@host/tokens"):
        assert "error: " in run("tokenize", "--tokens", uri, exit_codes=(USER_MISTAKE,))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    said = run("tokenize", "--tokens", "s3://bucket/tokens", exit_codes=(USER_MISTAKE, ENVIRONMENT))
    assert "error: " in said
