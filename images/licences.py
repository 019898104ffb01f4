"""`make licences`: the licences of what `cpu.lock` names, by what each installed package says."""

import re
from collections import defaultdict
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

LOCK = Path(__file__).with_name("cpu.lock")
LOCKED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ;\\]+)", re.MULTILINE)
CLASSIFIER = "License :: "

HEADER = """\
# Licences

What each package of `cpu.lock` says of itself on Linux and Python 3.11: `make licences`.
The GPU locks add NVIDIA's CUDA libraries, under NVIDIA's own terms; that of JAX also JAX and its
plugins, under Apache-2.0.

| licence | packages |
|---|---|"""


def licence_of(package: PackageMetadata) -> str:
    """Returns the SPDX expression of a package, else its classifiers, else what it calls it."""
    said = {name: package.get_all(name) or [] for name in ("License-Expression", "License")}
    named = [
        classifier.split(" :: ")[-1]
        for classifier in package.get_all("Classifier") or []
        if classifier.startswith(CLASSIFIER)
    ]
    called = [text.strip().splitlines()[0] for text in said["License"] if text.strip()]
    return " or ".join(said["License-Expression"] or named or called) or "not said"


def main() -> None:
    """Prints the table; a package that is not installed here is for another system."""
    packages = defaultdict(list)
    locked = set(LOCKED.findall(LOCK.read_text(encoding="utf-8")))
    for name in sorted({name for name, _ in locked}):
        try:
            found = metadata(name)
        except PackageNotFoundError:
            continue
        if (name, found["Version"]) not in locked:
            raise SystemExit(f"{name} {found['Version']} is installed, which is not the locked one")
        packages[licence_of(found)].append(f"{name} {found['Version']}")
    print(HEADER)
    for licence, names in sorted(packages.items(), key=lambda row: (-len(row[1]), row[0])):
        print(f"| {licence} | {', '.join(names)} |")


if __name__ == "__main__":
    main()
