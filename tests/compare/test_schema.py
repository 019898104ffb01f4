import dataclasses
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec

from components.compare import facts, schema
from components.compare.schema import json_schema

README = Path(schema.__file__).with_name("README.md")


def test_every_key_is_described() -> None:
    definitions = json_schema()["$defs"]
    assert definitions["PairFacts"]["properties"]["p_value"]["description"] == (
        "Its two-sided p-value."
    )
    for name, definition in definitions.items():
        assert definition["description"].endswith((".", "`.")), name
        assert definition["required"] == list(definition["properties"]), name
        assert all(value["description"] for value in definition["properties"].values()), name


def test_the_readme_lists_the_keys_of_every_record() -> None:
    documented = {
        record: re.findall(r"`(\w+)`", keys)
        for record, keys in re.findall(
            r"^\| ([A-Z]\w+) \|.*\| (.*) \|$", README.read_text(encoding="utf-8"), re.M
        )
    }
    ours = {
        name: list(definition["properties"])
        for name, definition in json_schema()["$defs"].items()
        if getattr(getattr(facts, name, None), "__module__", "") == facts.__name__
    }
    assert documented == ours


def test_the_schema_fits_what_is_written(built: ModuleType) -> None:
    written = json.loads(msgspec.json.encode(built.comparison(built.FOUR)))
    schema = json_schema()
    assert schema["$ref"] == "#/$defs/ComparisonFacts"
    assert list(written) == list(schema["$defs"]["ComparisonFacts"]["properties"])
    run = written["models"][0]["runs"][0]
    assert list(run) == [field.name for field in dataclasses.fields(facts.RunFacts)]


def test_the_schema_can_be_printed(
    run_module: Callable[..., "subprocess.CompletedProcess[str]"],
) -> None:
    done = run_module("components.compare.schema")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json_schema()
