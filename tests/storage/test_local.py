from pathlib import Path

import pytest

from components.errors import InputError
from components.storage import local_path


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        pytest.param("a/b.tsv", Path("a/b.tsv"), id="path"),
        pytest.param("file:///a/b%20c.tsv", Path("/a/b c.tsv"), id="uri"),
        pytest.param("~/x", Path.home() / "x", id="home"),
    ],
)
def test_local_paths(uri: str, expected: Path) -> None:
    assert local_path(uri) == expected


def test_a_home_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="there is no such user's home"):
        local_path("~nobody-of-that-name/x")


@pytest.mark.parametrize("uri", ["gs://bucket/a", "file://elsewhere/a"])
def test_other_places_are_refused(uri: str) -> None:
    with pytest.raises(InputError, match="only local paths and file:///"):
        local_path(uri)
