"""Runs that finished: known again as long as all they stand on is there and whole."""

import io
import json
from pathlib import Path

import pytest

from components.artifacts.folder import new_folder
from pipelines import finished as module
from pipelines.cache import keys_asked_for
from pipelines.finished import FOLDER, FinishedRun, recall, remember, run_key
from pipelines.step_log import ShownSteps

KEY = "k" * 64


@pytest.fixture
def run(tmp_path: Path) -> FinishedRun:
    """Gives a run of two steps, whose artifacts and cache entries are there."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("tokens", "comparison"):
        with new_folder(tmp_path / name, name) as folder:
            (folder / "a.txt").write_text("abc")
        entry = {name: {"uri": str(tmp_path / name)}, "number": 1}
        (cache / f"{name}.json").write_text(json.dumps(entry))
    return FinishedRun(
        comparison=str(tmp_path / "comparison"),
        entries=["comparison", "tokens"],
        steps=["▸ tokenize", "▸ compare"],
    )


def test_a_finished_run_is_known_and_told_as_reused(tmp_path: Path, run: FinishedRun) -> None:
    remember(tmp_path / "cache", KEY, run)
    found = recall(tmp_path / "cache", KEY)
    assert found == run
    shown = io.StringIO()
    found.tell(shown)
    assert shown.getvalue().splitlines() == [
        "▸ tokenize: reused, nothing changed", "▸ compare: reused, nothing changed",
    ]  # fmt: skip
    assert recall(tmp_path / "cache", "another") is None


@pytest.mark.parametrize("harm", ["changed", "file gone", "folder gone", "entry gone", "record"])
def test_what_lost_anything_is_not_known(tmp_path: Path, run: FinishedRun, harm: str) -> None:
    cache = tmp_path / "cache"
    remember(cache, KEY, run)
    if harm == "changed":
        (tmp_path / "tokens" / "a.txt").write_text("abd")
    elif harm == "file gone":
        (tmp_path / "tokens" / "a.txt").unlink()
    elif harm == "folder gone":
        (tmp_path / "tokens").rename(tmp_path / "elsewhere")
    elif harm == "entry gone":
        (cache / "tokens.json").unlink()
    else:
        (cache / FOLDER / f"{KEY}.json").write_text("{}")
    assert recall(cache, KEY) is None


def test_a_run_whose_step_is_not_in_the_cache_is_not_kept(tmp_path: Path, run: FinishedRun) -> None:
    (tmp_path / "cache" / "tokens.json").unlink()
    remember(tmp_path / "cache", KEY, run)
    assert not (tmp_path / "cache" / FOLDER).exists()


def test_all_that_decides_a_run_is_in_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        run_key("leaderboard", "image:1", {"seed": 1}),
        run_key("albert-vs-bert", "image:1", {"seed": 1}),
        run_key("leaderboard", "image:2", {"seed": 1}),
        run_key("leaderboard", "image:1", {"seed": 2}),
    ]
    assert keys[0] == run_key("leaderboard", "image:1", {"seed": 1})
    monkeypatch.setattr(module, "pipelines_digest", lambda: "of other pipelines")
    keys.append(run_key("leaderboard", "image:1", {"seed": 1}))
    assert len(set(keys)) == 5


def test_steps_are_kept_as_they_are_shown() -> None:
    shown = io.StringIO()
    seen = ShownSteps(shown)
    lines = [
        "2 runs, 2 at once (as --parallel says)",
        "bert-tiny | ▸ tokenize: reused, nothing changed",
        "bert-tiny lr 0.001 seed 2 | ▸ train",
        "bert-tiny lr 0.001 seed 2 | step 125: dev accuracy 0.5",
        "▸ compare",
    ]
    for line in lines:
        print(line, file=seen, flush=True)
    assert shown.getvalue().splitlines() == lines
    assert seen.steps == [
        "bert-tiny | ▸ tokenize", "bert-tiny lr 0.001 seed 2 | ▸ train", "▸ compare",
    ]  # fmt: skip


def test_the_keys_that_kfp_asks_for_are_noted(tmp_path: Path) -> None:
    from kfp.local.cache import LocalCache

    cache = LocalCache(str(tmp_path))
    cache.put("known", {"number": 1})
    with keys_asked_for() as keys:
        assert cache.get("known") == {"number": 1}
        assert cache.get("unknown") is None
    assert cache.get("later") is None
    assert keys == {"known", "unknown"}
