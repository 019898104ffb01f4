"""What a run in Docker mounts, without a Docker Engine."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.docker import ENCODERS, PATHS, absolute

NOTHING: dict[str, Any] = dict.fromkeys((*PATHS, *ENCODERS), "")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a link to data that lie elsewhere."""
    (tmp_path / "here").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "model.ckpt.index").touch()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "data")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize(
    "given", ["../data", "link", "link/../data"], ids=["beside", "link", "both"]
)
def test_paths_are_where_they_really_lie(here: Path, given: str) -> None:
    assert absolute(NOTHING | {"data": given})["data"] == str(here / "data")


def test_a_checkpoints_prefix_is_a_path_too(here: Path) -> None:
    found = absolute(NOTHING | {"bert_encoder": "link/model.ckpt"})
    assert found["bert_encoder"] == str(here / "data" / "model.ckpt")


def test_the_models_of_a_leaderboard_are_paths_too_and_keep_their_digests(here: Path) -> None:
    given = {"models": ["scratch:bert-tiny", f"link sha256:{'0' * 64}"]}
    assert absolute(given)["models"] == [
        "scratch:bert-tiny", f"{here / 'data'} sha256:{'0' * 64}",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "named", ["scratch:bert-tiny", "bert-base-chinese", "hf:org/name", "gs://bucket/model"]
)
def test_what_is_no_path_stays_as_it_is(here: Path, named: str) -> None:
    given = NOTHING | {"bert_encoder": named, "seed": 1}
    assert absolute(given) == given
