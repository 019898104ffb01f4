"""What each command imports: seconds of its start, counted in modules."""

import json
import subprocess
import sys

import grimp
import pytest

from pipelines.__main__ import COMMANDS

FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}
PLOTTING = {"matplotlib", "scipy", "PIL", "jinja2"}
PIPELINES = {"kfp", "kfp_server_api", "docker"}
TABLES = {"pandas"}
LIBRARIES = {
    "numpy",
    "pyarrow",
    "msgspec",
    "tokenizers",
    "google.protobuf",
    "yaml",
    "rich.progress",
}
ALL = FRAMEWORKS | PLOTTING | PIPELINES | TABLES | LIBRARIES

HELP = """
import contextlib, importlib, io, json, sys

from components.flags import run_command
from pipelines.__main__ import app

def shown(run, *arguments):
    sys.argv = list(arguments)
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        run()
    assert "Usage:" in text.getvalue(), arguments
    return sorted(sys.modules)
"""


def modules_after(code: str) -> dict[str, list[str]]:
    """Runs code whose last line prints the modules loaded after each of its steps, as JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_list_of_commands_needs_no_library_and_no_command() -> None:
    code = f"{HELP}\nprint(json.dumps({{'--help': shown(app, 'bakeoff', '--help')}}))"
    loaded = set(modules_after(code)["--help"])
    assert loaded & ALL == set()
    ours = {name for name in loaded if name.startswith(("components.", "pipelines."))}
    assert ours == {"components.errors", "components.flags", "pipelines.__main__"}


def test_no_help_loads_what_the_command_works_with() -> None:
    code = (
        f"{HELP}\nfound = {{}}\n"
        f"for name in {list(COMMANDS)}:\n"
        "    found[name] = shown(app, 'bakeoff', name, '--help')\n"
        "for name in ('tokenize', 'train', 'evaluate', 'predict', 'export', 'compare'):\n"
        "    module = importlib.import_module(f'components.{name}.__main__')\n"
        "    command = getattr(module, 'main', None) or getattr(module, name)\n"
        "    found[f'components.{name}'] = shown(lambda: run_command(command), name, '--help')\n"
        "print(json.dumps(found))"
    )
    heavy = FRAMEWORKS | PLOTTING | PIPELINES | TABLES
    found = {name: heavy & set(loaded) for name, loaded in modules_after(code).items()}
    assert {name: loaded for name, loaded in found.items() if loaded} == {}
    assert len(found) == len(COMMANDS) + 6


def test_summaries_are_the_commands_own() -> None:
    code = (
        "import importlib, inspect, json\n"
        "from pipelines.__main__ import COMMANDS\n"
        "print(json.dumps({name: inspect.getdoc(getattr(importlib.import_module(place), name))"
        ".split('\\n\\n') for name, (place, _) in COMMANDS.items()}))"
    )
    own = {name: text[0].replace("\n", " ") for name, text in modules_after(code).items()}
    assert own == {name: summary for name, (_, summary) in COMMANDS.items()}


def test_a_report_is_shown_without_what_makes_one() -> None:
    code = (
        "import json, sys\n"
        "import components.compare.fail_if, components.compare.report, components.compare.step\n"
        "print(json.dumps({'': sorted(sys.modules)}))"
    )
    assert set(modules_after(code)[""]) & ALL <= {"numpy", "msgspec"}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Gives every import of ours, those inside functions too."""
    return grimp.build_graph(
        "components", "pipelines", include_external_packages=True, cache_dir=None
    )


@pytest.mark.parametrize(
    ("step", "used", "unused"),
    [
        ("tokenize", {"tokenizers"}, FRAMEWORKS | PLOTTING | PIPELINES),
        ("train", {"keras"}, PLOTTING | PIPELINES),
        ("evaluate", {"keras"}, PLOTTING | PIPELINES),
        ("predict", {"keras"}, PLOTTING | PIPELINES),
        ("export", {"keras"}, PLOTTING | PIPELINES),
        ("compare", PLOTTING, FRAMEWORKS | PIPELINES),
    ],
)
def test_a_step_imports_only_what_it_runs(
    graph: grimp.ImportGraph, step: str, used: set[str], unused: set[str]
) -> None:
    """Of what Keras imports by itself, matplotlib for one, nothing is said."""
    imported = {
        library: graph.find_shortest_chain(f"components.{step}.step", library)
        for library in (used | unused) & graph.modules
    }
    assert {library for library, chain in imported.items() if chain} == used, imported
