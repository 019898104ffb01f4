"""The published tasks, in files written as the originals are; every sentence is invented."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError
from components.tasks import TASKS, TaskConfig, TaskData, load_task

Folder = Callable[..., Path]
COLUMNS = ["row", "text_a", "text_b", "label"]

# The columns of xnli.dev.tsv; the parses and the tokenized texts do not matter here.
EVALUATION_COLUMNS = (
    "language", "gold_label", "sentence1_binary_parse", "sentence2_binary_parse",
    "sentence1_parse", "sentence2_parse", "sentence1", "sentence2", "promptID", "pairID", "genre",
    "label1", "label2", "label3", "label4", "label5", "sentence1_tokenized",
    "sentence2_tokenized", "match",
)  # fmt: skip

TRAIN = (
    "premise\thypo\tlabel\n"
    '他说：" 门 开 着 。\t门 是 关 的 。\tcontradictory\n'
    "雨 下 了 一 夜 。\t昨晚 下雨 。\tentailment\n"
    "她 买 了 苹果 。\t苹果 很 甜 。\tneutral\n"
)


def evaluation(*rows: tuple[str, str, str, str], ends: str = "\n") -> str:
    """Writes rows of language, gold_label, sentence1 and sentence2 as xnli.dev.tsv has them."""
    lines: list[tuple[str, ...]] = [EVALUATION_COLUMNS]
    for language, label, first, second in rows:
        named = {"language": language, "gold_label": label, "sentence1": first, "sentence2": second}
        lines.append(tuple(named.get(column, "") for column in EVALUATION_COLUMNS))
    return "".join("\t".join(line) + ends for line in lines)


DEV = evaluation(
    ("ar", "neutral", "x", "y"),
    ("zh", "entailment", '"狗在跑', "动物在动"),
    ("zh", "-", "猫在睡", "猫累了"),
    ("en", "contradiction", "", ""),
    ("zh", "contradiction", "灯亮着", "灯灭了"),
)


def xnli(folder: Path, train: str = TRAIN, dev: str = DEV, **options: Any) -> TaskData:
    (folder / "multinli").mkdir()
    (folder / "multinli" / "multinli.train.zh.tsv").write_bytes(train.encode())
    (folder / "xnli.dev.tsv").write_bytes(dev.encode())
    return load_task(TaskConfig(task="xnli", data=str(folder), **options))


def test_xnli_is_loaded(tmp_path: Path) -> None:
    data = xnli(tmp_path)
    assert data.facts.labels == ("contradiction", "entailment", "neutral")
    assert data.splits["train"][COLUMNS].to_numpy().tolist() == [
        [0, '他说：" 门 开 着 。', "门 是 关 的 。", 0],
        [1, "雨 下 了 一 夜 。", "昨晚 下雨 。", 1],
        [2, "她 买 了 苹果 。", "苹果 很 甜 。", 2],
    ]
    assert data.facts.splits["train"].dropped == {}


def test_xnli_keeps_the_rows_of_its_language_and_their_positions(tmp_path: Path) -> None:
    data = xnli(tmp_path)
    assert data.splits["dev"][COLUMNS].to_numpy().tolist() == [
        [1, '"狗在跑', "动物在动", 1],
        [4, "灯亮着", "灯灭了", 0],
    ]
    facts = data.facts.splits["dev"]
    assert (facts.rows, facts.rows_in_source) == (2, 5)
    assert facts.dropped == {"language is not zh": 2, "label is -": 1}
    assert facts.label_counts == {"contradiction": 1, "entailment": 1, "neutral": 0}


def test_xnli_in_another_language(tmp_path: Path) -> None:
    english = "premise\thypo\tlabel\nIt rains.\tIt is wet.\tentailment\nA.\tNot a.\tcontradictory\n"
    (tmp_path / "multinli.train.en.tsv").write_text(english)
    data = xnli(tmp_path, dev=evaluation(("en", "neutral", "b", "c")), language="en")
    assert data.splits["train"]["text_a"].tolist() == ["It rains.", "A."]
    assert data.splits["dev"]["text_a"].tolist() == ["b"]


def test_xnli_with_windows_line_ends(tmp_path: Path) -> None:
    dev = evaluation(("zh", "neutral", "a", "b"), ends="\r\n")
    data = xnli(tmp_path, TRAIN.replace("\n", "\r\n"), dev)
    assert data.splits["train"]["label"].tolist() == [0, 1, 2]
    assert data.splits["dev"][COLUMNS].to_numpy().tolist() == [[0, "a", "b", 2]]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"train": TRAIN + "a\tb\tunsure\n"},
            r"zh.tsv line 5 column 'label': label 'unsure', expected one of contradiction, ent",
            id="label-of-train",
        ),
        pytest.param(
            {"dev": evaluation(("en", "yes", "a", "b"), ("zh", "yes", "a", "b"))},
            "dev.tsv line 3 column 'gold_label': label 'yes'",
            id="label-of-dev",
        ),
        pytest.param(
            {"train": TRAIN.partition("\n")[2]}, "zh.tsv has no column 'premise'", id="no-header"
        ),
        pytest.param(
            {"train": TRAIN + "a\tb\tc\tneutral\n"},
            "line 5: 4 columns, the header has 3",
            id="tab-in-a-text",
        ),
        pytest.param(
            {"dev": evaluation(("zh", "neutral", "a", " "))},
            r"dev.tsv line 2: sentence2 is empty \(1 such",
            id="empty-text",
        ),
        pytest.param(
            {"dev": evaluation(("en", "neutral", "a", "b"), ("fr", "neutral", "a", "b"))},
            r"no row of the task: dropped are 2 \(language is not zh\)",
            id="language-missing",
        ),
    ],
)
def test_xnli_errors(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        xnli(tmp_path, **files)


def lines(*objects: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in objects)


Objects = list[dict[str, Any]]
Expected = list[list[str | None]]

CLUE: dict[str, tuple[Objects, Expected]] = {
    "afqmc": (
        [
            {"sentence1": "怎么还款", "sentence2": "如何还钱", "label": "1"},
            {"sentence1": "怎么还款", "sentence2": "怎么借款", "label": 0},
        ],
        [["怎么还款", "如何还钱", "1"], ["怎么还款", "怎么借款", "0"]],
    ),
    "cmnli": (
        [
            {"sentence1": "门开着", "sentence2": "门没关", "label": "entailment"},
            {"sentence1": "门开着", "sentence2": "门关着", "label": "contradiction"},
        ],
        [["门开着", "门没关", "entailment"], ["门开着", "门关着", "contradiction"]],
    ),
    "tnews": (
        [
            {"label": "102", "label_desc": "d", "sentence": "新片上映", "keywords": ""},
            {"label": 116, "label_desc": "d", "sentence": "新游戏开服", "keywords": "游戏,开服"},
        ],
        [["新片上映", None, "102"], ["新游戏开服", None, "116"]],
    ),
    "iflytek": (
        [
            {"label": "118", "label_des": "其他", "sentence": "一个应用"},
            {"label": "0", "label_des": "打车", "sentence": "叫车的应用"},
        ],
        [["一个应用", None, "118"], ["叫车的应用", None, "0"]],
    ),
    "csl": (
        [
            {"id": 7, "abst": "本文研究水泵", "keyword": ["水泵", "扬 程"], "label": "1"},
            {"id": 8, "abst": "本文研究风机", "keyword": ["风机"], "label": "0"},
        ],
        [["水泵 扬 程", "本文研究水泵", "1"], ["风机", "本文研究风机", "0"]],
    ),
}


def clue(task: str, path: Path) -> TaskData:
    return load_task(TaskConfig(task=task, data=str(path)))


@pytest.mark.parametrize("task", CLUE)
def test_clue_is_loaded(folder: Folder, task: str) -> None:
    objects, expected = CLUE[task]
    unlabelled = [{"id": 3} | {k: v for k, v in row.items() if k != "label"} for row in objects]
    path = folder(".json", train=lines(*objects), dev=lines(*objects), test=lines(*unlabelled))
    data = clue(task, path)
    assert data.facts.labels == TASKS[task].labels
    assert data.facts.pair == (expected[0][1] is not None)
    for split in ("train", "dev"):
        rows = data.splits[split]
        read = rows[["text_a", "text_b"]].assign(
            label=[data.facts.labels[label] for label in rows["label"]]
        )
        assert read.to_numpy().tolist() == expected
    test = data.splits["test"]
    assert test[["text_a", "text_b"]].to_numpy().tolist() == [row[:2] for row in expected]
    assert test["label"].isna().all()
    assert data.facts.splits["test"].label_counts == {}


def test_clue_with_labels_of_test_is_measured(folder: Folder) -> None:
    objects = lines(*CLUE["afqmc"][0])
    data = clue("afqmc", folder(".json", train=objects, dev=objects, test=objects))
    assert data.splits["test"]["label"].tolist() == [1, 0]


def test_cmnli_drops_rows_without_an_agreed_label(folder: Folder) -> None:
    objects = CLUE["cmnli"][0]
    unsure = {"sentence1": "天黑了", "sentence2": "该睡了", "label": "-"}
    path = folder(".json", train=lines(*objects), dev=lines(objects[0], unsure, objects[1]))
    data = clue("cmnli", path)
    assert data.splits["dev"]["row"].tolist() == [0, 2]
    facts = data.facts.splits["dev"]
    assert (facts.rows, facts.rows_in_source, facts.dropped) == (2, 3, {"label is -": 1})


def test_a_sample_of_train_lacks_rare_labels_and_keeps_their_classes(folder: Folder) -> None:
    objects = [{"label": 7 + 3 * (i % 2), "sentence": f"应用{i}"} for i in range(20)]
    path = folder(".json", train=lines(*objects), dev=lines({"label": 50, "sentence": "应用"}))
    data = load_task(TaskConfig(task="iflytek", data=str(path), train_samples=4))
    assert data.splits["train"]["label"].tolist().count(7) == 2
    assert set(data.splits["train"]["label"]) == {7, 10}
    assert data.splits["dev"]["label"].tolist() == [50]
    assert len(data.facts.splits["train"].label_counts) == 119


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        pytest.param(
            "tnews",
            {"label": "105", "sentence": "a"},
            "train.json line 3 column 'label': label '105', expected one of 100, 101, .*, 116$",
            id="tnews-has-no-105",
        ),
        pytest.param(
            "iflytek",
            {"label": 119, "sentence": "a"},
            r"label '119', expected one of 0, 1, 2, …, 118 \(119 in all\)$",
            id="iflytek-ends-at-118",
        ),
        pytest.param(
            "cmnli",
            {"label": "contradictory", "sentence1": "a", "sentence2": "b"},
            "line 3 column 'label': label 'contradictory', expected one of contradiction",
            id="a-spelling-of-xnli",
        ),
        pytest.param(
            "afqmc",
            {"label": "-", "sentence1": "a", "sentence2": "b"},
            "line 3 column 'label': label '-', expected one of 0, 1$",
            id="dash-in-another-task",
        ),
        pytest.param(
            "csl",
            {"label": 1, "keyword": "a b", "abst": "c"},
            "train.json line 3: column 'keyword' holds str a b, expected a list of texts",
            id="keywords-are-a-list",
        ),
        pytest.param(
            "csl",
            {"label": 1, "keyword": [], "abst": "c"},
            r"train.json line 3: keyword is empty \(1 such",
            id="no-keywords",
        ),
        pytest.param(
            "afqmc",
            {"label": 1, "sentence1": "a", "Sentence2": "b"},
            "line 3: the object has no 'sentence2'; .* did you mean 'Sentence2'",
            id="key-missing",
        ),
    ],
)
def test_clue_errors(folder: Folder, task: str, row: dict[str, Any], message: str) -> None:
    objects = CLUE[task][0]
    path = folder(".json", train=lines(*objects, row), dev=lines(*objects))
    with pytest.raises(InputError, match=message):
        clue(task, path)
