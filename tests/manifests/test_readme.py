"""The README's commands, as far as they can be checked without a cluster."""

import functools
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import pipelines
from pipelines.__main__ import app
from pipelines.placement import S3_SECRET_KEYS

ROOT = Path(pipelines.__file__).parents[1]
TEXT = (ROOT / "manifests" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
LINES = [line.strip() for b in BLOCKS for line in re.sub(r"\\\n\s*", " ", b).splitlines()]
VERBS = {"create", "secret", "generic", "docker-registry", "job"}


def commands(program: str) -> list[list[str]]:
    """Returns the README's commands of a program, in words; those inside others too."""
    found = []
    for line in LINES:
        inner = re.findall(r"\$\((.*?)\)", line)
        for command in (re.sub(r"\$\(.*?\)", "VALUE", line), *inner):
            words = shlex.split(command.partition(" | ")[0].removesuffix("&"))
            if words[:1] == [program]:
                found.append(words)
    return found


def flags(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}


@pytest.fixture(scope="module")
def known_flags(kubectl: str) -> Callable[[tuple[str, ...]], set[str]]:
    """Gives a function that returns the flags of a command of kubectl."""

    @functools.cache
    def known(verbs: tuple[str, ...]) -> set[str]:
        pages = [
            subprocess.run([kubectl, *arguments], capture_output=True, text=True, check=True).stdout
            for arguments in ([*verbs, "--help"], ["options"])
        ]
        return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "".join(pages)))

    return known


KUBECTL = commands("kubectl")


@pytest.mark.parametrize("words", KUBECTL, ids=[" ".join(words[1:4]) for words in KUBECTL])
def test_kubectl_knows_the_flags_and_the_files_are_there(
    words: list[str], known_flags: Callable[[tuple[str, ...]], set[str]]
) -> None:
    verbs = [words[1], *(word for word in words[2:4] if {words[1], word} <= VERBS)]
    assert flags(words) <= known_flags(tuple(verbs))
    for path in (word for word in words if word.startswith("manifests/")):
        if words[words.index(path) - 1] == "--patch-file":
            patch = yaml.safe_load((ROOT / path).read_text("utf-8"))
            assert all(yaml.safe_load(text)["spec"] for text in patch["data"].values())
        else:
            assert (ROOT / path / "kustomization.yaml").is_file()
    if "--patch" in words:
        json.loads(words[words.index("--patch") + 1])


def test_bakeoff_knows_the_flags_and_the_pipeline_the_parameters() -> None:
    command = typer.main.get_command(app)
    submit = command.commands["submit"]  # type: ignore[attr-defined]
    known = {
        option
        for parameter in submit.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for words in commands("bakeoff"):
        assert words[1] == "submit"
        assert flags(words) <= known
    specification = next(
        yaml.safe_load_all((ROOT / "pipelines" / "albert-vs-bert.yaml").read_text("utf-8"))
    )
    parameters = specification["root"]["inputDefinitions"]["parameters"]
    given = re.findall(r"--parameter '?([a-z_]+)=", TEXT)
    assert len(given) >= 4
    assert set(given) <= set(parameters)
    mentioned = set(re.findall(r"`(--[a-z-]+)[ `]", TEXT)) - {"--workload-metadata"}
    assert mentioned <= known


def test_the_secret_that_the_readme_creates_has_the_keys_that_tasks_read(
    kubectl: str, tmp_path: Path
) -> None:
    (line,) = (line for line in LINES if "--from-env-file" in line)
    file = "".join(f"{key}=value-of-{key}\n" for key in S3_SECRET_KEYS)
    (tmp_path / "s3.env").write_text(file)
    done = subprocess.run(
        ["bash", "-c", f"{line} --dry-run=client --output yaml".replace("kubectl", kubectl, 1)],
        env=os.environ | {"HOME": str(tmp_path), "NAMESPACE": "team"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    secret = yaml.safe_load(done.stdout)
    assert secret["metadata"]["name"] == "encoder-bakeoff-s3"
    assert secret["metadata"]["namespace"] == "team"
    assert set(secret["data"]) == set(S3_SECRET_KEYS)
    literals = re.findall(r"--from-literal=([A-Z_]+)=", "\n".join(LINES))
    assert set(literals) == set(S3_SECRET_KEYS)


def test_cleaning_up_names_every_kind_that_is_ours(
    render: Callable[[Path], list[dict[str, Any]]],
) -> None:
    (deleted,) = (words[2] for words in KUBECTL if words[1] == "delete" and "," in words[2])
    labelled = {
        str(one["kind"]).lower()
        for cluster in (ROOT / "manifests" / "clusters").iterdir()
        for one in render(cluster)
        if "labels" in one["metadata"] and one["kind"] != "Namespace"
    }
    assert labelled == set(deleted.split(","))
