import pytest

from components.errors import did_you_mean


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("lable", "; did you mean 'Label'?", id="typo-and-case"),
        pytest.param("xyz", "", id="nothing-close"),
    ],
)
def test_did_you_mean(given: str, expected: str) -> None:
    assert did_you_mean(given, ["Label", "text"]) == expected
