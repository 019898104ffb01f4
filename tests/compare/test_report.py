import base64
import re
from dataclasses import replace
from types import ModuleType

import pytest

from components.artifacts.facts import RestoredFacts
from components.compare.facts import ComparisonFacts, ModelFacts, UnleakedFacts
from components.compare.report import (
    KUBEFLOW_SHOWS,
    document,
    plain_summary,
    render_markdown,
    render_portable,
)
from components.compare.settings import side_by_side, together


def row_of(report: str, start: str) -> list[str]:
    """Returns the cells of the first table row that begins so."""
    line = next(line for line in report.splitlines() if line.startswith(f"| {start}"))
    return line.strip("| ").split(" | ")


def section_of(report: str, title: str) -> str:
    return re.split(r"^## ", report.partition(f"## {title}\n")[2], flags=re.M)[0]


def replace_model(facts: ComparisonFacts, place: int, model: ModelFacts) -> ComparisonFacts:
    models = (*facts.models[:place], model, *facts.models[place + 1 :])
    return replace(facts, models=models)


def test_the_report_opens_with_the_experiments_table(built: ModuleType) -> None:
    lines = render_markdown(built.comparison(), {}).splitlines()
    assert lines[0] == (
        "| Task classification | Global_step | Eval_accuracy | Eval_loss | Loss | Samples |"
    )
    assert lines[2] == "| ALBERT_LCQMC | 3749 | 0.8300 | 0.3125 | 0.3750 | 19999 |"
    assert lines[3] == "| BERT_LCQMC | 3749 | 0.8600 | 0.3125 | 0.3750 | 19999 |"
    assert lines[4] == ""
    assert lines[5].startswith("**BERT is better than ALBERT by 3.0 points on test")


def test_means_over_runs_are_called_means(built: ModuleType) -> None:
    report = render_markdown(built.comparison(built.FOUR), {})
    assert "Means over the runs of each model, which differ in their seed:" in report
    assert "another seed may differ" not in report


HEADINGS = [
    "Paired comparison", "Results", "Where they differ", "Cost beside quality",
    "Published figures", "Training", "Classes", "Data", "Parameters", "Models",
    "Hardware, versions and seeds",
]  # fmt: skip


def test_the_report_has_every_section(built: ModuleType) -> None:
    report = render_markdown(built.comparison(), {})
    assert re.findall(r"^## (.*)", report, re.M) == HEADINGS


def test_several_seeds_and_rates_have_sections_of_their_own(built: ModuleType) -> None:
    report = render_markdown(built.comparison(built.FOUR), {})
    headings = ["Leaderboard", "Choice of the learning rate", *HEADINGS]
    assert re.findall(r"^## (.*)", report, re.M) == headings


def test_every_section_has_an_anchor_of_its_own(built: ModuleType) -> None:
    sections = document(built.comparison(built.FOUR)).sections
    assert len({section.anchor for section in sections}) == len(sections)
    assert sections[-1].anchor == "hardware-versions-and-seeds"


def test_without_test_metrics_dev_decides_and_the_report_says_so(built: ModuleType) -> None:
    report = render_markdown(built.comparison(splits=("dev",)), {})
    assert "Measured on dev (1,200 rows)" in report
    assert "these figures flatter every model" in report


def test_a_failed_model_says_why_and_what_to_try(built: ModuleType) -> None:
    facts = built.comparison((built.ALBERT, built.FAILED_BERT))
    report = render_markdown(facts, {})
    assert row_of(report, "BERT_LCQMC")[2] == "0.5100 **FAILED**"
    assert "What to try:\n\n- Train longer or with a smaller learning\\_rate." in (
        report.replace("learning_rate", "learning\\_rate")
    )
    failed = section_of(report, "Failed runs")
    assert "- **BERT, seed 42: majority baseline**: its accuracy on test is 0.5100" in failed
    assert "Fewer than two models are left" in section_of(report, "Paired comparison")


def test_the_leaderboard_ranks_by_accuracy_and_claims_nothing(built: ModuleType) -> None:
    board = section_of(render_markdown(built.comparison(built.FOUR), {}), "Leaderboard")
    # BERT: 0.863, 0.869, 0.866; only the difference to albert_tiny is claimed.
    assert row_of(board, "1")[1:3] == ["BERT", "0.8660 ± 0.0030"]
    assert row_of(board, "1")[4] == "0.8630 to 0.8690"
    assert row_of(board, "1")[6:8] == ["1 of 3", "3"]
    assert row_of(board, "4")[1] == "ALBERT albert_tiny"
    assert "It is an order, not a claim" in board


def test_a_failed_model_has_no_rank(built: ModuleType) -> None:
    facts = built.comparison((built.FAILED_BERT, built.ALBERT, built.FOUR[3]))
    board = section_of(render_markdown(facts, {}), "Leaderboard")
    assert row_of(board, "–")[1] == "BERT **FAILED**"
    assert "A model with a FAILED run has no rank" in board


def test_the_choice_of_the_learning_rate_is_shown(built: ModuleType) -> None:
    report = render_markdown(built.comparison(built.FOUR), {})
    choice = section_of(report, "Choice of the learning rate")
    assert row_of(choice, "BERT")[1:4] == ["2e-05", "no", "42, 43, 44"]
    assert "| BERT | **5e-05** | **yes** |" in choice
    assert "The test split was not looked at to choose." in choice
    on_dev = render_markdown(built.comparison(built.FOUR, splits=("dev",)), {})
    assert "The same dev rows then decide the comparison" in on_dev


def test_a_pair_is_shown_with_its_statistics(built: ModuleType) -> None:
    pairs = section_of(render_markdown(built.comparison(), {}), "Paired comparison")
    assert row_of(pairs, "BERT") == [
        "BERT", "ALBERT", "+3.00", "1.6 to 4.4", "**yes**", "0.0061", "+3.10", "1.6 to 4.6",
        "1.92", "2.75", "exact McNemar",
    ]  # fmt: skip
    assert "Holm" not in pairs
    assert "paired bootstrap with 10,000 draws (seed 42)" in pairs
    assert "finds 4 times of 5 (80% power)" in pairs


def test_several_pairs_are_corrected(built: ModuleType) -> None:
    pairs = section_of(render_markdown(built.comparison(built.FOUR), {}), "Paired comparison")
    assert "corrected for looking at 6 pairs (Holm 1979" in pairs
    row = row_of(pairs, "BERT | ALBERT albert\\_base".replace("\\", ""))
    assert row[4:7] == ["no", "0.0353", "0.2119"]
    assert row[-2:] == ["–", "two-way test over seeds and rows"]


def test_rows_of_disagreement_are_sampled(built: ModuleType) -> None:
    long = ("字" * 81, "b" * 80)
    differ = section_of(
        render_markdown(built.comparison(texts=(long,)), {}), "Where they differ"
    )  # fmt: skip
    assert row_of(differ, "BERT | ALBERT | 900") == ["BERT", "ALBERT", "900", "150", "90", "60"]
    assert row_of(differ, "only BERT") == [
        "only BERT", "100", "字" * 79 + "…", "b" * 80, "0", "0", "1",
    ]  # fmt: skip
    for who in ("only ALBERT", "neither", "both"):
        assert row_of(differ, who)


def test_single_sentences_have_one_text_column(built: ModuleType) -> None:
    facts = built.comparison(texts=(("one", None),))
    assert "| Right | Row | Text | Label |" in render_markdown(facts, {})


def test_many_pairs_show_the_rows_of_the_leading_three(built: ModuleType) -> None:
    report = render_markdown(built.comparison(built.FOUR), {})
    assert len(re.findall(r"^### Rows of ", report, re.M)) == 3
    assert "### Rows of BERT and XLNET" in report
    assert "Rows of 3 pairs are shown below; comparison.json has those of all." in report


def test_leaked_rows_are_taken_out(built: ModuleType) -> None:
    facts = built.comparison(leaked=30)
    differ = section_of(render_markdown(facts, {}), "Where they differ")
    assert row_of(differ, "test | BERT")[2:] == ["30 of 1,200", "0.8600", "0.8500", "-1.00"]
    none_left = UnleakedFacts(leaked=1200, rows=0, accuracy=None)
    bare = replace_model(facts, 1, replace(facts.models[1], unleaked={"test": none_left}))
    row = row_of(render_markdown(bare, {}), "test | BERT | 1,200 of 1,200")
    assert row[-2:] == ["no row is left", "–"]
    assert "leaked" not in section_of(render_markdown(built.comparison(), {}), "Where they differ")


def test_cost_stands_beside_quality(built: ModuleType) -> None:
    cost = section_of(render_markdown(built.comparison(), {}), "Cost beside quality")
    assert row_of(cost, "Accuracy") == ["Accuracy", "0.8300", "0.8600"]
    # 16e6 bytes / 2**20
    assert row_of(cost, "Weights on disk")[2] == "15.3 MiB"
    assert row_of(cost, "Peak accelerator memory")[2] == "–"
    assert row_of(cost, "Latency of one row, median")[2] == "3.10 ms"


def test_published_figures_stand_beside_the_measured(built: ModuleType) -> None:
    report = render_markdown(built.comparison(), {})
    published = section_of(report, "Published figures")
    row = row_of(published, "BERT | test")
    assert row[3:] == ["0.8690", "0.8640", "0.8600", "-0.40 points"]
    assert (
        "- BERT on test: trained on 19,999 rows here (3,749 steps), on 238,766 there." in published
    )


def test_the_reference_experiment_is_shown_for_lcqmc_alone(built: ModuleType) -> None:
    published = section_of(render_markdown(built.comparison(), {}), "Published figures")
    assert row_of(published, "Bert_LCQMC") == [
        "Bert_LCQMC", "3749", "0.51", "0.79", "0.79", "20,000",
    ]  # fmt: skip
    # Wilson, 4489 of 8802
    assert "interval of 0.51 is 0.4996 to 0.5204" in published
    assert "marks such a run FAILED" in published
    other = built.comparison((built.ALBERT, built.FOUR[3]), task_name="xnli")
    assert "Published figures" not in render_markdown(other, {})


def test_confusions_of_several_runs_are_summed(built: ModuleType) -> None:
    facts = built.comparison(built.FOUR)
    (matrix,) = re.findall(
        r"### BERT on test, seeds 42, 43, 44: .*?\n\n.*\n.*\n(.*)\n", render_markdown(facts, {})
    )
    # 600 rows of label 0; right: 518 + 521 + 520
    assert matrix == "| 0 | 1,559 | 241 |"


def test_many_labels_show_the_largest_confusions(built: ModuleType) -> None:
    labels = tuple(f"c{i}" for i in range(15))
    report = render_markdown(built.comparison(labels=labels), {})
    assert "most frequent mistakes" in report
    assert "True \\\\ predicted" not in report


def test_dropped_rows_are_told_with_the_reason(built: ModuleType) -> None:
    data = section_of(render_markdown(built.comparison(), {}), "Data")
    assert row_of(data, "test | 1,200")[:4] == ["test", "1,200", "1,202", "2 (label is -)"]


def test_settings_that_differ_stand_in_bold(built: ModuleType) -> None:
    facts = built.comparison(built.FOUR)
    parameters = section_of(render_markdown(facts, {}), "Parameters")
    assert "| train | **learning_rate** | **0.0001** | **5e-05** |" in parameters
    assert "| train | seed | 42, 43, 44 | 42, 43, 44 |" in parameters


def test_settings_of_runs_become_one() -> None:
    merged = together([{"a": 1, "seed": 1}, {"a": 1, "seed": 2, "b": True}])
    assert merged == {"a": 1, "seed": "1, 2", "b": "–, true"}
    (a, b) = side_by_side([{"a": 1}, {"a": 1, "b": ""}])
    assert (a.differs, b.values) == (False, ("–", "(empty)"))


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


def test_the_report_proves_what_was_loaded(built: ModuleType) -> None:
    facts = built.comparison()
    assert "Loaded checkpoints" not in render_markdown(facts, {})
    run = facts.models[1].runs[0]
    training = replace(run.evaluation.training, restored=RESTORED)
    run = replace(run, evaluation=replace(run.evaluation, training=training))
    facts = replace_model(facts, 1, replace(facts.models[1], runs=(run,)))
    loaded = section_of(render_markdown(facts, {}), "Loaded checkpoints")
    assert row_of(loaded, "BERT") == [
        "BERT", "hf:example/bert`@`0123abc", "Hugging Face BERT", "`eeeeeeeeeeee…`",
        "**29 of 31**", "37 of 42",
        "pooler/kernel, pooler/bias, classifier/kernel, classifier/bias", "5 pre-training head",
    ]  # fmt: skip
    assert row_of(loaded, "ALBERT")[:3] == ["ALBERT", "from scratch", "–"]


def test_the_summary_for_a_terminal(built: ModuleType) -> None:
    facts = built.comparison((built.ALBERT, built.FAILED_BERT), warnings=("be\x1b[31mware",))
    lines = plain_summary(facts).splitlines()
    assert lines[0].startswith("| Task classification |")
    assert lines[5] == facts.outcome
    assert lines[6].startswith("BERT, seed 42, FAILED: its accuracy on test is 0.5100")
    assert lines[7] == built.FAILURE.advice
    assert lines[8] == r"Warning: be\x1b[31mware"


@pytest.fixture(scope="module")
def hostile(built: ModuleType) -> ComparisonFacts:
    return built.hostile()  # type: ignore[no-any-return]


def test_hostile_text_stays_text(hostile: ComparisonFacts) -> None:
    report = render_markdown(hostile, {})
    assert "<" not in report
    assert not re.search(r"(?<!\\)\]\((?!data:)", report)
    assert not re.search(r"^(#{4,}|# )", report, re.M)
    assert "\u202e" not in report
    assert all(c.isprintable() or c == "\n" for c in report)
    for block in re.findall(r"(?:^\|.*\n)+", report, re.M):
        columns = [len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()]
        assert len(set(columns)) == 1, block


def test_pictures_travel_inside_for_kubeflow(built: ModuleType) -> None:
    facts = built.comparison()
    pictures = {"accuracy.png": b"\x89 one", "loss_curves.png": b"\x89 two"}
    text = render_portable(facts, pictures)
    found = re.findall(r"\(data:image/png;base64,([^)]*)\)", text)
    assert {base64.b64decode(data) for data in found} == set(pictures.values())
    assert len(text) < KUBEFLOW_SHOWS


def test_pictures_that_kubeflow_would_cut_are_left_out(built: ModuleType) -> None:
    facts = built.comparison()
    pictures = {"accuracy.png": b"x" * 1000, "loss_curves.png": b"x" * KUBEFLOW_SHOWS}
    text = render_portable(facts, pictures)
    assert "Accuracy of each model" in text
    assert "Train loss and dev accuracy" not in text
    assert len(text) < KUBEFLOW_SHOWS
