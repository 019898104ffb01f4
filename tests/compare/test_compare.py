"""The judgement on evaluations, from folders built by hand to the comparison folder."""

import base64
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.artifacts.folder import open_folder
from components.compare.facts import FACTS, PAGE, REPORT, VERSION, ComparisonFacts
from components.compare.inputs import read_comparable
from components.compare.sections.figures import TABLE_HEADER
from components.compare.step import compare, read_comparison, self_contained_markdown
from components.compare.verdict import judge
from components.errors import InputError

WriteEvaluation = Callable[..., Path]
Command = Callable[..., "subprocess.CompletedProcess[str]"]

GOOD, BETTER = "+" * 80 + "-" * 20, "+" * 95 + "-" * 5
CHANCE = "++--" * 25
FEW_DRAWS = 500


def judged(*paths: Path) -> ComparisonFacts:
    return judge(read_comparable(paths), FEW_DRAWS)


def seeds(write: WriteEvaluation, family: str, *tests: str, **changes: Any) -> list[Path]:
    """Writes a run of one model for each test, with the seeds 1, 2, …"""
    return [
        write(family, test, folder=f"{family}{seed}", training=with_config(seed=seed), **changes)
        for seed, test in enumerate(tests, start=1)
    ]


def with_config(**changes: Any) -> dict[str, Any]:
    return {"config": {"learning_rate": 5e-05, "train_batch_size": 16, "seed": 42} | changes}


def test_the_better_model_is_named(write: WriteEvaluation) -> None:
    facts = judged(write("albert", GOOD), write("bert", BETTER))
    # 15 rows only BERT has right, 0 only ALBERT: p = 2 / 2**15
    assert facts.best == "BERT"
    assert re.fullmatch(
        r"BERT is better than ALBERT by 15\.0 points on test \(95% CI \d+\.0 to \d+\.0, exact "
        r"McNemar p < 0\.0001\)\.",
        facts.outcome,
    )
    (pair,) = facts.pairs
    assert (pair.first_only, pair.second_only, pair.both_right, pair.neither) == (15, 0, 80, 5)
    assert pair.p_value == pytest.approx(2 / 2**15)
    assert pair.claimed


def test_a_difference_by_chance_is_not_claimed(write: WriteEvaluation) -> None:
    one, other = "+" * 78 + "--" + "-" * 20, "+" * 76 + "--++" + "-" * 20
    facts = judged(write("albert", one), write("bert", other))
    assert facts.best is None
    assert facts.outcome.startswith("No difference can be claimed: on test")
    assert facts.pairs[0].p_value == 1.0
    # Four discordant rows: even 4 to 0 has p = 2 / 2**4 = 0.125.
    assert facts.pairs[0].smallest_claimable_points is None


def test_identical_predictions_are_no_difference(write: WriteEvaluation) -> None:
    (pair,) = judged(write("albert", GOOD), write("bert", GOOD)).pairs
    assert (pair.points, pair.p_value, pair.claimed) == (0.0, 1.0, False)
    assert (pair.points_interval.lower, pair.points_interval.upper) == (0.0, 0.0)
    assert (pair.f1_points, pair.detectable_points) == (0.0, None)


@pytest.mark.parametrize("failed", ["albert", "bert"])
def test_a_failed_model_is_marked_and_no_winner_named(write: WriteEvaluation, failed: str) -> None:
    marks = {"albert": BETTER, "bert": BETTER} | {failed: CHANCE}
    reason = {"stop_reason": "the loss became nan at step 7: lower learning_rate", "diverged": True}
    paths = [write(f, marks[f], training=reason if f == failed else {}) for f in marks]
    facts = judged(*paths)
    assert facts.best is None
    assert facts.outcome.startswith(f"No comparison: {failed.upper()} FAILED: ")
    assert "the loss became nan at step 7" in facts.outcome
    assert "its accuracy on test is 0.5000 (95% interval 0.4038 to 0.5962)" in facts.outcome
    assert [row.failed for row in facts.table] == [f == failed for f in marks]
    assert facts.pairs == ()
    assert any(advice.startswith("Lower learning_rate") for advice in facts.advice)
    assert "better than" not in facts.outcome


def test_a_model_just_above_the_majority_has_failed_too(write: WriteEvaluation) -> None:
    """55 of 100 is above 0.50, but its interval reaches down to 0.4524."""
    facts = judged(write("albert", "+" * 55 + "-" * 45), write("bert", BETTER))
    assert [row.failed for row in facts.table] == [True, False]
    assert facts.advice[0].startswith("Measure on more rows")


def test_a_failed_model_takes_no_part_among_three(write: WriteEvaluation) -> None:
    facts = judged(
        write("albert", CHANCE),
        write("bert", GOOD, folder="b1", encoder="a"),
        write("bert", BETTER, folder="b2", encoder="b"),
    )
    assert facts.best == "BERT b"
    assert [(pair.first, pair.second) for pair in facts.pairs] == [("BERT b", "BERT a")]
    assert facts.outcome.startswith("BERT b is better than BERT a by 15.0 points")
    assert "No figure of a failed model counts: ALBERT FAILED: its accuracy" in facts.outcome


def test_without_test_metrics_dev_decides(write: WriteEvaluation) -> None:
    facts = judged(write("albert", dev=GOOD), write("bert", dev=BETTER))
    assert facts.measured_on == "dev"
    assert "on dev" in facts.outcome


def test_three_models_are_compared_in_pairs_and_corrected(write: WriteEvaluation) -> None:
    facts = judged(
        write("albert", GOOD),
        write("bert", GOOD, folder="b1", encoder="bert_small"),
        write("bert", BETTER, folder="b2", encoder="bert_large"),
    )
    assert [row.task_classification for row in facts.table] == [
        "ALBERT_LCQMC", "BERT_LCQMC bert_small", "BERT_LCQMC bert_large",
    ]  # fmt: skip
    assert [m.key for m in facts.models] == ["albert", "bert_small", "bert_large"]
    assert facts.best == "BERT bert_large"
    # Holm: the smallest p of three thrice, then the next twice or what came before.
    small = 2 / 2**15
    assert [pair.adjusted_p_value for pair in facts.pairs] == pytest.approx(
        [1.0, 3 * small, 3 * small]
    )
    assert "after Holm" in facts.outcome


def test_three_models_without_a_best(write: WriteEvaluation) -> None:
    facts = judged(
        write("albert", GOOD),
        write("bert", BETTER, folder="b1", encoder="a"),
        write("bert", BETTER, folder="b2", encoder="b"),
    )
    assert facts.best is None
    assert facts.outcome.startswith("No best model can be named: on test BERT a has the highest")


def test_seeds_of_a_model_become_one_model(write: WriteEvaluation) -> None:
    paths = [
        *seeds(write, "albert", "+" * 70 + "-" * 30, "+" * 72 + "-" * 28, "+" * 74 + "-" * 26),
        *seeds(write, "bert", "+" * 90 + "-" * 10, "+" * 92 + "-" * 8, "+" * 94 + "-" * 6),
    ]
    facts = judged(*paths)
    albert, bert = facts.models
    assert [run.seed for run in albert.runs] == [1, 2, 3]
    assert (albert.accuracy.mean, albert.accuracy.std) == pytest.approx((0.72, 0.02))
    assert (bert.accuracy.min, bert.accuracy.max) == (0.90, 0.94)
    assert facts.table[0].eval_accuracy == pytest.approx(0.72)
    (pair,) = facts.pairs
    assert pair.seeds == ((1, 1), (2, 2), (3, 3))
    assert pair.points == pytest.approx(20.0)
    assert pair.first_only == 60
    assert pair.test == "two-way test over seeds and rows"
    assert facts.outcome.startswith("BERT is better than ALBERT by 20.0 points on test (95% CI")


def test_seeds_that_contradict_each_other_carry_no_claim(write: WriteEvaluation) -> None:
    """BERT is ahead by 20 and by 22 points and behind by 2: the seeds differ more than models."""
    level = "+" * 72 + "-" * 28
    paths = [
        *seeds(write, "albert", level, level, level),
        *seeds(
            write, "bert", "+" * 92 + "-" * 8, "+" * 94 + "-" * 6, "+" * 70 + "-" * 30
        ),
    ]  # fmt: skip
    facts = judged(*paths)
    assert facts.best is None
    assert "No difference can be claimed: on test BERT is ahead" in facts.outcome
    assert "over 3 seeds" in facts.outcome


def test_a_failed_seed_fails_the_model(write: WriteEvaluation) -> None:
    paths = [
        *seeds(write, "albert", BETTER, CHANCE, BETTER),
        *seeds(write, "bert", GOOD, GOOD, GOOD),
    ]
    facts = judged(*paths)
    assert facts.outcome.startswith(
        "No comparison: ALBERT FAILED (1 of 3 runs: seed 2): its accuracy on test is 0.5000"
    )


def test_seeds_that_only_one_model_has_are_left_out_and_told(write: WriteEvaluation) -> None:
    paths = [*seeds(write, "albert", GOOD, GOOD), *seeds(write, "bert", BETTER, BETTER, GOOD)]
    facts = judged(*paths)
    assert facts.pairs[0].seeds == ((1, 1), (2, 2))
    assert any(
        "Not the same seeds were run: ALBERT 1 and 2, BERT 1 and 2 and 3." in warning
        for warning in facts.warnings
    )


def test_the_learning_rate_is_chosen_on_dev_and_test_of_others_is_not_told(
    write: WriteEvaluation,
) -> None:
    """The rate that is better on dev is worse on test: choosing on test would take the other."""
    runs = [
        write("bert", GOOD, BETTER, folder="slow", training=with_config(learning_rate=2e-5)),
        write("bert", BETTER, GOOD, folder="fast", training=with_config(learning_rate=1e-4)),
    ]
    facts = judged(write("albert", GOOD, GOOD), *runs)
    bert = facts.models[1]
    assert bert.learning_rate == 2e-5
    assert [(r.learning_rate, r.dev_accuracy.mean, r.chosen) for r in bert.rates] == [
        (2e-5, 0.95, True), (1e-4, 0.80, False),
    ]  # fmt: skip
    assert bert.accuracy.mean == 0.80
    assert [run.learning_rate for run in bert.runs] == [2e-5]
    assert any("Not the same learning rates were tried" in warning for warning in facts.warnings)


@pytest.mark.parametrize(
    ("slow", "fast", "chosen"),
    [
        pytest.param((CHANCE, 0.1), (GOOD, 0.5), 1e-4, id="a-failed-one-is-not-taken"),
        pytest.param((GOOD, 0.5), (GOOD, 0.4), 1e-4, id="as-accurate-with-less-loss"),
        pytest.param((GOOD, 0.5), (GOOD, 0.5), 2e-5, id="the-smaller-of-equals"),
    ],
)
def test_ties_of_learning_rates(
    write: WriteEvaluation, slow: tuple[str, float], fast: tuple[str, float], chosen: float
) -> None:
    runs = [
        write(
            "bert", GOOD, dev, folder=f"b{rate}", losses=(loss, loss),
            training=with_config(learning_rate=rate),
        )
        for rate, (dev, loss) in ((2e-5, slow), (1e-4, fast))
    ]  # fmt: skip
    assert judged(*runs).models[0].learning_rate == chosen


def test_one_model_has_nothing_to_be_compared_with(write: WriteEvaluation) -> None:
    facts = judged(*seeds(write, "bert", GOOD, GOOD))
    assert facts.best is None
    assert facts.outcome == (
        "One model, nothing to compare it with: BERT reaches 0.8000 on test (95% interval 0.7112 "
        "to 0.8666)."
    )


def test_the_same_run_twice_is_refused(write: WriteEvaluation) -> None:
    paths = [write("bert", GOOD, folder="b1"), write("bert", BETTER, folder="b2")]
    with pytest.raises(
        InputError, match=r"b1 and .*b2 are the same run: encoder 'bert_tiny', learning_rate 5e-05,"
    ):
        judged(*paths)


def test_other_settings_make_another_model(write: WriteEvaluation) -> None:
    paths = [
        write("bert", GOOD, folder="b1"),
        write("bert", BETTER, folder="b2", training=with_config(train_batch_size=32)),
    ]
    facts = judged(*paths)
    assert [m.name for m in facts.models] == ["BERT bert_tiny", "BERT bert_tiny (2)"]
    assert any("train_batch_size (BERT bert_tiny 16, BERT" in w for w in facts.warnings)


def test_leaked_rows_are_told_and_left_out(write: WriteEvaluation) -> None:
    """The first 10 of 100 rows leak, and all of them are predicted right."""
    facts = judged(write("albert", GOOD, leaked=10), write("bert", BETTER, leaked=10))
    assert any(
        "10 of 100 test rows also occur in the train rows (10.0%)" in w for w in facts.warnings
    )
    unleaked = facts.models[0].unleaked["test"]
    assert (unleaked.leaked, unleaked.rows) == (10, 90)
    assert unleaked.accuracy == pytest.approx(70 / 90)


def test_a_fair_comparison_has_no_warning(write: WriteEvaluation) -> None:
    assert judged(write("albert", GOOD), write("bert", GOOD)).warnings == ()


def test_rows_are_grouped_by_length(write: WriteEvaluation) -> None:
    """The texts are `a ROW` and `b ROW`: rows 0 to 9 have 6 characters, the others 8."""
    facts = judged(write("albert", GOOD), write("bert", BETTER))
    buckets = facts.models[0].by_length
    assert [(b.shortest, b.longest, b.rows) for b in buckets] == [(6, 8, 100)]
    assert buckets[0].accuracy == pytest.approx(0.8)


def test_cost_is_that_of_the_runs(write: WriteEvaluation) -> None:
    facts = judged(
        *seeds(write, "albert", GOOD, GOOD),
        *seeds(write, "bert", GOOD, GOOD),
    )
    cost = facts.models[0].cost
    assert (cost.train_seconds, cost.search_seconds) == (320.25, 801.0)
    assert (cost.weights_bytes, cost.latency_p95_ms) == (4_812_345, 4.5)
    assert (cost.accelerator_hours, cost.peak_accelerator_memory_bytes) == (0.0, None)


def test_published_figures_stand_beside(write: WriteEvaluation) -> None:
    facts = judged(write("albert", GOOD), write("bert", GOOD, encoder="bert-base-chinese"))
    assert facts.models[0].published == ()
    dev, test = facts.models[1].published
    assert (test.split, test.best, test.mean, test.measured) == ("test", 0.869, 0.864, 0.8)
    assert test.differences == (
        "trained on 19,999 rows here (3,749 steps), on 238,766 there",
        "measured on 100 test rows here, on 12,500 there",
        "one run here, 10 there",
    )
    assert dev.measured == pytest.approx(0.9)


def test_calibration_is_that_of_the_predictions(write: WriteEvaluation) -> None:
    """Every row is predicted with probability 0.8, and 80 of 100 are right."""
    facts = judged(write("albert", GOOD), write("bert", BETTER))
    errors = [m.runs[0].calibration.expected_calibration_error for m in facts.models]
    assert errors == pytest.approx([0.0, 0.15], abs=1e-6)  # probabilities are float32


def test_rows_of_each_cell_are_drawn(write: WriteEvaluation) -> None:
    facts = judged(write("albert", GOOD), write("bert", BETTER))
    samples = facts.pairs[0].samples
    assert {name: len(rows) for name, rows in samples.items()} == {
        "both_right": 5, "first_only": 5, "second_only": 0, "neither": 5,
    }  # fmt: skip
    row = samples["first_only"][0]
    assert row.text_a == f"a {row.row}"
    assert 80 <= row.row < 95
    assert row.first_predicted == row.label != row.second_predicted
    assert [r.row for r in samples["neither"]] == [95, 96, 97, 98, 99]


def test_json_holds_the_reports_numbers(write: WriteEvaluation, tmp_path: Path) -> None:
    facts = compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    stored = json.loads((tmp_path / "out" / FACTS).read_text())
    assert stored["version"] == VERSION
    assert stored["table"][1]["eval_accuracy"] == facts.table[1].eval_accuracy == 0.95
    assert stored["pairs"][0]["first_only"] == 15
    assert stored["models"][0]["runs"][0]["evaluation"]["training"]["global_step"] == 3749
    assert read_comparison(tmp_path / "out") == facts


def test_the_same_input_gives_the_same_bytes(write: WriteEvaluation, tmp_path: Path) -> None:
    paths = [write("albert", GOOD), write("bert", BETTER)]
    for name in ("one", "two"):
        compare(paths, tmp_path / name)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert {REPORT, PAGE, FACTS, "loss_curves.png", "artifact.json"} <= names
    for file in names:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_pictures_travel_inside_for_kubeflow(write: WriteEvaluation, tmp_path: Path) -> None:
    compare([write("albert", GOOD), write("bert", BETTER)], tmp_path / "out")
    text = self_contained_markdown(tmp_path / "out")
    found = re.findall(r"\(data:image/png;base64,([^)]*)\)", text)
    assert base64.b64decode(found[0]).startswith(b"\x89PNG")
    assert len(text) < 400_000, "Kubeflow cuts longer Markdown"


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
        "--comparison", tmp_path / "out", "--fail-if", "albert.accuracy < bert.accuracy - 0.1",
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert " | ".join(TABLE_HEADER) in done.stdout
    assert f"report: {tmp_path / 'out' / 'comparison.md'}" in done.stdout
    assert done.stderr.strip() == (
        "--fail-if holds: albert.accuracy < bert.accuracy - 0.1 (albert.accuracy is 0.8, "
        "bert.accuracy is 0.95)"
    )
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
