import dataclasses
from collections.abc import Callable

import pytest

from components.artifacts.evaluation import Evaluation
from components.compare.names import distinguishing_suffixes, keys, short_name


@pytest.mark.parametrize(
    ("models", "suffixes", "expected_keys"),
    [
        pytest.param(
            [("albert", "scratch:albert-tiny"), ("bert", "scratch:bert-tiny")],
            ["", ""], ["albert", "bert"], id="families-apart",
        ),
        pytest.param(
            [("albert", "a"), ("bert", "scratch:bert-tiny"), ("bert", "/models/chinese_L-12/")],
            ["", " scratch:bert-tiny", " chinese_L-12"], ["albert", "bert_tiny", "chinese_l_12"],
            id="a-family-twice",
        ),
        pytest.param(
            [("bert", "x"), ("bert", "x"), ("bert", "gs://b/x")],
            [" x", " x (2)", " x (3)"], ["x", "x_2", "x_3"], id="an-encoder-thrice",
        ),
        pytest.param(
            [("bert", "x"), ("bert", "x"), ("bert", "x (2)")],
            [" x", " x (2)", " x (2) (2)"], ["x", "x_2", "x_2_2"], id="a-name-like-a-number",
        ),
        pytest.param(
            [("bert", "模型"), ("bert", "4x")], [" 模型", " 4x"], ["bert", "bert_4x"],
            id="no-letters-of-ours",
        ),
    ],
)  # fmt: skip
def test_models_are_told_apart(
    evaluation: Callable[..., Evaluation],
    models: list[tuple[str, str]],
    suffixes: list[str],
    expected_keys: list[str],
) -> None:
    training = evaluation("bert", "+-").facts.training
    trainings = [dataclasses.replace(training, family=f, encoder=e) for f, e in models]
    assert distinguishing_suffixes(trainings) == suffixes
    assert keys([family for family, _ in models], suffixes) == expected_keys


@pytest.mark.parametrize(
    ("encoder", "expected"),
    [
        ("scratch:bert-tiny", "scratch:bert-tiny"),
        ("hf:hfl/chinese-macbert-base", "chinese-macbert-base"),
        ("C:\\models\\x", "x"),
        ("/", "/"),
    ],
)
def test_the_last_part_of_an_address_names_it(encoder: str, expected: str) -> None:
    assert short_name(encoder) == expected
