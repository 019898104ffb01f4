"""The JSON Schema of `comparison.json`: `python -m components.compare.schema` prints it."""

import json
from typing import Any

import msgspec

from components.artifacts import facts as artifact_facts
from components.compare import facts
from components.compare.facts import ComparisonFacts
from components.flags import field_help


def json_schema() -> dict[str, Any]:
    """Returns the schema; every key is described by the docstring of its class."""
    schema = msgspec.json.schema(ComparisonFacts)
    described: dict[str, Any] = {}
    for name, definition in schema["$defs"].items():
        described[name] = _described(
            getattr(facts, name, None) or getattr(artifact_facts, name), definition
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "comparison.json",
        **schema,
        "$defs": described,
    }


def _described(record: type, definition: dict[str, Any]) -> dict[str, Any]:
    """Adds to each property what its line of the docstring says; keeps the first line of all."""
    meanings = field_help(record)
    properties = {
        key: {**value, "description": meanings[key]}
        for key, value in definition["properties"].items()
    }
    first_line = (record.__doc__ or "").partition("\n")[0]
    return {**definition, "description": first_line, "properties": properties}


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
