import hashlib
from itertools import chain

import pandas as pd
import pytest

from benchmarks.bag_of_words import bag_of_words_accuracies
from components.tasks.sample import SAMPLE_SIZES, generate_sample
from components.tasks.sample_lexicon import AMOUNT, DOMAINS, SWITCH, TRADE, Opposites

SHA256 = "1ae66f36a27d4db40cbe11d11a4e9fd2b3151bebbfa47f99cabd890330361e04"


@pytest.fixture(scope="module")
def sample() -> dict[str, pd.DataFrame]:
    return generate_sample()


def sha256(splits: dict[str, pd.DataFrame]) -> str:
    lines = ("\t".join((split, *row)) for split, rows in splits.items() for row in rows.to_numpy())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_content_is_pinned(sample: dict[str, pd.DataFrame]) -> None:
    """A change of the generator or lexicon changes every published figure of the sample."""
    assert sha256(sample) == SHA256


def test_seed_decides_the_content(sample: dict[str, pd.DataFrame]) -> None:
    assert sha256(generate_sample(1)) == sha256(generate_sample(1))
    assert sha256(generate_sample(1)) != sha256(generate_sample(2))


def test_sizes_and_balance(sample: dict[str, pd.DataFrame]) -> None:
    assert {split: len(rows) for split, rows in sample.items()} == dict(SAMPLE_SIZES)
    for rows in sample.values():
        assert list(rows.columns) == ["text_a", "text_b", "label"]
        assert rows["label"].value_counts().to_dict() == {"0": len(rows) / 2, "1": len(rows) / 2}


def test_no_pair_occurs_twice_in_either_order(sample: dict[str, pd.DataFrame]) -> None:
    rows = pd.concat(sample.values())
    pairs = {frozenset(pair) for pair in zip(rows["text_a"], rows["text_b"], strict=True)}
    assert len(pairs) == len(rows)
    assert (rows["text_a"] != rows["text_b"]).all()


def test_dev_and_test_have_no_character_that_train_lacks(sample: dict[str, pd.DataFrame]) -> None:
    characters = {
        split: set("".join(chain(rows["text_a"], rows["text_b"]))) for split, rows in sample.items()
    }
    assert characters["dev"] | characters["test"] <= characters["train"]


@pytest.mark.parametrize("opposites", [TRADE, SWITCH, AMOUNT], ids=["trade", "switch", "amount"])
def test_columns_share_no_character(opposites: Opposites) -> None:
    first, second = (
        set("".join(opposites.more[column] + opposites.less[column])) for column in (0, 1)
    )
    assert not first & second


@pytest.mark.parametrize("side", ["text_a", "text_b"])
def test_no_word_gives_the_label_away(sample: dict[str, pd.DataFrame], side: str) -> None:
    """By design "1" is 0.55 of a "more" action's rows and 0.44 of a "less" one's."""
    rows = sample["train"]
    for opposites in (TRADE, SWITCH, AMOUNT):
        for word in chain(*opposites.more, *opposites.less):
            share = (rows["label"][rows[side].str.contains(word)] == "1").mean()
            assert 0.30 < share < 0.70, word
    for thing in chain.from_iterable(domain.things for domain in DOMAINS):
        named = rows[side].str.contains(f"{thing[0]}|{thing[1]}")
        assert 0.2 < (rows["label"][named] == "1").mean() < 0.8, thing


def test_bag_of_words_stays_near_chance(sample: dict[str, pd.DataFrame]) -> None:
    accuracies = bag_of_words_accuracies(sample["train"], sample["test"])
    assert max(accuracies.values()) <= 0.56, accuracies


def test_single_questions_are_shared_as_the_readme_says(sample: dict[str, pd.DataFrame]) -> None:
    """Pairs are new in test, most of their questions are not: about two thirds."""
    known = set(sample["train"]["text_a"]) | set(sample["train"]["text_b"])
    questions = [*sample["test"]["text_a"], *sample["test"]["text_b"]]
    assert 0.62 < sum(q in known for q in questions) / len(questions) < 0.70
