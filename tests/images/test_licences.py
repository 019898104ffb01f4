"""The list of licences keeps up with the lock."""

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

IMAGES = Path(__file__).parents[2] / "images"
LOCKED = set(re.findall(r"^([\w.-]+)==([^ ;\\]+)", (IMAGES / "cpu.lock").read_text(), re.MULTILINE))
ROWS = (IMAGES / "licences.md").read_text().splitlines()[8:]
LISTED = {tuple(each.split()) for row in ROWS for each in row.split("|")[2].split(",")}


def is_installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def test_what_is_listed_is_locked() -> None:
    assert len(LISTED) > 90
    assert sorted(LISTED - LOCKED) == []


def test_what_is_locked_and_installed_is_listed() -> None:
    names = {name for name, _ in LISTED}
    assert sorted(name for name, _ in LOCKED if name not in names and is_installed(name)) == []
