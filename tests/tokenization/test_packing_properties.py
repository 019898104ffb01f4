"""What holds for whatever texts are packed: rows are those of the original recipe."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.tokenization import TextTokenizer, read_tokenizer, train_tokenizer
from components.tokenization.packing import PACKINGS, PackedRows, pack
from components.tokenization.token_ids import TokenIds

# As in the properties of readers: other tests may have left threads that draw from `random`.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

CLS, SEP, UNKNOWN = 101, 102, 100  # no text holds the first two: see `ids`
Ids = list[int]
Row = tuple[Ids, Ids]

ids = st.lists(st.integers(0, UNKNOWN), max_size=20)
pairs = st.lists(st.tuples(ids, ids), min_size=1, max_size=6)
longest = st.integers(4, 40)
packings = pytest.mark.parametrize("packing", sorted(PACKINGS))


def original(packing: str, a: Ids, b: Ids | None, max_seq_length: int, cls: int, sep: int) -> Row:
    """Packs a row as `_truncate_seq_pair` and `convert_single_example` do."""
    a, b = list(a), None if b is None else list(b)
    if b is None:
        a = a[: max_seq_length - 2]
    while b is not None and len(a) + len(b) > max_seq_length - 3:
        (a if len(a) > len(b) else b).pop()
    tokens, segments = [*a, sep], [0] * (len(a) + 1)
    if b is not None:
        tokens, segments = [*tokens, *b, sep], segments + [1] * (len(b) + 1)
    before = packing == "bert"
    return ([cls, *tokens], [0, *segments]) if before else ([*tokens, cls], [*segments, 2])


def packed(packing: str, texts: list[Ids], pair: bool, max_seq_length: int) -> PackedRows:
    return pack(PACKINGS[packing], TokenIds.of(texts), pair, CLS, SEP, UNKNOWN, max_seq_length)


def rows_of(rows: PackedRows) -> list[Row]:
    columns = rows.columns()
    return list(
        zip(columns["input_ids"].to_pylist(), columns["token_type_ids"].to_pylist(), strict=True)
    )


@packings
@given(rows=pairs, max_seq_length=longest)
def test_pairs_are_packed_as_the_original_does(
    packing: str, rows: list[tuple[Ids, Ids]], max_seq_length: int
) -> None:
    found = packed(packing, [text for row in rows for text in row], True, max_seq_length)
    assert rows_of(found) == [original(packing, *row, max_seq_length, CLS, SEP) for row in rows]


@packings
@given(texts=st.lists(ids, min_size=1, max_size=6), max_seq_length=longest)
def test_texts_are_packed_as_the_original_does(
    packing: str, texts: list[Ids], max_seq_length: int
) -> None:
    found = packed(packing, texts, False, max_seq_length)
    assert rows_of(found) == [
        original(packing, text, None, max_seq_length, CLS, SEP) for text in texts
    ]


@packings
@given(rows=pairs, max_seq_length=longest)
def test_a_row_is_its_texts_again_as_far_as_they_fit(
    packing: str, rows: list[tuple[Ids, Ids]], max_seq_length: int
) -> None:
    found = packed(packing, [text for row in rows for text in row], True, max_seq_length)
    for (a, b), (tokens, segments) in zip(rows, rows_of(found), strict=True):
        full = len(a) + len(b) + 3
        assert len(tokens) == len(segments) == min(full, max_seq_length)
        assert (tokens.count(CLS), tokens.count(SEP)) == (1, 2)
        assert tokens[0 if packing == "bert" else -1] == CLS
        kept_a, kept_b = (
            [
                t
                for t, s in zip(tokens, segments, strict=True)
                if s == segment and t not in (CLS, SEP)
            ]
            for segment in (0, 1)
        )
        assert a[: len(kept_a)] == kept_a
        assert b[: len(kept_b)] == kept_b
        lost_a, lost_b = len(a) - len(kept_a), len(b) - len(kept_b)
        assert lost_a + lost_b == max(0, full - max_seq_length)
        # The longer text loses tokens until both are as long; from there on b, a, b, a …
        assert not lost_a or len(kept_a) >= len(kept_b)
        assert not lost_b or len(kept_b) >= len(kept_a) - 1
    assert found.full_lengths.tolist() == [len(a) + len(b) + 3 for a, b in rows]
    assert found.text_tokens == sum(len(a) + len(b) for a, b in rows)
    assert found.unknown_tokens == sum(a.count(UNKNOWN) + b.count(UNKNOWN) for a, b in rows)


@pytest.fixture(scope="module", params=["wordpiece", "albert", "xlnet"])
def tokenizer(
    request: pytest.FixtureRequest, texts: list[str], albert_folder: Path, xlnet_folder: Path
) -> TextTokenizer:
    """One of each kind: WordPiece, and SentencePiece in both packings."""
    if request.param == "wordpiece":
        return train_tokenizer(texts, 500, None)
    if request.param == "albert":
        return read_tokenizer(albert_folder, "bert")
    return read_tokenizer(xlnet_folder, "xlnet")


words = st.text(st.sampled_from("abcde 你好手机9,.é[]<>clspCLSEP▁#"), max_size=24)


@given(rows=st.lists(st.tuples(words, words), min_size=1, max_size=4), max_seq_length=longest)
def test_texts_become_the_rows_of_their_ids(
    tokenizer: TextTokenizer, rows: list[tuple[str, str]], max_seq_length: int
) -> None:
    texts_a, texts_b = ([row[place] for row in rows] for place in (0, 1))
    encoded = list(zip(tokenizer.encode(texts_a), tokenizer.encode(texts_b), strict=True))
    (found,) = tokenizer.rows(texts_a, texts_b, max_seq_length)
    cls, sep = tokenizer.cls, tokenizer.sep
    assert rows_of(found) == [
        original(tokenizer.packing, *ids_of, max_seq_length, cls, sep) for ids_of in encoded
    ]
    for tokens, _ in rows_of(found):
        # A text cannot bring special tokens along by writing their names.
        assert (tokens.count(cls), tokens.count(sep)) == (1, 2)
        assert all(0 <= token < tokenizer.vocab_size for token in tokens)
