from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram

from components.artifacts.folder import new_folder
from components.artifacts.tokens import KIND, read_tokens
from components.errors import InputError
from components.tasks import TaskConfig
from components.tokenization import TextTokenizer
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


def test_leaked_rows_are_marked(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("text_a,text_b,label\nab,cd,x\nef,gh,y\nab,cd,y\n")
    (tmp_path / "dev.csv").write_text("text_a,text_b,label\ncd,ab,y\nab,gh,x\n")
    task = TaskConfig(task="table", data=str(tmp_path), text_b_column="text_b")
    facts = tokenize(task, TokenizeConfig(max_unknown_share=1), tmp_path / "tokens")
    splits = read_tokens(tmp_path / "tokens").splits
    assert splits["dev"]["leaked"].to_pylist() == [True, False]  # the first, in the other order
    assert splits["train"]["leaked"].to_pylist() == [False] * 3
    assert [facts.data.splits[split].leaked for split in ("train", "dev")] == [0, 1]


def test_tokens_of_an_earlier_version_are_refused(task: TaskConfig, tmp_path: Path) -> None:
    tokenize(task, TokenizeConfig(), tmp_path / "tokens")
    with new_folder(tmp_path / "old", KIND) as folder:
        for file in (tmp_path / "tokens").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        table = pq.read_table(folder / "dev.parquet")
        pq.write_table(table.drop_columns("leaked"), folder / "dev.parquet")
    with pytest.raises(InputError, match=r"dev.parquet is not of this version: .* column leaked;"):
        read_tokens(tmp_path / "old")


VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"


@pytest.fixture
def letters(tmp_path: Path) -> TaskConfig:
    (tmp_path / "train.csv").write_text("text_a,text_b,label\nA b,C,x\nC,B a,y\n")
    (tmp_path / "dev.csv").write_text("text_a,text_b,label\nA,C,x\n")
    return TaskConfig(task="table", data=str(tmp_path), text_b_column="text_b")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "cased_L-2"
    folder.mkdir()
    (folder / "vocab.txt").write_text(VOCAB + "A\nB\nC\na\nb\n")
    return folder


def test_a_checkpoint_brings_its_tokenizer(
    letters: TaskConfig, checkpoint: Path, tmp_path: Path
) -> None:
    facts = tokenize(letters, TokenizeConfig(), tmp_path / "tokens", checkpoint=checkpoint)
    assert (facts.packing, facts.lowercase) == ("bert", False)
    assert facts.lowercase_source == "the name cased_L-2"
    assert (facts.vocab_source, facts.vocab_size) == (str(checkpoint / "vocab.txt"), 10)
    tokens = read_tokens(tmp_path / "tokens")
    assert tokens.splits["train"]["input_ids"].to_pylist()[0] == [2, 5, 9, 3, 7, 3]
    stored = TextTokenizer.of(
        tokens.tokenizer_json, facts.packing, source="tokens", lowercase_source="tokens"
    )
    assert stored.vocab_text == tokens.vocab
    assert stored.encode(["A b"]) == [[5, 9]]


def test_the_case_asked_for_wins(letters: TaskConfig, checkpoint: Path, tmp_path: Path) -> None:
    config = TokenizeConfig(do_lower_case="true", max_unknown_share=1)
    facts = tokenize(letters, config, tmp_path / "tokens", checkpoint=checkpoint)
    assert (facts.lowercase, facts.lowercase_source) == (True, "do_lower_case")


def test_vocab_file_wins_over_the_checkpoint(
    letters: TaskConfig, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "own.txt").write_text(VOCAB + "A\nB\nC\na\nb\nc\n")
    config = TokenizeConfig(vocab_file=str(tmp_path / "own.txt"))
    facts = tokenize(letters, config, tmp_path / "tokens", checkpoint=checkpoint)
    assert (facts.vocab_size, facts.lowercase) == (11, False)


def test_rows_for_xlnet(letters: TaskConfig, tmp_path: Path) -> None:
    vocab: list[tuple[str, float]] = [("<unk>", 0), ("<cls>", 0), ("<sep>", 0)]
    vocab += [(letter, -1.0) for letter in "ABCab "]
    Tokenizer(Unigram(vocab, 0, False)).save(str(tmp_path / "tokenizer.json"))
    config = TokenizeConfig(vocab_file=str(tmp_path / "tokenizer.json"), max_seq_length=5)
    facts = tokenize(letters, config, tmp_path / "tokens", packing="xlnet")
    assert (facts.packing, facts.lowercase_source) == ("xlnet", "tokenizer.json")
    row = read_tokens(tmp_path / "tokens").splits["train"].to_pylist()[0]
    assert row["input_ids"] == [3, 2, 5, 2, 1]  # A <sep> C <sep> <cls>
    assert row["token_type_ids"] == [0, 0, 1, 1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param("checkpoint", r"vocab.txt\), at most 5.0% is allowed: the encoder was made "
                     "for another language, .* or name the encoder's own vocab.txt, .model or",
                     id="checkpoint"),
        pytest.param("vocab_file", "is allowed: it is likely the vocabulary of another language",
                     id="vocab-file"),
    ],
)  # fmt: skip
def test_a_wrong_vocabulary_is_refused(
    given: str, message: str, letters: TaskConfig, tmp_path: Path
) -> None:
    (tmp_path / "vocab.txt").write_text(VOCAB + "手\n机\n")
    config = TokenizeConfig(vocab_file=str(tmp_path / "vocab.txt") if given == "vocab_file" else "")
    checkpoint = tmp_path if given == "checkpoint" else None
    with pytest.raises(InputError, match=f"100.0% of the tokens of train are unknown .*{message}"):
        tokenize(letters, config, tmp_path / "tokens", checkpoint=checkpoint)


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
        ("do_lower_case", "no", "do_lower_case must be one of auto, true, false, got 'no'"),
        ("vocab_size", 99, "vocab_size must be at least 100, got 99"),
        ("max_unknown_share", 1.5, r"max_unknown_share must be in \[0, 1\], got 1.5"),
    ],
)
def test_a_bad_parameter_is_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TokenizeConfig(**{name: value})  # type: ignore[arg-type]
