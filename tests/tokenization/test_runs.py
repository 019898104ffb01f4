import itertools
import random
import unicodedata
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from tokenizers import Tokenizer

from components.tokenization import runs
from components.tokenization.rules import TextRules
from components.tokenization.runs import RunTokenizer, encoded
from components.tokenization.wordpiece import SPECIAL_TOKENS, tokenizer_from_vocab

ASSIGNED = [
    character
    for character in map(chr, range(0x110000))
    if unicodedata.category(character) not in ("Cn", "Co", "Cs")
]
LETTERS = [
    *"abcéİßsK",
    "手",
    "机",
    "##a",
    "##b",
    "##c",
    "##é",
    "##e",
    "か",
    "##か",
    ".",
    "。",
    "1",
    "##1",
]
RULES = [
    pytest.param(TextRules(do_lower_case=low, strip_accents=strip, tokenize_chinese_chars=chinese),
                 id=f"lower={low}-strip={strip}-chinese={chinese}")
    for low, strip, chinese in itertools.product([True, False], [None, True, False], [True, False])
]  # fmt: skip


def tokenizer_of(rules: TextRules) -> Tokenizer:
    entries = [*SPECIAL_TOKENS, *LETTERS]
    return tokenizer_from_vocab({entry: index for index, entry in enumerate(entries)}, rules)


def differences(ours: RunTokenizer, theirs: Tokenizer, texts: list[str]) -> list[object]:
    found, expected = ours.encode(texts).lists(), encoded(theirs, texts).lists()
    return [each for each in zip(texts, found, expected, strict=True) if each[1] != each[2]]


def test_every_character_gives_what_tokenizers_gives() -> None:
    theirs = tokenizer_of(TextRules(do_lower_case=True))
    texts = [f"a{character}b手{character}" for character in ASSIGNED]
    assert len(texts) > 140_000
    assert differences(RunTokenizer(theirs), theirs, texts) == []


@pytest.mark.parametrize("rules", RULES)
def test_drawn_texts_give_what_tokenizers_gives(rules: TextRules) -> None:
    rng, theirs = random.Random(6), tokenizer_of(rules)
    marks = [character for character in ASSIGNED if unicodedata.combining(character)]
    pools = [ASSIGNED, marks, [*"abc1 手机か。.éE\u0301\u0000\t"], [*"ab ", *marks]]
    texts = [
        "".join(rng.choices(rng.choice(pools), k=rng.randint(0, 9))) for _ in range(4000)
    ]  # fmt: skip
    ours = RunTokenizer(theirs)
    assert differences(ours, theirs, texts) == []
    assert differences(ours, theirs, texts[::-1]) == []  # from what it remembers


@pytest.mark.parametrize(
    "texts",
    [[], [""], ["", ""], ["\x00"], [" "], ["手"], ["ab", "", "c"], ["a", "b"], ["手a", "手"]],
    ids=ascii,
)
def test_little_text(texts: list[str]) -> None:
    theirs = tokenizer_of(TextRules(do_lower_case=True))
    assert RunTokenizer(theirs).encode(texts).lists() == encoded(theirs, texts).lists()


def test_a_run_is_no_longer_than_its_text_and_of_200_characters_at_most() -> None:
    theirs = tokenizer_of(TextRules(do_lower_case=True))
    texts = ["a" * 200, "a" * 201, "ab", "ab"]
    unknown = SPECIAL_TOKENS.index("[UNK]")
    found = RunTokenizer(theirs).encode(texts).lists()
    assert [len(ids) for ids in found] == [200, 1, 2, 2]
    assert found[1] == [unknown]
    assert found == encoded(theirs, texts).lists()


def test_what_is_too_much_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "REMEMBERED_RUNS", 10)
    theirs = tokenizer_of(TextRules(do_lower_case=True))
    ours = RunTokenizer(theirs)
    for start in range(0, 60, 6):
        texts = ["a" * (start + i) + " é" for i in range(8)]
        assert differences(ours, theirs, texts) == []


def test_threads_learn_together() -> None:
    theirs, rng = tokenizer_of(TextRules(do_lower_case=True)), random.Random(8)
    ours = RunTokenizer(theirs)
    many = [["".join(rng.choices("abc é手", k=6)) for _ in range(300)] for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ours.encode, many))
    assert [ids.lists() for ids in found] == [encoded(theirs, texts).lists() for texts in many]


def test_units_are_counted_in_the_order_of_their_first_places() -> None:
    tokenizer = RunTokenizer(tokenizer_of(TextRules(do_lower_case=True)))
    assert list(tokenizer.units(["B a手", "a b.手\x00机", ""]).items()) == [
        ("B", 1), ("a", 2), ("手", 2), ("b", 1), (".", 1), ("机", 1),
    ]  # fmt: skip
    assert tokenizer.units(["", " "]) == {}


def test_units_are_the_words_of_tokenizers() -> None:
    rng, theirs = random.Random(9), tokenizer_of(TextRules(do_lower_case=True))
    texts = ["".join(rng.choices("abÉ手。 \x00か\u0301", k=9)) for _ in range(1000)]
    expected: Counter[str] = Counter()
    for text in texts:
        normalized = theirs.normalizer.normalize_str(text)
        expected.update(w for w, _ in theirs.pre_tokenizer.pre_tokenize_str(normalized))
    found: Counter[str] = Counter()
    for unit, count in RunTokenizer(theirs).units(texts).items():
        if word := theirs.normalizer.normalize_str(unit).strip():
            found[word] += count
    assert list(found.items()) == list(expected.items())
