import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.artifacts.facts import RestoredFacts
from components.artifacts.folder import open_folder
from components.compare.markdown import bold, escape, table
from components.compare.report import TABLE_HEADER
from components.compare.step import compare, self_contained_markdown
from components.compare.verdict import format_p_value, format_points
from components.errors import InputError

WriteEvaluation = Callable[..., Path]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD, BETTER = "+" * 80 + "-" * 20, "+" * 95 + "-" * 5
CHANCE = "+-" * 50


def report_of(folder: Path) -> str:
    return (folder / "comparison.md").read_text(encoding="utf-8")


def test_the_report_opens_with_the_experiments_table(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    lines = report_of(tmp_path / "out").splitlines()
    assert lines[0] == (
        "| Task classification | Global_step | Eval_accuracy | Eval_loss | Loss | Samples |"
    )
    assert lines[2] == "| ALBERT_LCQMC | 3749 | 0.8000 | 0.3125 | 0.3750 | 19999 |"
    assert lines[3] == "| BERT_LCQMC | 3749 | 0.9500 | 0.3125 | 0.3750 | 19999 |"
    assert lines[4] == ""


def test_the_better_model_is_named(write: WriteEvaluation, tmp_path: Path) -> None:
    facts = compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    # 15 rows only BERT has right, 0 only ALBERT: p = 2 / 2**15
    assert facts.best == "BERT"
    assert facts.outcome == (
        "BERT is better than ALBERT by 15.0 points on test (exact McNemar p < 0.0001)."
    )
    assert f"**{facts.outcome}**" in report_of(tmp_path / "out").replace("&lt;", "<")


def test_a_difference_by_chance_is_not_claimed(write: WriteEvaluation, tmp_path: Path) -> None:
    one, other = "+" * 78 + "--" + "-" * 20, "+" * 76 + "--++" + "-" * 20
    facts = compare([write("albert", one), write("bert", other)], tmp_path / "out")
    assert facts.best is None
    assert facts.outcome.startswith("No difference can be claimed: on test")
    assert facts.pairs[0].p_value == 1.0


@pytest.mark.parametrize("failed", ["albert", "bert"])
def test_a_failed_model_is_marked_and_no_winner_named(
    write: WriteEvaluation, tmp_path: Path, failed: str
) -> None:
    marks = {"albert": BETTER, "bert": BETTER} | {failed: CHANCE}
    reason = {"stop_reason": "the loss became nan at step 7: lower learning_rate"}
    paths = [write(f, marks[f], training=reason if f == failed else {}) for f in marks]
    facts = compare(paths, tmp_path / "out")
    report = report_of(tmp_path / "out")
    assert facts.best is None
    assert facts.outcome.startswith(f"No winner is named. {failed.upper()} FAILED: its accuracy")
    assert "the loss became nan at step 7" in facts.outcome
    assert re.search(rf"^\| {failed.upper()}_LCQMC .* 0\.5000 \*\*FAILED\*\*", report, re.M)
    assert report.count("**FAILED**") == 1
    assert "What to try:" in report
    assert "better than" not in report


def test_a_model_just_above_the_majority_has_failed_too(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    """55 of 100 is above 0.50, but its interval reaches down to 0.4524."""
    facts = compare([write("albert", "+" * 55 + "-" * 45), write("bert", BETTER)], tmp_path / "out")
    assert facts.table[0].failed
    assert not facts.table[1].failed


def test_without_test_metrics_dev_decides_and_the_report_says_so(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    paths = [write("albert", dev=GOOD), write("bert", dev=BETTER)]
    facts = compare(paths, tmp_path / "out")
    assert facts.measured_on == "dev"
    assert "on dev" in facts.outcome
    assert "these figures flatter every model" in report_of(tmp_path / "out")


def test_three_models_are_compared_in_pairs(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [
        write("albert", GOOD),
        write("bert", GOOD, folder="b1", encoder="bert_small"),
        write("bert", BETTER, folder="b2", encoder="bert_large"),
    ]
    facts = compare(paths, tmp_path / "out")
    assert [row.task_classification for row in facts.table] == [
        "ALBERT_LCQMC", "BERT_LCQMC bert_small", "BERT_LCQMC bert_large",
    ]  # fmt: skip
    assert len(facts.pairs) == 3
    assert facts.best == "BERT bert_large"
    assert "not corrected for looking at 3 pairs" in report_of(tmp_path / "out")


def test_three_models_without_a_best(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [
        write("albert", GOOD),
        write("bert", BETTER, folder="b1", encoder="a"),
        write("bert", BETTER, folder="b2", encoder="b"),
    ]
    facts = compare(paths, tmp_path / "out")
    assert facts.best is None
    assert facts.outcome.startswith("No best model can be named: on test BERT a has the highest")


def test_twice_the_same_encoder_is_told_apart(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [write("bert", GOOD, folder="b1"), write("bert", BETTER, folder="b2")]
    facts = compare(paths, tmp_path / "out")
    assert [m.name for m in facts.models] == ["BERT bert_tiny", "BERT bert_tiny (2)"]


def test_leakage_and_differing_settings_are_warned_of(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    paths = [
        write("albert", GOOD, leaked=7),
        write("bert", BETTER, leaked=7, training={"config": {"learning_rate": 1e-3}}),
    ]
    facts = compare(paths, tmp_path / "out")
    assert any(
        "7 of 100 test rows also occur in the train rows (7.0%)" in w for w in facts.warnings
    )
    assert any("The train settings differ: learning_rate" in w for w in facts.warnings)
    assert "**differs**" in report_of(tmp_path / "out")


def test_a_fair_comparison_has_no_warning(write: WriteEvaluation, tmp_path: Path) -> None:
    assert compare([write("albert", GOOD), write("bert", GOOD)], tmp_path / "out").warnings == ()


def test_the_report_has_every_section(write: WriteEvaluation, tmp_path: Path) -> None:
    compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    headings = re.findall(r"^## (.*)", report_of(tmp_path / "out"), re.M)
    assert headings == [
        "Paired comparison", "Results", "Classes", "Training", "Data", "Parameters", "Models",
        "Cost", "Hardware, versions and seeds",
    ]  # fmt: skip


def test_dropped_rows_are_told_with_the_reason(write: WriteEvaluation, tmp_path: Path) -> None:
    dropped = {"language is not zh": 1400, "label is -": 2}
    compare([write(f, GOOD, dropped=dropped) for f in ("albert", "bert")], tmp_path / "out")
    lines = report_of(tmp_path / "out").splitlines()
    header = next(line for line in lines if line.startswith("| Split | Rows | Rows in source |"))
    assert header.split(" | ")[3] == "Dropped"
    assert any(line.startswith("| train | 19,999 | 19,999 | 0 |") for line in lines)
    told = "| test | 100 | 1,502 | 1,400 (language is not zh); 2 (label is -) |"
    assert any(line.startswith(told) for line in lines)


def test_json_holds_the_reports_numbers(write: WriteEvaluation, tmp_path: Path) -> None:
    facts = compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    stored = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert stored["table"][1]["eval_accuracy"] == facts.table[1].eval_accuracy == 0.95
    assert stored["pairs"][0]["first_only"] == 15
    assert stored["models"][0]["evaluation"]["training"]["global_step"] == 3749


def test_the_same_input_gives_the_same_bytes(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [write("albert", GOOD), write("bert", BETTER)]
    for name in ("one", "two"):
        compare(paths, tmp_path / name)
    for file in ("comparison.md", "comparison.json", "loss_curves.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_picture_travels_inside_for_kubeflow(write: WriteEvaluation, tmp_path: Path) -> None:
    compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    text = self_contained_markdown(tmp_path / "out")
    (data,) = re.findall(r"\(data:image/png;base64,([^)]*)\)", text)
    assert base64.b64decode(data) == (tmp_path / "out" / "loss_curves.png").read_bytes()
    linked = report_of(tmp_path / "out")
    assert text.replace(f"data:image/png;base64,{data}", "loss_curves.png") == linked
    assert len(text) < 400_000, "Kubeflow cuts longer Markdown"


HOSTILE = ["a|b", "<script>alert(1)</script>", "`x`\n# y", "[z](http://e.vil)"]


def test_hostile_labels_stay_text(write: WriteEvaluation, tmp_path: Path) -> None:
    marks = "+" * 96 + "----"
    paths = [write(f, marks, marks, labels=HOSTILE) for f in ("albert", "bert")]
    compare(paths, tmp_path / "out")
    report = report_of(tmp_path / "out")
    assert "<script" not in report
    assert not re.search(r"(?<!\\)\]\(http", report)
    assert "\n# y" not in report
    for block in re.findall(r"(?:^\|.*\n)+", report, re.M):
        columns = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(columns)) == 1, block


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("*x* _y_", r"\*x\* \_y\_"),
        ("LEARNING_RATE", "LEARNING_RATE"),
        ("www.a.b https://c @d", "www&#46;a.b https&#58;//c &#64;d"),
        ("one\ntwo", r"one\\ntwo"),
    ],
)
def test_escape(text: str, escaped: str) -> None:
    assert escape(text) == escaped
    assert escape(escape(text)) == escaped


def test_tables_align_numbers_right() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    assert bold("a*") == r"**a\***"


def test_many_labels_show_the_largest_confusions(write: WriteEvaluation, tmp_path: Path) -> None:
    labels = [f"c{i}" for i in range(15)]
    marks = "+" * 140 + "-" * 10
    compare([write(f, marks, marks, labels=labels) for f in ("albert", "bert")], tmp_path / "out")
    assert "most frequent mistakes" in report_of(tmp_path / "out")


@pytest.mark.parametrize(
    ("points", "shown"), [(2.14, "2.1 points"), (0.0, "0.0 points"), (0.008, "0.008 points")]
)
def test_points_never_hide_a_difference(points: float, shown: str) -> None:
    assert format_points(points) == shown


def test_p_values_are_never_zero() -> None:
    assert format_p_value(0.0) == "p < 0.0001"
    assert format_p_value(0.04) == "p = 0.0400"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"digest": "e" * 64}, "their data digest differ"),
        ({"task_name": "xnli"}, "their task differ: lcqmc and xnli"),
        ({"labels": ("a", "b")}, "their labels differ"),
        ({"test": None}, "their measured splits differ"),
        ({"test": GOOD[:-2]}, "their measured test rows differ: 100 and 98 rows"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    write: WriteEvaluation, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    arguments = {"test": GOOD} | changes
    paths = [write("albert", GOOD), write("bert", **arguments)]
    with pytest.raises(InputError, match=message):
        compare(paths, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_evaluation_is_no_comparison(write: WriteEvaluation, tmp_path: Path) -> None:
    path = write("albert", GOOD)
    with pytest.raises(InputError, match="at least two evaluations, got 1"):
        compare([path], tmp_path / "out")
    with pytest.raises(InputError, match="is given twice"):
        compare([path, path], tmp_path / "out")


def test_evaluations_without_labels_are_refused(write: WriteEvaluation, tmp_path: Path) -> None:
    unlabelled = [(None, "0")] * 10
    paths = [write(f, dev=unlabelled) for f in ("albert", "bert")]
    with pytest.raises(InputError, match="no metrics for dev or test"):
        compare(paths, tmp_path / "out")


def test_the_command_line(write: WriteEvaluation, tmp_path: Path, run_module: Command) -> None:
    albert, bert = write("albert", GOOD), write("bert", BETTER)
    done = run_module(
        "components.compare", "--evaluations", albert, "--evaluations", bert,
        "--comparison", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert " | ".join(TABLE_HEADER) in done.stdout
    assert f"report: {tmp_path / 'out' / 'comparison.md'}" in done.stdout
    assert open_folder(tmp_path / "out", "comparison")


def test_a_mistake_on_the_command_line_exits_with_2(tmp_path: Path, run_module: Command) -> None:
    done = run_module(
        "components.compare", "--evaluations", tmp_path / "a", "--evaluations", tmp_path / "b",
        "--comparison", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: no evaluation folder at {tmp_path / 'a'}")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


RESTORED = RestoredFacts(
    format="Hugging Face BERT",
    source="hf:example/bert@0123abc",
    digest="e" * 64,
    restored=29,
    expected=31,
    tensors_used=37,
    tensors=42,
    initialised=("pooler/kernel", "pooler/bias", "classifier/kernel", "classifier/bias"),
    left_over={"pre-training head": ("cls.predictions.bias", "cls.a", "cls.b", "cls.c", "cls.d")},
)


def test_the_report_proves_what_was_loaded(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [
        write("albert", "+" * 18 + "--"),
        write("bert", "+" * 18 + "--", training={"restored": RESTORED}),
    ]
    compare(paths, tmp_path / "comparison")
    report = (tmp_path / "comparison" / "comparison.md").read_text()
    assert "## Loaded checkpoints" in report
    row = next(line for line in report.splitlines() if line.startswith("| BERT | hf:example"))
    for part in (
        "hf:example/bert&#64;0123abc", "Hugging Face BERT", "`eeeeeeeeeeee…`", "**29 of 31**",
        "37 of 42", "pooler/kernel, pooler/bias", "5 pre-training head",
    ):  # fmt: skip
        assert part in row
    assert "| ALBERT | from scratch | – |" in report
    assert "The checkpoint of BERT holds 29 of the 31 variables of its encoder" in report


def test_encoders_from_scratch_have_nothing_to_prove(
    write: WriteEvaluation, tmp_path: Path
) -> None:
    compare([write("albert", "+" * 20), write("bert", "+" * 20)], tmp_path / "comparison")
    assert "Loaded checkpoints" not in (tmp_path / "comparison" / "comparison.md").read_text()
