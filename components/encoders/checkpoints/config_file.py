"""Reading a checkpoint's JSON config, with errors that name the file and the entry."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from components.errors import InputError

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A checkpoint's config.

    Attributes:
        path: Its file.
        values: What stands in it.
    """

    path: Path
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> "ConfigFile":
        """Reads a JSON object.

        Raises:
            InputError: The file is missing, unreadable or no JSON object.
        """
        try:
            return cls(path, msgspec.json.decode(path.read_bytes(), type=dict[str, Any]))
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; a checkpoint needs its config") from None
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"{path} is not a JSON object: {error}") from None

    @contextmanager
    def named(self) -> Iterator[None]:
        """Puts the file's name before the message of an error that does not have it."""
        try:
            yield
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path}: {error}") from None

    def whole(self, key: str, default: int | None = None) -> int:
        """Returns a whole number of at least 1."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self._unfit(key, "a whole number of at least 1")
        return value

    def number(self, key: str, default: float, below: float = math.inf) -> float:
        """Returns a number from 0 up to `below`, exclusive."""
        value = self._value(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < below:
            bound = "" if below == math.inf else f" and below {below:g}"
            raise self._unfit(key, f"a number of at least 0{bound}")
        return float(value)

    def choice(self, key: str, allowed: Mapping[Any, Choice], default: object = None) -> Choice:
        """Returns what an entry stands for."""
        value = self._value(key, default)
        # Keys of the table decide, also of one type: 1 is not True.
        found = [
            meant for name, meant in allowed.items() if name == value and type(name) is type(value)
        ]
        if not found:
            raise self._unfit(key, f"one of {', '.join(map(_as_json, allowed))}")
        return found[0]

    def _value(self, key: str, default: object) -> Any:
        value = self.values.get(key)
        value = default if value is None else value
        if value is None:
            raise InputError(
                f"{self.path} lacks {key!r}; add it as the checkpoint was trained with"
            )
        return value

    def _unfit(self, key: str, expected: str) -> InputError:
        return InputError(
            f"{self.path}: {key} is {_as_json(self.values[key])}, expected {expected}"
        )


def _as_json(value: object) -> str:
    return msgspec.json.encode(value).decode()[:60]
