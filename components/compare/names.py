"""What the models of a comparison are called."""

import re
from collections import Counter
from collections.abc import Sequence

from components.artifacts.facts import TrainingFacts


def distinguishing_suffixes(trainings: Sequence[TrainingFacts]) -> list[str]:
    """Returns what must follow each model's family so that no two models share a name.

    Nothing where the family is there once, else the encoder; equal ones are numbered.
    """
    families = Counter(training.family for training in trainings)
    suffixes = [
        f" {short_name(training.encoder)}" if families[training.family] > 1 else ""
        for training in trainings
    ]
    return _numbered(suffixes, [training.family for training in trainings])


def short_name(encoder: str) -> str:
    """Returns the last part of a model argument that is a path or an address."""
    return re.split(r"[/\\]", encoder.rstrip("/\\"))[-1] or encoder


def keys(families: Sequence[str], suffixes: Sequence[str]) -> list[str]:
    """Returns the names for expressions: the family, or the encoder where a family is there twice.

    They consist of small letters, digits and underscores and begin with a letter.
    """
    found = []
    for family, suffix in zip(families, suffixes, strict=True):
        plain = suffix.strip().removeprefix("scratch:").lower()
        slug = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or family
        found.append(slug if slug[0].isalpha() else f"{family}_{slug}")
    return _numbered(found, [""] * len(found), form="_{}")


def _numbered(names: Sequence[str], kinds: Sequence[str], form: str = " ({})") -> list[str]:
    """Adds a number to each name that its kind already has, `form` says how."""
    taken: set[tuple[str, str]] = set()
    numbered = []
    for name, kind in zip(names, kinds, strict=True):
        unique, count = name, 1
        while (kind, unique) in taken:
            count += 1
            unique = name + form.format(count)
        taken.add((kind, unique))
        numbered.append(unique)
    return numbered
