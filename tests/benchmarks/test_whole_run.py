"""The benchmark of speed as its command runs it, on a tiny encoder."""

from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

PEERS = "ours-tensorflow-bfloat16,ours-torch-bfloat16,hugging-face-bfloat16"


def table_below(heading: str, lines: list[str]) -> dict[str, list[str]]:
    """Returns the cells after the name, by the name of a peer and its precision."""
    below = lines[lines.index(heading) + 4 :]
    rows = [line[2:-2].split(" | ") for line in takewhile(bool, below)]
    return {f"{name} {precision}": cells for name, precision, *cells in rows}


@pytest.mark.slow
def test_a_quick_run_measures_every_peer(run_module: Callable[..., Any], tmp_path: Path) -> None:
    output = tmp_path / "speed.md"
    done = run_module(
        "benchmarks.speed", "--quick", "--models", "bert-tiny", "--batch-sizes", 4,
        "--peers", PEERS, "--predict-rows", 8, "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = output.read_text().splitlines()
    trained = table_below("## bert-tiny, batch 4, training", lines)
    predicted = table_below("## bert-tiny, batch 64, prediction", lines)
    for name in ("ours-tensorflow-bfloat16", "ours-torch-bfloat16"):
        speed, _, _, work, padding, all_steps, first_step, memory = trained[f"{name} bfloat16"]
        assert float(speed) > 0
        assert float(all_steps) > 0
        assert 1 <= float(padding) < 1.2
        assert 0.1 < float(memory) < 10
        assert 1 < float(first_step) < 300
        assert work.endswith("%)")
        assert float(predicted[f"{name} float32"][0]) > 0
    (theirs,) = (name for name in trained if name.startswith("hugging-face"))
    if "not installed" not in theirs:  # it needs the dependency group `benchmark`
        ratios = [trained[name][2] for name in trained]
        assert all(ratio.endswith("×") for ratio in ratios)
        assert 1 <= float(trained[theirs][4]) < 1.2
        assert float(predicted["hugging-face-bfloat16 float32"][0]) > 0
