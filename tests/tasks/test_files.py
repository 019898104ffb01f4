import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError
from components.tasks import TASKS, TaskConfig
from components.tasks.files import (
    Source,
    each_source,
    find_files,
    numbered_lines,
    read_bytes,
    text_blocks,
)

Folder = Callable[..., Path]


def lcqmc(folder: Path, **files: Any) -> TaskConfig:
    return TaskConfig(task="lcqmc", data=str(folder), **files)


def source(content: bytes) -> Source:
    return Source(Path("train.tsv"), content)


def paths(config: TaskConfig) -> dict[str, Path]:
    """Where the file of each split lies on this machine."""
    return {split: file.path for split, file in find_files(config).items()}


def test_splits_are_found_by_name_and_test_may_be_missing(folder: Folder) -> None:
    path = folder(".tsv", train="x") and folder(".txt", dev="x")
    assert paths(lcqmc(path)) == {
        "train": path / "train.tsv",
        "dev": path / "dev.txt",
    }


def test_a_named_file_replaces_the_folders(folder: Folder) -> None:
    path = folder(".tsv", train="x", dev="x", other="x")
    found = paths(lcqmc(path, train_data=(path / "other.tsv").as_uri()))
    assert found == {"train": path / "other.tsv", "dev": path / "dev.tsv"}


def xnli(folder: Path, *names: str) -> TaskConfig:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    return TaskConfig(task="xnli", data=str(folder))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(
            ["multinli.train.zh.tsv", "xnli.dev.tsv", "xnli.test.tsv"], id="all-at-the-top"
        ),
        pytest.param(
            ["multinli/multinli.train.zh.tsv", "xnli.dev.tsv", "xnli.test.tsv"], id="as-bert-reads"
        ),
        pytest.param(
            [
                "XNLI-MT-1.0/multinli/multinli.train.zh.tsv",
                "XNLI-1.0/xnli.dev.tsv",
                "XNLI-1.0/xnli.test.tsv",
            ],
            id="as-unpacked",
        ),
    ],
)
def test_xnli_is_found_as_its_archives_unpack(tmp_path: Path, names: list[str]) -> None:
    found = paths(xnli(tmp_path, *names))
    assert found == {
        split: tmp_path / name for split, name in zip(("train", "dev", "test"), names, strict=True)
    }


def test_the_language_names_the_train_file(tmp_path: Path) -> None:
    config = xnli(tmp_path, "multinli.train.zh.tsv", "multinli.train.en.tsv", "xnli.dev.tsv")
    found = paths(dataclasses.replace(config, language="en"))
    assert found["train"].name == "multinli.train.en.tsv"


def test_places_of_a_split_are_named_with_their_folders(tmp_path: Path) -> None:
    twice = xnli(tmp_path, "multinli.train.zh.tsv", "xnli.dev.tsv", "XNLI-1.0/xnli.dev.tsv")
    with pytest.raises(InputError, match=r"dev files: xnli.dev.tsv, XNLI-1.0/xnli.dev.tsv; keep"):
        find_files(twice)


LOOKED_FOR = {
    "lcqmc": "train.tsv, train.txt",
    "xnli": "multinli.train.zh.tsv, multinli/multinli.train.zh.tsv, "
    "XNLI-MT-1.0/multinli/multinli.train.zh.tsv",
    **dict.fromkeys(("afqmc", "cmnli", "tnews", "iflytek", "csl"), "train.json"),
    "table": "train.csv, train.tsv, train.jsonl, train.json, train.parquet",
}


@pytest.mark.parametrize("task", [name for name, kind in TASKS.items() if kind.files])
def test_every_task_says_what_it_looked_for(tmp_path: Path, task: str) -> None:
    (tmp_path / "dev.xlsx").write_text("x")
    with pytest.raises(InputError, match=f"looked for {LOOKED_FOR[task]}; it holds dev.xlsx; "):
        find_files(TaskConfig(task=task, data=str(tmp_path)))


def test_two_files_of_a_split_are_refused(folder: Folder) -> None:
    path = folder(".tsv", train="x", dev="x") and folder(".txt", dev="x")
    with pytest.raises(InputError, match=r"several dev files: dev.tsv, dev.txt; keep one"):
        find_files(lcqmc(path))


def test_a_named_file_settles_which_of_two(folder: Folder) -> None:
    path = folder(".tsv", train="x", dev="x") and folder(".txt", dev="x")
    found = paths(lcqmc(path, dev_data=str(path / "dev.txt")))
    assert found["dev"] == path / "dev.txt"


@pytest.mark.parametrize("missing", ["train", "dev"])
def test_a_missing_split_lists_what_is_there(folder: Folder, missing: str) -> None:
    path = folder(".tsv", valid="x", **{"train": "x", "dev": "x"} | {missing: "x"})
    (path / f"{missing}.tsv").unlink()
    with pytest.raises(
        InputError, match=rf"no {missing} file .* {missing}.tsv, {missing}.txt; .* valid.tsv; "
    ):
        find_files(lcqmc(path))


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it holds nothing; rename the file"):
        find_files(lcqmc(tmp_path))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no_such_folder does not exist"):
        find_files(lcqmc(tmp_path / "no_such_folder"))


def test_a_file_for_the_folder_is_refused(folder: Folder) -> None:
    path = folder(".tsv", train="x")
    with pytest.raises(InputError, match=r"train.tsv is a file; name its folder, or use --train"):
        find_files(lcqmc(path / "train.tsv"))


def test_a_named_file_with_another_suffix_is_refused(folder: Folder) -> None:
    path = folder(".tsv", train="x", dev="x")
    with pytest.raises(InputError, match=r"test_data t.csv ends in '.csv', expected .tsv or .txt"):
        find_files(lcqmc(path, test_data="t.csv"))


def test_an_address_of_another_scheme_is_refused(folder: Folder) -> None:
    with pytest.raises(InputError, match=r"cannot read 'ftp://b/train.tsv': it may be a path or"):
        find_files(lcqmc(folder(".tsv", dev="x"), train_data="ftp://b/train.tsv"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train.tsv does not exist"):
        read_bytes(tmp_path / "train.tsv")


def test_a_folder_for_a_file_is_refused(folder: Folder) -> None:
    path = folder(".tsv", dev="x")
    (path / "train.tsv").mkdir()
    with pytest.raises(InputError, match=r"train.tsv is a folder; name a file"):
        dict(each_source(lcqmc(path)))


def test_an_unreadable_file_says_why(tmp_path: Path) -> None:
    loop = tmp_path / "train.tsv"
    loop.symlink_to(loop)
    with pytest.raises(InputError, match=r"cannot read .*train.tsv: Too many levels"):
        read_bytes(loop)


def test_a_folder_that_cannot_be_searched_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*: File name too long"):
        dict(each_source(lcqmc(tmp_path / ("n" * 300))))


def test_an_empty_file_is_refused(folder: Folder) -> None:
    with pytest.raises(InputError, match=r"train.tsv is empty"):
        read_bytes(folder(".tsv", train="") / "train.tsv")


def test_a_byte_order_mark_is_no_text_but_a_second_one_is() -> None:
    assert dict(text_blocks(source(b"\xef\xbb\xbfa\xef\xbb\xbfb"))) == {1: "a\ufeffb"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"ab\ncd\xff", "line 2: not UTF-8, byte 5 is 0xff; save it as", id="latin"),
        pytest.param(
            b"\xef\xbb\xbfa\n\xff", "line 2: not UTF-8, byte 5 is 0xff", id="behind-a-mark"
        ),
        pytest.param("好\n吗".encode("gb18030"), "line 1: not UTF-8, byte 0", id="gb18030"),
        pytest.param(b"a\nb\0c", "line 2: NUL at byte 3; it is UTF-16 or no text", id="nul"),
        pytest.param("你\t好".encode("utf-16"), "line 1: NUL at byte 5", id="utf-16"),
    ],
)
def test_other_encodings_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"train.tsv {message}"):
        dict(text_blocks(source(content)))


@pytest.mark.parametrize("block_bytes", [1, 2, 5, 100])
def test_text_is_the_same_in_whatever_blocks(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "\ufeff怎么\n\ufeff煮\r\n\n面".encode()
    monkeypatch.setattr("components.tasks.files.BLOCK_BYTES", block_bytes)
    blocks = dict(text_blocks(source(content)))
    assert "".join(blocks.values()) == "怎么\n\ufeff煮\r\n\n面"
    assert all(content.decode().split("\n")[line - 1].strip("\ufeff\r") in blocks[line]
               for line in blocks)  # fmt: skip
    with pytest.raises(InputError, match=r"line 4: not UTF-8, byte 19 is 0xff"):
        dict(text_blocks(source(content[:-3] + b"\xff")))
    with pytest.raises(InputError, match=r"line 4: NUL at byte 22"):
        dict(text_blocks(source(content + b"\0")))


def test_only_line_feeds_end_lines() -> None:
    text = "a\u2028b\x0bc\x85d\re\r\nf\n\n\r\n"
    assert list(numbered_lines(source(text.encode()))) == [(1, "a\u2028b\x0bc\x85d\re"), (2, "f")]


def test_an_empty_line_between_others_is_refused() -> None:
    with pytest.raises(InputError, match="line 2: the line is empty; delete it"):
        list(numbered_lines(source(b"a\n\nb\n")))


def test_empty_lines_alone_are_an_empty_file() -> None:
    with pytest.raises(InputError, match=r"train.tsv is empty"):
        list(numbered_lines(source(b"\n\r\n")))


@pytest.mark.parametrize(
    ("name", "place"),
    [("a.csv", "a.csv line 7"), ("a.parquet", "a.parquet row 7")],
)
def test_parquet_has_rows_and_not_lines(name: str, place: str) -> None:
    assert Source(Path(name), b"").at(7) == place
