"""The built-in sample: Chinese question pairs, written for this project and generated from a seed.

Label "1" is the same question in other words, "0" a near miss: the same thing asked about, but the
opposite action. Both are rewritten alike, so that counting words does not solve the task: whether
an action in a and an action in b agree shows in neither question alone.
"""

import random
from collections.abc import Iterator, Mapping
from itertools import repeat
from types import MappingProxyType

import pandas as pd

from components.tasks.sample_lexicon import DOMAINS, Domain, Opposites

SAMPLE_SEED = 20_200
SAMPLE_SIZES: Mapping[str, int] = MappingProxyType({"train": 2000, "dev": 500, "test": 500})

MEANINGS = {("more", "more"): 0.30, ("less", "less"): 0.20, ("more", "less"): 0.25,
            ("less", "more"): 0.25}  # fmt: skip
"""Share of each combination of actions in a and b.

With 0.25 throughout no word would tell anything of the label, and a small encoder from scratch
would find no gradient to start from: its loss stays at ln 2. This much lets it notice which words
matter, while a bag of words gains at most 0.05 from it.
"""

KEPT_THINGS = 0.5
"""Share of pairs whose two questions call the thing by the same name."""

Pair = tuple[str, str]


def generate_sample(seed: int = SAMPLE_SEED) -> dict[str, pd.DataFrame]:
    """Generates the sample; the same seed gives the same rows on every machine.

    Returns:
        `train`, `dev` and `test`, each with the columns `text_a`, `text_b` and `label` ("1" the
        same question, "0" a near miss), half of each label, in random order. No pair occurs twice,
        neither within a split nor in two of them, nor with a and b exchanged.
    """
    generator = random.Random(seed)
    taken: set[Pair] = set()
    return {split: _split(generator, size, taken) for split, size in SAMPLE_SIZES.items()}


def _split(generator: random.Random, size: int, taken: set[Pair]) -> pd.DataFrame:
    """Generates a split of pairs not taken yet, and adds them to `taken`."""
    rows = []
    for meaning_a, meaning_b in _meanings(size):
        pair = _new_pair(generator, meaning_a, meaning_b, taken)
        taken |= {pair, pair[::-1]}
        rows.append((*pair, str(int(meaning_a == meaning_b))))
    generator.shuffle(rows)
    return pd.DataFrame(rows, columns=["text_a", "text_b", "label"])


def _meanings(size: int) -> Iterator[Pair]:
    """Yields the actions of each row's two questions, in exact shares."""
    for meanings, share in MEANINGS.items():
        yield from repeat(meanings, round(share * size))


def _new_pair(generator: random.Random, meaning_a: str, meaning_b: str, taken: set[Pair]) -> Pair:
    while True:
        pair = _pair(generator, generator.choice(DOMAINS), meaning_a, meaning_b)
        if pair not in taken:
            return pair


def _pair(generator: random.Random, domain: Domain, meaning_a: str, meaning_b: str) -> Pair:
    """Asks twice about one thing: other frames, other columns of words."""
    frame_a, frame_b = generator.sample(domain.frames, 2)
    thing = generator.choice(domain.things)
    name_a = generator.randrange(2)
    name_b = name_a if generator.random() < KEPT_THINGS else 1 - name_a
    column = generator.randrange(2)
    action_a = generator.choice(_column(domain.opposites, meaning_a, column))
    action_b = generator.choice(_column(domain.opposites, meaning_b, 1 - column))
    return (
        frame_a.format(action=action_a, thing=thing[name_a]),
        frame_b.format(action=action_b, thing=thing[name_b]),
    )


def _column(opposites: Opposites, meaning: str, column: int) -> tuple[str, ...]:
    return (opposites.more if meaning == "more" else opposites.less)[column]
