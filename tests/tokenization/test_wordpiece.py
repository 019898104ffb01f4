import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError
from components.tokenization import TextTokenizer, train_tokenizer
from components.tokenization.wordpiece import SPECIAL_TOKENS, read_vocab, tokenizer_from_vocab

GOLDEN = Path(__file__).parent / "golden_tokenizer.json"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return loaded


def text_tokenizer(entries: list[str]) -> TextTokenizer:
    tokenizer = tokenizer_from_vocab({entry: index for index, entry in enumerate(entries)})
    return TextTokenizer.of(tokenizer.to_str(), "bert", source="test", lowercase_source="test")


@pytest.fixture(scope="module")
def tokenizer(golden: dict[str, Any]) -> TextTokenizer:
    return text_tokenizer(golden["vocab"])


def tokens(tokenizer: TextTokenizer, text: str) -> list[str]:
    return [tokenizer.entries[i] for i in tokenizer.encode([text])[0]]


def test_texts_become_the_originals_tokens(
    golden: dict[str, Any], tokenizer: TextTokenizer
) -> None:
    texts = golden["texts"]
    assert len(texts) > 500
    different = [
        (text["text"], ours)
        for text in texts
        if (ours := tokens(tokenizer, text["text"])) != text["tokens"]
    ]
    assert different == []


def test_pairs_are_packed_as_the_original_packs_them(
    golden: dict[str, Any], tokenizer: TextTokenizer
) -> None:
    truncated = 0
    for pair in golden["pairs"]:
        ids_a, ids_b = tokenizer.encode([pair["text_a"], pair["text_b"]])
        input_ids, token_type_ids = tokenizer.pack(ids_a, ids_b, pair["max_seq_length"])
        assert [tokenizer.entries[i] for i in input_ids] == pair["tokens"]
        assert token_type_ids == pair["segment_ids"]
        truncated += len(ids_a) + len(ids_b) + 3 > pair["max_seq_length"]
    assert truncated > 50, "the golden pairs must exercise truncation"


def test_a_literal_special_token_is_text(tokenizer: TextTokenizer) -> None:
    found = tokens(tokenizer, "[MASK]")
    assert found[0] == "["
    assert "[MASK]" not in found


@pytest.mark.parametrize(
    ("letters", "known"), [pytest.param(200, True, id="200"), pytest.param(201, False, id="201")]
)
def test_words_of_up_to_200_characters_are_cut_into_pieces(letters: int, known: bool) -> None:
    tokenizer = text_tokenizer([*SPECIAL_TOKENS, "a", "##a"])
    assert (tokens(tokenizer, "a" * letters) != ["[UNK]"]) is known


TEXTS = ["手机多少钱 hello", "电脑多少钱 hello world", "low lower lowest 3D"] * 3


def test_training_gives_the_same_vocabulary_every_time() -> None:
    assert len({train_tokenizer(TEXTS, 200, None).vocab_text for _ in range(20)}) == 1


def test_a_trained_vocabulary_starts_with_the_special_tokens_and_knows_every_character() -> None:
    tokenizer = train_tokenizer(TEXTS, 200, None)
    assert tokenizer.vocab_text.splitlines()[:5] == list(SPECIAL_TOKENS)
    assert not any(tokenizer.unknown in ids for ids in tokenizer.encode(TEXTS))


def test_a_trained_vocabulary_keeps_to_its_size() -> None:
    assert train_tokenizer(TEXTS, 30, None).vocab_size <= 30


@pytest.mark.parametrize(
    ("do_lower_case", "lowercase", "source", "knows_capitals"),
    [
        pytest.param(None, True, "the default", False, id="default"),
        pytest.param(True, True, "do_lower_case", False, id="lower"),
        pytest.param(False, False, "do_lower_case", True, id="cased"),
    ],
)
def test_a_vocabulary_is_trained_in_the_case_asked_for(
    do_lower_case: bool | None, lowercase: bool, source: str, knows_capitals: bool
) -> None:
    tokenizer = train_tokenizer(TEXTS, 200, do_lower_case)
    assert (tokenizer.lowercase, tokenizer.lowercase_source) == (lowercase, source)
    assert any(entry[-1] == "D" for entry in tokenizer.entries[5:]) is knows_capitals


def test_vocab_text_is_read_back_as_it_was(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 200, None)
    path = tmp_path / "vocab.txt"
    path.write_text(tokenizer.vocab_text, encoding="utf-8")
    assert tuple(read_vocab(path)) == tokenizer.entries


SPECIAL_LINES = "".join(f"{token}\n" for token in SPECIAL_TOKENS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(SPECIAL_LINES + "a\nb\na\n", "line 6: entry 'a' occurs again on line 8",
                     id="repeated-entry"),
        pytest.param("a\nb\n", "lacks [PAD], [UNK], [CLS], [SEP], [MASK]", id="no-vocabulary"),
        pytest.param("<pad>\n<unk>\n[CLS]\n[SEP]\n[MASK]\n", "lacks [PAD], [UNK]: it is no",
                     id="other-specials"),
        pytest.param(b"[PAD]\n\xff\n", "not UTF-8: byte 6 is 0xff", id="not-utf-8"),
    ],
)  # fmt: skip
def test_a_bad_vocabulary_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as raised:
        read_vocab(path)
    assert message in str(raised.value)


def test_a_vocabulary_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_vocab(tmp_path / "none.txt")
    with pytest.raises(InputError, match="is a folder; name the vocab"):
        read_vocab(tmp_path)


def test_windows_line_ends_are_no_part_of_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text(SPECIAL_LINES.replace("\n", "\r\n") + "a\r\n", newline="")
    assert read_vocab(path)["a"] == 5
