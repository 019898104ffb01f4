"""The tasks by name: an entry of `TASKS` says which files one reads and what is odd about them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

SPLITS = ("train", "dev", "test")
SHOWN = 20  # names that are listed in full
MOST_LABELS = 1000
"""Each has its rows in the report, and each pair of them a cell in every confusion matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """The file of a split, or of several splits whose files are alike.

    Attributes:
        names: Names to look for in the folder; `{split}` and `{language}` stand for theirs.
        layout: How its rows are written.
        columns: The file's name of text_a, text_b (left out: one text a row), label and language
            (left out: one language); empty where the task has a reader of its own, or where the
            user names the columns.
        joined: Column that holds a list of words, which are joined with spaces; empty = none.
    """

    names: tuple[str, ...]
    layout: str
    columns: Mapping[str, str] = field(default_factory=dict)
    joined: str = ""

    def described(self) -> str:
        """Returns the layout and the columns in words."""
        lists = {self.joined: f"{self.joined} (a list, joined with spaces)"}
        columns = ", ".join(lists.get(column, column) for column in self.columns.values())
        return f"{self.layout}: {columns}" if columns else self.layout


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskKind:
    """A task that can be named.

    Attributes:
        name: What `--task` takes.
        description: What it is.
        files: The file of each split; empty for the built-in sample.
        labels: Every label, in the order of the classes; empty = those of train.
        spellings: Label for each other spelling of it in the files.
        dropped_labels: Labels whose rows are dropped: their annotators did not agree.
        languages: Languages to choose from, the default first; empty = the task has one.
        published: Where the files are to be had; empty = nowhere.
    """

    name: str
    description: str
    files: Mapping[str, FileKind] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    spellings: Mapping[str, str] = field(default_factory=dict)
    dropped_labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    published: str = ""

    def file_names(self, split: str, language: str) -> tuple[str, ...]:
        """Returns the names to look for in the folder for a split."""
        names = self.files[split].names
        return tuple(name.format(split=split, language=language) for name in names)

    def details(self) -> Iterator[tuple[str, str]]:
        """Yields a heading and a text for each thing that a user needs to know."""
        for file, group in groupby(self.files, key=self.files.__getitem__):
            splits = list(group)
            split = f"{{{','.join(splits)}}}" if len(splits) > 1 else splits[0]
            names = (name.format(split=split, language="LANGUAGE") for name in file.names)
            yield "files" if len(splits) == len(SPLITS) else "/".join(splits), " or ".join(names)
            yield "", file.described()
        spellings = (f"{theirs!r} is read as {ours!r}" for theirs, ours in self.spellings.items())
        dropped = (f"rows labelled {label!r} are dropped" for label in self.dropped_labels)
        labels = listed(self.labels) if self.labels else f"those of train, two to {MOST_LABELS:,}"
        yield "labels", "; ".join((labels, *spellings, *dropped))
        if self.languages:
            default, *others = self.languages
            yield "language", f"{default}, unless --language names {', '.join(others)}"
        yield "from", self.published or "your own files"


def every_split(
    *suffixes: str, layout: str, joined: str = "", **columns: str
) -> dict[str, FileKind]:
    """Returns alike files called train, dev and test, with one of the suffixes."""
    names = tuple("{split}" + suffix for suffix in suffixes)
    file = FileKind(names=names, layout=layout, columns=columns, joined=joined)
    return dict.fromkeys(SPLITS, file)


JSON_LINES = "one JSON object a line"
CLUE = "https://storage.googleapis.com/cluebenchmark/tasks/"
NO_OR_YES = ("0", "1")
INFERENCE = ("contradiction", "entailment", "neutral")  # in google-research/bert's order

XNLI_TRAIN = FileKind(
    names=tuple(
        f"{folder}multinli.train.{{language}}.tsv"
        for folder in ("", "multinli/", "XNLI-MT-1.0/multinli/")
    ),
    layout="tab-separated, header, no quoting",
    columns={"text_a": "premise", "text_b": "hypo", "label": "label"},
)
XNLI_EVALUATION = FileKind(
    names=("xnli.{split}.tsv", "XNLI-1.0/xnli.{split}.tsv"),
    layout="tab-separated, header, no quoting, all languages in one file",
    columns={
        "text_a": "sentence1",
        "text_b": "sentence2",
        "label": "gold_label",
        "language": "language",
    },
)
XNLI_LANGUAGES = (
    "zh", "ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi",
)  # fmt: skip

TASKS = {
    kind.name: kind
    for kind in (
        TaskKind(
            name="sample",
            description="Chinese question pairs, generated: same question or a near miss",
            labels=NO_OR_YES,
            published="built in, it needs no files",
        ),
        TaskKind(
            name="lcqmc",
            description="LCQMC: Chinese question pairs, same meaning or not",
            files=every_split(
                ".tsv",
                ".txt",
                layout="text_a ⇥ text_b ⇥ label, with or without a header, no quoting",
            ),
            labels=NO_OR_YES,
            published="http://icrc.hitsz.edu.cn/info/1037/1146.htm (on request)",
        ),
        TaskKind(
            name="xnli",
            description="XNLI: does a premise entail a hypothesis; train is machine-translated",
            files={"train": XNLI_TRAIN, "dev": XNLI_EVALUATION, "test": XNLI_EVALUATION},
            labels=INFERENCE,
            spellings={"contradictory": "contradiction"},
            dropped_labels=("-",),
            languages=XNLI_LANGUAGES,
            published="https://dl.fbaipublicfiles.com/XNLI/ XNLI-1.0.zip and XNLI-MT-1.0.zip",
        ),
        TaskKind(
            name="afqmc",
            description="CLUE AFQMC: questions to a payment service, same meaning or not",
            files=every_split(
                ".json", layout=JSON_LINES, text_a="sentence1", text_b="sentence2", label="label"
            ),
            labels=NO_OR_YES,
            published=f"{CLUE}afqmc_public.zip",
        ),
        TaskKind(
            name="cmnli",
            description="CLUE CMNLI: does a sentence entail another; translated MultiNLI and XNLI",
            files=every_split(
                ".json", layout=JSON_LINES, text_a="sentence1", text_b="sentence2", label="label"
            ),
            labels=INFERENCE,
            dropped_labels=("-",),
            published=f"{CLUE}cmnli_public.zip",
        ),
        TaskKind(
            name="tnews",
            description="CLUE TNEWS: news headlines, 15 subjects",
            files=every_split(".json", layout=JSON_LINES, text_a="sentence", label="label"),
            labels=tuple(str(code) for code in range(100, 117) if code not in (105, 111)),
            published=f"{CLUE}tnews_public.zip",
        ),
        TaskKind(
            name="iflytek",
            description="CLUE IFLYTEK: long descriptions of apps, 119 uses",
            files=every_split(".json", layout=JSON_LINES, text_a="sentence", label="label"),
            labels=tuple(str(code) for code in range(119)),
            published=f"{CLUE}iflytek_public.zip",
        ),
        TaskKind(
            name="csl",
            description="CLUE CSL: keywords and an abstract, are all keywords the paper's own",
            files=every_split(
                ".json",
                layout=JSON_LINES,
                joined="keyword",
                text_a="keyword",
                text_b="abst",
                label="label",
            ),
            labels=NO_OR_YES,
            published=f"{CLUE}csl_public.zip",
        ),
        TaskKind(
            name="table",
            description=f"your own data: one text or two a row, up to {MOST_LABELS:,} labels",
            files=every_split(
                ".csv",
                ".tsv",
                ".jsonl",
                ".json",
                ".parquet",
                layout="columns by name: --text-a-column, --text-b-column, --label-column",
            ),
        ),
    )
}


def listed(names: Sequence[str]) -> str:
    """Returns names with commas between; of many the first three, the last and their number."""
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:3])}, …, {names[-1]} ({len(names)} in all)"
