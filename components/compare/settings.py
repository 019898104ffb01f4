"""The resolved parameters of the models, side by side."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.artifacts.facts import EvaluationFacts
from components.compare.text import listed

ABSENT = "–"

SETTINGS: dict[str, Callable[[EvaluationFacts], Mapping[str, Any]]] = {
    "task": lambda facts: facts.tokens.data.config,
    "tokenize": lambda facts: facts.tokens.config,
    "train": lambda facts: facts.training.config,
    "evaluate": lambda facts: facts.config,
}
"""The resolved parameters of each step that led to an evaluation."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of several models.

    Attributes:
        name: Name of the parameter.
        values: Its value for each model, as text.
    """

    name: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the models do not all have the same value."""
        return len(set(self.values)) > 1


def side_by_side(settings: Sequence[Mapping[str, Any]]) -> list[Setting]:
    """Puts the settings of several models beside each other, in the order they first come."""
    names = dict.fromkeys(name for one in settings for name in one)
    return [Setting(name, tuple(_text(one, name) for one in settings)) for name in names]


def together(settings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Makes one of the settings of a model's runs: where runs differ, each value once."""
    merged = {}
    for setting in side_by_side(settings):
        values = dict.fromkeys(setting.values)
        first = next(one[setting.name] for one in settings if setting.name in one)
        merged[setting.name] = listed(tuple(values)) if len(values) > 1 else first
    return merged


def _text(settings: Mapping[str, Any], name: str) -> str:
    """Writes a value as JSON would, strings without their quotes, unless it is absent."""
    if name not in settings:
        return ABSENT
    value = settings[name]
    if isinstance(value, str):
        return value or "(empty)"
    return json.dumps(value, ensure_ascii=False)
