"""Model arguments: what each kind leads to, and what is said of one that leads nowhere."""

import shutil
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from components.encoders.checkpoints.argument import find_encoder, tokenizer_of
from components.errors import InputError

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Gives a folder and the address at which a web server shows it."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def checkpoint_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "albert_tiny_zh"
    shutil.copytree(GOLDEN / "c_post", folder)
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    return folder


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{folder.name}/{file.name}")
    return to


def tarred(folder: Path, to: Path) -> Path:
    with tarfile.open(to, "w:gz") as archive:
        archive.add(folder, folder.name)
    return to


def assert_is_it(argument: str, source: str) -> None:
    encoder = find_encoder(argument, 7)
    assert encoder.checkpoint is not None
    assert encoder.checkpoint.source == source
    assert encoder.config.embedding_projection == "before_sum"
    assert encoder.config.vocab_size == 50
    folder, packing = tokenizer_of(argument)
    assert folder is not None
    assert (folder / "vocab.txt").is_file()
    assert packing == "bert"


def test_a_folder(checkpoint_folder: Path) -> None:
    assert_is_it(str(checkpoint_folder), str(checkpoint_folder))
    assert_is_it(f"file://{checkpoint_folder}", str(checkpoint_folder))


def test_a_folder_in_a_folder(checkpoint_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(checkpoint_folder, tmp_path / "outer" / "inner")
    assert_is_it(str(tmp_path / "outer"), str(tmp_path / "outer"))


def test_the_prefix_of_a_checkpoint(checkpoint_folder: Path) -> None:
    prefix = str(checkpoint_folder / "model.ckpt")
    assert_is_it(prefix, prefix)


@pytest.mark.parametrize(("pack", "name"), [(zipped, "a.zip"), (tarred, "a.tar.gz")])
def test_an_archive(pack: Any, name: str, checkpoint_folder: Path, tmp_path: Path) -> None:
    archive = pack(checkpoint_folder, tmp_path / name)
    assert_is_it(str(archive), str(archive))


@pytest.mark.parametrize(("pack", "name"), [(zipped, "a.zip"), (tarred, "a.tar.gz")])
def test_an_archive_at_a_web_address(
    pack: Any, name: str, checkpoint_folder: Path, served: tuple[Path, str]
) -> None:
    folder, address = served
    pack(checkpoint_folder, folder / name)
    assert_is_it(f"{address}/{name}", f"{address}/{name}")


def test_the_current_folder(checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkpoint_folder)
    assert find_encoder(".", 7).config.vocab_size == 50
    assert (tokenizer_of(".")[0] or Path()).resolve() == checkpoint_folder


def test_the_vocabulary_is_that_beside_the_weights(checkpoint_folder: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(checkpoint_folder, outer / "inner")
    (outer / "vocab.txt").write_text("another\n")
    assert tokenizer_of(str(outer))[0] == outer / "inner"


def test_from_scratch() -> None:
    encoder = find_encoder("scratch:albert-tiny", 321)
    assert (encoder.config.vocab_size, encoder.checkpoint) == (321, None)
    assert tokenizer_of("scratch:albert-tiny") == (None, "bert")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        pytest.param(
            "bert-base-chinees",
            r"no encoder is called 'bert-base-chinees', and no such path exists: expected a name "
            r"of `bakeoff models`, a folder.*; did you mean 'bert-base-chinese'\?",
            id="mistyped",
        ),
        pytest.param("scratch:albert-tiniest", "no encoder is called", id="no-such-size"),
        pytest.param("no/such/folder", "no such path exists", id="no-such-folder"),
        pytest.param("roberta-zh-base", "cannot be fetched: .*name its folder", id="no-address"),
        pytest.param("", "the encoder's name is empty: expected a name of", id="empty"),
        pytest.param("a" * 5000, "cannot read 'aaa.*File name too long", id="too-long"),
        pytest.param("ftp://host/a.zip", "cannot read 'ftp://host/a.zip'", id="scheme"),
    ],
)
def test_what_leads_nowhere(argument: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_encoder(argument, 7)
    with pytest.raises(InputError, match=message):
        tokenizer_of(argument)


def test_a_folder_with_a_pickle_only(tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin only, a pickle"):
        find_encoder(str(folder), 7)


def test_an_xlnet_is_packed_its_own_way(tmp_path: Path) -> None:
    transformers.XLNetConfig(d_model=8, n_layer=1, n_head=2, d_inner=8).save_pretrained(tmp_path)
    (tmp_path / "spiece.model").touch()
    assert tokenizer_of(str(tmp_path)) == (tmp_path, "xlnet")
