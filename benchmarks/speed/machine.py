"""What a table's figures depend on: libraries, commit and date."""

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

REPORTED = (
    "keras", "tensorflow-cpu", "tensorflow", "torch", "jax", "transformers", "accelerate",
    "keras-hub", "numpy",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the libraries that are installed."""
    found = {"Python": platform.python_version()}
    for name in REPORTED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Returns the commit of the working tree, marked where the tree differs; else `unknown`."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def description(hardware: dict[str, str]) -> list[str]:
    """Returns lines that name the machine, the versions, the commit and the date.

    Args:
        hardware: Of `components.train.machine.hardware`.
    """
    limits = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS",) if name in os.environ]
    machine = [f"{hardware['processor']}, {hardware['cores']} cores", hardware["memory"]]
    if hardware["accelerators"] != "none":
        machine.append(hardware["accelerators"])
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return [
        "; ".join([*machine, hardware["system"], *limits]),
        ", ".join(f"{name} {version}" for name, version in versions().items()),
        f"commit {commit()}, {today}",
    ]
