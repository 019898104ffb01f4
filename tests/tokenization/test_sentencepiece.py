import itertools
import json
import random
import shutil
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from transformers import AlbertTokenizer, XLNetTokenizer

from components.errors import InputError
from components.tokenization import TextTokenizer, read_tokenizer
from components.tokenization.sentencepiece_model import read_sentencepiece

ODD = (
    "e\u0301", "ﬁ", "①", "Ａ", "９，", "ﾊﾟ", "が", "한국어", "😀", "👨‍👩‍👧", "❤️", "\u200b", "\ufeff",
    "\u00a0", "\u3000", "\x1c", "\x85", "\t", "\u2028", "▁", "▁▁a", "▁▁", "[MASK]", "[CLS]",
    "<sep>", "<unk>", "<eop>", "<pad>", "İ", "हिन्दी", "ไทย", "العربية", "𝔸", "½", "²,", "٣,",
    "\x00", "\x07", "\u0301", "", "   ", "ẞ", "℡", "\ufffd", "\U000e0041", "々", "''", "a▁b",
)  # fmt: skip


@pytest.fixture(scope="module")
def odd_texts(texts: list[str]) -> list[str]:
    rng = random.Random(7)

    def with_oddities(text: str) -> str:
        for odd in rng.choices(ODD, k=rng.randint(1, 3)):
            place = rng.randint(0, len(text))
            text = text[:place] + odd + text[place:]
        return text

    return [*texts, *(with_oddities(text) for text in texts), *ODD]


def preprocessed(text: str, *, lower: bool, keep_accents: bool = False, space: bool = True) -> str:
    """What zihangdai/xlnet's `preprocess_text` does; google-research/albert leaves quotes alone."""
    if space:
        text = " ".join(text.strip().split())
    text = text.replace("``", '"').replace("''", '"')
    if not keep_accents:
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in decomposed if not unicodedata.combining(c))
    return text.lower() if lower else text


def reference_ids(model: sentencepiece.SentencePieceProcessor, text: str) -> list[int]:
    """What both originals' `encode_pieces` and `encode_ids` do with a preprocessed text."""
    found: list[str] = []
    for piece in model.EncodeAsPieces(text):
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            number = model.EncodeAsPieces(piece[:-1].replace("▁", ""))
            if piece[0] != "▁" and number[0][0] == "▁":
                number = number[1:] if len(number[0]) == 1 else [number[0][1:], *number[1:]]
            found += [*number, ","]
        else:
            found.append(piece)
    return [model.PieceToId(piece) for piece in found]


def open_model(folder: Path) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))


Different = list[tuple[str, list[str], list[str]]]


def differences(
    tokenizer: TextTokenizer, texts: list[str], expected: Iterable[list[int]]
) -> Different:
    entries = tokenizer.entries
    return [
        (text, [entries[i] for i in ours], [entries[i] for i in theirs])
        for text, ours, theirs in zip(texts, tokenizer.encode(texts), expected, strict=True)
        if ours != theirs
    ]


@pytest.mark.parametrize(
    ("family", "packing", "lower"),
    [pytest.param("albert", "bert", True, id="albert"),
     pytest.param("xlnet", "xlnet", False, id="xlnet")],
)  # fmt: skip
def test_texts_become_the_originals_ids(
    family: str, packing: str, lower: bool, odd_texts: list[str], request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(f"{family}_folder")
    model = open_model(folder)
    plain = [preprocessed(text, lower=lower) for text in odd_texts]
    expected = [reference_ids(model, text) for text in plain]
    untreated = sum(
        ids != model.EncodeAsIds(text) for ids, text in zip(expected, plain, strict=True)
    )
    assert len(odd_texts) > 5000
    assert untreated > 500, "the texts must exercise numbers before commas"
    assert differences(read_tokenizer(folder, packing), odd_texts, expected) == []


def test_every_character_becomes_the_originals_ids(albert_folder: Path) -> None:
    # Those of Unicode 3.2: newer ones depend on the Unicode version of Python and of tokenizers.
    known = (chr(code) for code in range(0x110000))
    characters = [c for c in known if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Co", "Cs")]
    texts = [f"a{character}b" for character in characters]
    model = open_model(albert_folder)
    expected = [reference_ids(model, preprocessed(text, lower=True)) for text in texts]
    assert len(texts) > 90_000
    assert differences(read_tokenizer(albert_folder, "bert"), texts, expected) == []


@pytest.mark.parametrize(
    ("training", "config", "rules"),
    [
        pytest.param({}, {"do_lower_case": True}, {"lower": True}, id="do-lower-case"),
        pytest.param({}, {"keep_accents": True}, {"keep_accents": True}, id="keep-accents"),
        pytest.param({}, {"remove_space": False}, {"space": False}, id="keep-space"),
        pytest.param({"normalization_rule_name": "identity"}, {}, {}, id="no-charsmap"),
        pytest.param({"remove_extra_whitespaces": False, "add_dummy_prefix": False},
                     {"remove_space": False}, {"space": False}, id="spaces-as-they-are"),
        pytest.param({"byte_fallback": True, "vocab_size": 900}, {}, {}, id="byte-fallback"),
    ],
)  # fmt: skip
def test_each_rule_of_a_folder_is_the_originals(
    training: dict[str, Any], config: dict[str, bool], rules: dict[str, bool],
    texts: list[str], train_model: Callable[..., Path],
) -> None:  # fmt: skip
    folder = train_model("xlnet", **training)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    model = open_model(folder)
    plain = (preprocessed(text, **{"lower": False} | rules) for text in texts)
    tokenizer = read_tokenizer(folder, "xlnet")
    assert differences(tokenizer, texts, (reference_ids(model, text) for text in plain)) == []


def test_bytes_stand_for_unknown_characters(train_model: Callable[..., Path]) -> None:
    folder = train_model("albert", byte_fallback=True, vocab_size=900)
    tokenizer = read_tokenizer(folder, "bert")
    ids = tokenizer.encode(["😀"])[0]
    assert [tokenizer.entries[i] for i in ids] == ["▁", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]


def test_a_stored_tokenizer_is_the_same(xlnet_folder: Path, odd_texts: list[str]) -> None:
    tokenizer = read_tokenizer(xlnet_folder, "xlnet")
    stored = TextTokenizer.of(
        tokenizer.tokenizer_json, "xlnet", source="model", lowercase_source="model"
    )
    assert stored.encode(odd_texts) == tokenizer.encode(odd_texts)
    assert stored.entries == tokenizer.entries
    assert (stored.cls, stored.sep, stored.unknown) == (3, 4, 0)


def test_literal_special_tokens_are_text(albert_folder: Path) -> None:
    tokenizer = read_tokenizer(albert_folder, "bert")
    special = {tokenizer.entries.index(t) for t in ("[CLS]", "[SEP]", "[MASK]", "<pad>")}
    assert special.isdisjoint(tokenizer.encode(["[CLS] [MASK]<pad>a[SEP]"])[0])


HF_TOKENIZERS = {"albert": AlbertTokenizer, "xlnet": XLNetTokenizer}


@pytest.fixture(scope="module", params=["albert", "xlnet"])
def beside_transformers(
    request: pytest.FixtureRequest, train_model: Callable[..., Path]
) -> tuple[TextTokenizer, Callable[[str], list[int]], Any]:
    """A model with no other symbols than transformers adds by itself, read by us and by it."""
    family = request.param
    folder = train_model(family, user_defined_symbols=["<eop>"] if family == "xlnet" else [])
    model = open_model(folder)
    theirs = HF_TOKENIZERS[family](
        vocab=[(model.IdToPiece(i), model.GetScore(i)) for i in range(model.GetPieceSize())],
        unk_id=model.unk_id(),
        _spm_precompiled_charsmap=read_sentencepiece(folder / "spiece.model").charsmap,
    )  # fmt: skip
    ours = read_tokenizer(folder, "bert" if family == "albert" else "xlnet")
    return ours, lambda text: list(theirs(text, add_special_tokens=False)["input_ids"]), theirs


def test_transformers_gives_the_same_but_for_numbers_before_commas(
    beside_transformers: Any, texts: list[str]
) -> None:
    ours, theirs, _ = beside_transformers
    plain = [text for text in texts if not has_digit_comma(text)]
    assert len(plain) > 500
    assert differences(ours, plain, map(theirs, plain)) == []


def has_digit_comma(text: str) -> bool:
    kept = unicodedata.normalize("NFKC", text)
    return any(a.isdigit() and b == "," for a, b in itertools.pairwise(kept))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1999,", id="number-before-comma"),  # one entry to transformers
        pytest.param("a <unk> b", id="literal-special-token"),  # the token itself to transformers
        pytest.param("the\x1cfox", id="information-separator"),  # white space to Python alone
        pytest.param("a\u093fb", id="vowel-sign"),  # StripAccents takes it for an accent
    ],
)
def test_where_transformers_differs_from_the_originals(beside_transformers: Any, text: str) -> None:
    ours, theirs, _ = beside_transformers
    assert ours.encode([text])[0] != theirs(text)


def test_the_tokenizer_json_of_transformers_gives_the_same(
    beside_transformers: Any, texts: list[str], tmp_path: Path
) -> None:
    ours, _, theirs = beside_transformers
    theirs.save_pretrained(tmp_path)
    read = read_tokenizer(tmp_path, ours.packing)
    assert differences(read, texts, ours.encode(texts)) == []
    assert (read.entries, read.lowercase) == (ours.entries, ours.lowercase)
    assert "[MASK]" not in [read.entries[i] for i in read.encode(["[MASK]<mask>"])[0]]


@pytest.mark.parametrize(
    ("training", "message"),
    [
        pytest.param({"model_type": "bpe"}, "is a model of BPE; ALBERT and XLNet", id="bpe"),
        pytest.param({"treat_whitespace_as_suffix": True}, "writes spaces behind", id="suffix"),
        pytest.param({"control_symbols": ["<cls>"]},
                     r"lacks <sep>, which rows in the style of xlnet need; it has <cls>",
                     id="no-sep"),
    ],
)  # fmt: skip
def test_a_model_of_another_kind_is_refused(
    training: dict[str, Any], message: str, train_model: Callable[..., Path]
) -> None:
    folder = train_model("xlnet", **training)
    with pytest.raises(InputError, match=message):
        read_tokenizer(folder, "xlnet")


def test_the_packing_of_another_family_is_refused(albert_folder: Path) -> None:
    with pytest.raises(InputError, match=r"lacks <cls>, <sep>, .* it has \[CLS\], \[SEP\]: name"):
        read_tokenizer(albert_folder, "xlnet")


def test_a_model_with_bare_spaces_is_refused(xlnet_folder: Path, tmp_path: Path) -> None:
    # No trainer writes one. Bytes that are appended to a protocol buffer override its fields:
    # field 3, the normalizer, of 2 bytes: field 5, escape_whitespaces, is 0.
    content = (xlnet_folder / "spiece.model").read_bytes() + b"\x1a\x02\x28\x00"
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(InputError, match="one that does not write spaces as ▁; ALBERT and XLNet"):
        read_tokenizer(tmp_path, "xlnet")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[PAD]\n[UNK]\n", id="text"),
        pytest.param(b"\x0a\x04\x0a\x02ab", id="no-unknown-token"),
    ],
)
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(InputError, match=rf"is not a SentencePiece model .*\({len(content)} bytes"):
        read_tokenizer(tmp_path, "bert")


def test_a_model_that_is_cut_short_is_refused(albert_folder: Path, tmp_path: Path) -> None:
    shutil.copy(albert_folder / "spiece.model", tmp_path)
    content = (tmp_path / "spiece.model").read_bytes()
    (tmp_path / "spiece.model").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is cut short"):
        read_tokenizer(tmp_path, "bert")
