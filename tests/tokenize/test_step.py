from pathlib import Path

import pytest

from components.artifacts.tokens import read_tokens
from components.errors import InputError
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize


def test_facts_travel_with_the_tokens(task: TaskConfig, tmp_path: Path) -> None:
    facts = tokenize(task, TokenizeConfig(max_seq_length=12), tmp_path / "tokens")
    tokens = read_tokens(tmp_path / "tokens")
    assert tokens.facts == facts
    lengths = [len(row) for row in tokens.splits["train"]["input_ids"].to_pylist()]
    assert max(lengths) == facts.splits["train"].tokens.max == 12
    assert facts.splits["train"].truncated_share > 0
    assert facts.splits["train"].unknown_share == 0


def test_changed_data_is_refused(task: TaskConfig, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the data changed: its digest is .* expected abc"):
        tokenize(task, TokenizeConfig(), tmp_path / "tokens", data_digest="abc")
    assert list(tmp_path.iterdir()) == []


def test_a_changed_vocabulary_is_refused(
    task: TaskConfig, tokens_folder: Path, tmp_path: Path
) -> None:
    config = TokenizeConfig(vocab_file=str(tokens_folder / "vocab.txt"))
    with pytest.raises(InputError, match="the vocab_file changed"):
        tokenize(task, config, tmp_path / "tokens", vocab_digest="abc")


def test_too_few_texts_for_a_vocabulary_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text_a,label\naaa,x\nbbb,y\n")
    (tmp_path / "dev.csv").write_text("text_a,label\nqqq zzz,x\n")
    task = TaskConfig(task="table", data=str(tmp_path))
    with pytest.raises(InputError, match=r"of dev are unknown .* it has seen too few texts"):
        tokenize(task, TokenizeConfig(), tmp_path / "tokens")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_seq_length", 3, "max_seq_length must be at least 4"),
        ("vocab_size", 99, "vocab_size must be at least 100, got 99"),
        ("max_unknown_share", 1.5, r"max_unknown_share must be in \[0, 1\], got 1.5"),
    ],
)
def test_a_bad_parameter_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TokenizeConfig(**{name: value})  # type: ignore[arg-type]
