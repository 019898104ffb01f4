"""The data that was read, and what tokenizing made of it."""

from collections.abc import Callable, Mapping, Sequence

from components.artifacts.facts import DataFacts, LengthFacts, TokensFacts
from components.compare.blocks import Block, Code, Line, Paragraph, Part, Section, Table
from components.compare.facts import ComparisonFacts, ModelFacts
from components.compare.sections.figures import first_run

DIGEST_SHOWN = 12  # hexadecimal digits


def data(comparison: ComparisonFacts) -> Section:
    """Writes rows, labels, lengths and tokens of each split."""
    models = comparison.models
    facts = first_run(models[0]).tokens.data
    kind = "sentence pairs" if facts.pair else "single sentences"
    task = f"Task {facts.task_name}: {kind}, {len(facts.labels)} labels. Digest of the data: "
    blocks: list[Block] = [Paragraph((task, Code(facts.digest), "."))]
    # Models may have read different shares of the train rows: then each has its own facts.
    for whom, tokens in _grouped(models, lambda tokens: tokens.data.splits):
        blocks.append(Part(f"Rows{whom}", (_split_table(tokens.data),)))
        blocks.append(Part(f"Labels{whom}", (_label_table(tokens.data),)))
    for whom, tokens in _grouped(models, lambda tokens: (tokens.splits, tokens.vocab_sha256)):
        vocabulary: Line = (
            f"Vocabulary: {tokens.vocab_size:,} entries from {tokens.vocab_source}, SHA-256 ",
            short(tokens.vocab_sha256),
            ".",
        )
        blocks.append(Part(f"Tokens{whom}", (Paragraph(vocabulary), _token_table(tokens))))
    return Section("Data", tuple(blocks), folded=True)


def short(digest: str) -> Code:
    """Cuts a digest to what tells it apart by eye."""
    return Code(f"{digest[:DIGEST_SHOWN]}…")


def _grouped(
    models: Sequence[ModelFacts], key: Callable[[TokensFacts], object]
) -> list[tuple[str, TokensFacts]]:
    """Puts models with equal facts together and says whose they are, unless they are everyone's."""
    groups: list[tuple[list[str], TokensFacts]] = []
    for model in models:
        tokens = first_run(model).tokens
        same = [names for names, known in groups if key(known) == key(tokens)]
        if same:
            same[0].append(model.name)
        else:
            groups.append(([model.name], tokens))
    if len(groups) == 1:
        return [("", groups[0][1])]
    return [(f" ({', '.join(names)})", tokens) for names, tokens in groups]


def _lengths(length: LengthFacts) -> tuple[str, ...]:
    rest = (length.p50, length.p95, length.p99, length.max)
    return f"{length.mean:.1f}", *(f"{n:,.0f}" for n in rest)


def _split_table(facts: DataFacts) -> Table:
    header = (
        "Split", "Rows", "Rows in source", "Dropped", "Mean characters", "Median", "p95", "p99",
        "Longest", "Duplicates", "Contradictions", "Leaked from train", "Control characters",
        "SHA-256",
    )  # fmt: skip
    rows: list[tuple[Line, ...]] = []
    for split, of in facts.splits.items():
        dropped = "; ".join(f"{n:,} ({reason})" for reason, n in of.dropped.items()) or "0"
        counts = (of.duplicates, of.contradictions, of.leaked, of.control_characters)
        rows.append(
            (
                split,
                f"{of.rows:,}",
                f"{of.rows_in_source:,}",
                dropped,
                *_lengths(of.characters),
                *(f"{n:,}" for n in counts),
                short(of.sha256),
            )
        )
    return Table(name="Rows of each split", header=header, rows=tuple(rows))


def _label_table(facts: DataFacts) -> Table:
    counts = {split: of.label_counts for split, of in facts.splits.items()}
    rows = tuple(
        (label, *(_share(count, label) for count in counts.values())) for label in facts.labels
    )
    return Table(name="Rows of each label", header=("Label", *counts), rows=rows)


def _share(counts: Mapping[str, int], label: str) -> str:
    if not counts:
        return "no labels"
    count = counts.get(label, 0)
    return f"{count:,} ({count / max(sum(counts.values()), 1):.1%})"


def _token_table(tokens: TokensFacts) -> Table:
    header = ("Split", "Mean tokens", "Median", "p95", "p99", "Longest", "Truncated", "Unknown")
    rows = tuple(
        (split, *_lengths(of.tokens), f"{of.truncated_share:.2%}", f"{of.unknown_share:.2%}")
        for split, of in tokens.splits.items()
    )
    return Table(name="Tokens of each split", header=header, rows=rows)
