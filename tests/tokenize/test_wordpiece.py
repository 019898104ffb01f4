import json
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError
from components.tokenize.packing import kept_lengths, pack
from components.tokenize.wordpiece import (
    CLS,
    SEP,
    SPECIAL_TOKENS,
    read_vocab,
    tokenizer_from_texts,
    tokenizer_from_vocab,
    vocab_text,
)

GOLDEN = Path(__file__).parent / "golden_tokenizer.json"


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def vocab(golden: dict[str, Any]) -> dict[str, int]:
    return {entry: index for index, entry in enumerate(golden["vocab"])}


def test_texts_become_the_originals_tokens(golden: dict[str, Any], vocab: dict[str, int]) -> None:
    texts = golden["texts"]
    assert len(texts) > 500
    encoded = tokenizer_from_vocab(vocab).encode_batch(
        [t["text"] for t in texts], add_special_tokens=False
    )
    different = [
        (text["text"], ours.tokens)
        for text, ours in zip(texts, encoded, strict=True)
        if ours.tokens != text["tokens"]
    ]
    assert different == []


def test_pairs_are_packed_as_the_original_packs_them(
    golden: dict[str, Any], vocab: dict[str, int]
) -> None:
    tokenizer = tokenizer_from_vocab(vocab)
    truncated = 0
    for pair in golden["pairs"]:
        ids_a, ids_b = (
            tokenizer.encode(pair[side], add_special_tokens=False).ids
            for side in ("text_a", "text_b")
        )
        input_ids, token_type_ids = pack(
            ids_a, ids_b, pair["max_seq_length"], vocab[CLS], vocab[SEP]
        )
        assert [tokenizer.id_to_token(i) for i in input_ids] == pair["tokens"]
        assert token_type_ids == pair["segment_ids"]
        truncated += len(ids_a) + len(ids_b) + 3 > pair["max_seq_length"]
    assert truncated > 50, "the golden pairs must exercise truncation"


def test_kept_lengths_is_the_closed_form_of_popping() -> None:
    def popping(a: int, b: int, room: int) -> tuple[int, int]:
        while a + b > room:
            if a > b:
                a -= 1
            else:
                b -= 1
        return a, b

    for a in range(12):
        for b in range(12):
            for room in range(1, 24):
                assert kept_lengths(a, b, room) == popping(a, b, room)


def test_a_single_text_is_cut_at_its_end() -> None:
    assert pack([7, 8, 9], None, 4, cls=1, sep=2) == ([1, 7, 8, 2], [0, 0, 0, 0])


def test_a_literal_special_token_is_text(vocab: dict[str, int]) -> None:
    tokens = tokenizer_from_vocab(vocab).encode("[MASK]", add_special_tokens=False).tokens
    assert tokens[0] == "["
    assert "[MASK]" not in tokens


@pytest.mark.parametrize(
    ("letters", "known"), [pytest.param(200, True, id="200"), pytest.param(201, False, id="201")]
)
def test_words_of_up_to_200_characters_are_cut_into_pieces(letters: int, known: bool) -> None:
    vocab = {entry: i for i, entry in enumerate([*SPECIAL_TOKENS, "a", "##a"])}
    tokens = tokenizer_from_vocab(vocab).encode("a" * letters, add_special_tokens=False).tokens
    assert (tokens != ["[UNK]"]) is known


TEXTS = ["手机多少钱 hello", "电脑多少钱 hello world", "low lower lowest 3D"] * 3


def test_training_gives_the_same_vocabulary_every_time() -> None:
    vocabularies = {vocab_text(tokenizer_from_texts(TEXTS, 200)) for _ in range(20)}
    assert len(vocabularies) == 1


def test_a_trained_vocabulary_starts_with_the_special_tokens_and_knows_every_character() -> None:
    tokenizer = tokenizer_from_texts(TEXTS, 200)
    assert vocab_text(tokenizer).splitlines()[:5] == list(SPECIAL_TOKENS)
    for encoding in tokenizer.encode_batch(TEXTS, add_special_tokens=False):
        assert "[UNK]" not in encoding.tokens


def test_a_trained_vocabulary_keeps_to_its_size() -> None:
    assert tokenizer_from_texts(TEXTS, 30).get_vocab_size() <= 30


def test_vocab_text_is_read_back_as_it_was(tmp_path: Path) -> None:
    tokenizer = tokenizer_from_texts(TEXTS, 200)
    path = tmp_path / "vocab.txt"
    path.write_text(vocab_text(tokenizer), encoding="utf-8")
    assert read_vocab(str(path)) == tokenizer.get_vocab()


SPECIAL_LINES = "".join(f"{token}\n" for token in SPECIAL_TOKENS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(SPECIAL_LINES + "a\nb\na\n", "line 6: entry 'a' occurs again on line 8",
                     id="repeated-entry"),
        pytest.param("a\nb\n", "lacks [PAD], [UNK], [CLS], [SEP], [MASK]", id="no-vocabulary"),
        pytest.param(b"[PAD]\n\xff\n", "not UTF-8: byte 6 is 0xff", id="not-utf-8"),
    ],
)  # fmt: skip
def test_a_bad_vocabulary_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as raised:
        read_vocab(str(path))
    assert message in str(raised.value)


def test_a_vocabulary_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_vocab(str(tmp_path / "none.txt"))
    with pytest.raises(InputError, match="is a folder; name the vocab"):
        read_vocab(str(tmp_path))


def test_windows_line_ends_are_no_part_of_an_entry(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text(SPECIAL_LINES.replace("\n", "\r\n") + "a\r\n", newline="")
    assert read_vocab(str(path))["a"] == 5
