import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from components.artifacts.facts import CurvePoint, LengthFacts
from components.artifacts.folder import (
    MANIFEST,
    NotWhole,
    new_folder,
    open_folder,
    read_json,
    write_json,
)
from components.errors import InputError


def write_one(path: Path, content: str = "abc", kind: str = "tokens") -> None:
    with new_folder(path, kind) as folder:
        (folder / "a.txt").write_text(content)


def test_a_folder_is_read_back(tmp_path: Path) -> None:
    write_one(tmp_path / "out")
    assert (open_folder(tmp_path / "out", "tokens") / "a.txt").read_text() == "abc"


def test_a_finished_artifact_is_replaced(tmp_path: Path) -> None:
    write_one(tmp_path / "out", "old")
    write_one(tmp_path / "out", "new")
    assert (open_folder(tmp_path / "out", "tokens") / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_one(tmp_path / "out")
    assert open_folder(tmp_path / "out", "tokens")


def test_a_failure_leaves_the_old_artifact_and_nothing_else(tmp_path: Path) -> None:
    write_one(tmp_path / "out", "old")

    def fail_half_way() -> None:
        with new_folder(tmp_path / "out", "tokens") as folder:
            (folder / "a.txt").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert (open_folder(tmp_path / "out", "tokens") / "a.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


KILLED = """
import sys, time
from pathlib import Path
from components.artifacts.folder import new_folder
with new_folder(Path(sys.argv[1]), "tokens") as folder:
    (folder / "a.txt").write_text("half")
    print("half", flush=True)
    time.sleep(60)
"""


def test_a_killed_step_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    (partial,) = tmp_path.iterdir()
    assert partial.name.startswith("out.partial-")
    with pytest.raises(InputError, match="not a finished tokens folder"):
        open_folder(partial, "tokens")
    write_one(out)  # the next try is not disturbed by what the killed one left
    assert open_folder(out, "tokens")


def test_one_that_only_lacks_its_name_is_not_taken_for_whole(tmp_path: Path) -> None:
    write_one(tmp_path / "out")
    named = (tmp_path / "out").rename(tmp_path / "out.partial-results")  # a user's own name
    assert open_folder(named, "tokens")
    partial = named.rename(tmp_path / "out.partial-a1b2c3d4")
    with pytest.raises(NotWhole) as raised:
        open_folder(partial, "tokens")
    assert str(raised.value) == (
        f"{partial} is what a step is writing, or left when it was killed: it is not a finished "
        "tokens folder; run the step that writes it again"
    )


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        pytest.param(lambda p: (p / "a.txt").unlink(), "a.txt is missing", id="missing"),
        pytest.param(lambda p: (p / "a.txt").write_text("ab"), "2 bytes instead of 3", id="cut"),
        pytest.param(lambda p: (p / "a.txt").write_text("abd"), "other content", id="changed"),
        pytest.param(lambda p: (p / MANIFEST).unlink(), "not a finished tokens", id="unsealed"),
        pytest.param(lambda p: (p / MANIFEST).write_text("{"), "is not a Manifest", id="manifest"),
    ],
)
def test_a_damaged_artifact_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    write_one(tmp_path / "out")
    damage(tmp_path / "out")  # type: ignore[operator]
    with pytest.raises(InputError) as raised:
        open_folder(tmp_path / "out", "tokens")
    assert message in str(raised.value)


def test_another_kind_is_refused(tmp_path: Path) -> None:
    write_one(tmp_path / "out", kind="model")
    with pytest.raises(InputError, match="holds model, not tokens"):
        open_folder(tmp_path / "out", "tokens")


def test_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tokens folder at"):
        open_folder(tmp_path / "none", "tokens")


def test_foreign_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    with pytest.raises(InputError, match="not an artifact of ours"):
        write_one(tmp_path / "thesis")
    with pytest.raises(InputError, match="is a file; name a folder"):
        write_one(tmp_path / "thesis" / "chapter.txt")
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "mine"


def test_another_kind_of_artifact_is_never_overwritten(tmp_path: Path) -> None:
    write_one(tmp_path / "bert", "weights", kind="model")
    with pytest.raises(InputError, match="holds model, which would be lost"):
        write_one(tmp_path / "bert", kind="evaluation")
    assert (open_folder(tmp_path / "bert", "model") / "a.txt").read_text() == "weights"


def test_an_artifact_with_files_of_the_users_is_never_overwritten(tmp_path: Path) -> None:
    write_one(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds notes\.txt, which is not part of the artifact"):
        write_one(tmp_path / "out")


def test_the_current_folder_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="cannot be replaced as a whole; name a folder inside it"):
        write_one(Path())


def test_an_unwritable_place_is_named() -> None:
    with pytest.raises(InputError, match="cannot write the tokens to /proc/none/out"):
        write_one(Path("/proc/none/out"))


def test_json_is_checked_against_its_record(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    point = CurvePoint(
        step=1, loss=0.5, learning_rate=0.1, gradient_norm=2.0, encoder_gradient_norm=1.0
    )
    write_json(path, point)
    assert read_json(path, CurvePoint) == point
    path.write_text('{"step": 1}')
    with pytest.raises(InputError, match=r"not a CurvePoint .* missing required field `loss`"):
        read_json(path, CurvePoint)
    with pytest.raises(InputError, match="does not exist"):
        read_json(tmp_path / "none.json", CurvePoint)


def test_lengths_are_summarised() -> None:
    import numpy as np

    facts = LengthFacts.of(np.array([1, 2, 3, 4, 5]))
    assert (facts.mean, facts.p50, facts.max) == (3.0, 3.0, 5)
    assert LengthFacts.of(np.array([], dtype=int)).max == 0


def of_version(path: Path, version: int, **more: object) -> None:
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps(manifest | {"version": version} | more))


def test_an_artifact_of_another_version_is_written_again(tmp_path: Path) -> None:
    write_one(tmp_path / "out", "old")
    of_version(tmp_path / "out", 99, since="tomorrow")
    with pytest.raises(NotWhole, match="was written in format 99"):
        open_folder(tmp_path / "out", "tokens")
    write_one(tmp_path / "out", "new")
    assert (open_folder(tmp_path / "out", "tokens") / "a.txt").read_text() == "new"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "model"}, "holds model, which would be lost"),
        ({"kind": None}, "holds something unknown, which would be lost"),
        ({"files": ["a.txt"]}, "holds a.txt, which is not part of the artifact"),
    ],
)
def test_of_another_version_only_what_is_sure_is_written_over(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    write_one(tmp_path / "out", "old")
    of_version(tmp_path / "out", 99, **change)
    with pytest.raises(InputError, match=said):
        write_one(tmp_path / "out", "new")
    assert (tmp_path / "out" / "a.txt").read_text() == "old"


def test_what_cannot_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    write_one(tmp_path / "out")
    (tmp_path / "out" / MANIFEST).unlink()
    (tmp_path / "out" / MANIFEST).symlink_to(tmp_path / "out" / MANIFEST)  # refers to itself
    with pytest.raises(InputError, match="symbolic links") as raised:
        read_json(tmp_path / "out" / MANIFEST, dict)
    assert not isinstance(raised.value, NotWhole)
