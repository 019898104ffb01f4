"""Every public command as a user runs it, and every mistake a user can make with its data."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from components.train.stopping import STOPPED

Command = Callable[..., "subprocess.CompletedProcess[str]"]

ROWS = "怎么煮面\t面要怎么煮\t1\n几点开门\t几点关门\t0\n"


def lcqmc(folder: Path, **content: bytes | str | None) -> Path:
    """Writes train, dev and test .tsv; None leaves a file out."""
    folder.mkdir(exist_ok=True)
    for split in ("train", "dev", "test"):
        text = content.get(split, ROWS)
        if text is not None:
            data = text if isinstance(text, bytes) else text.encode()
            (folder / f"{split}.tsv").write_bytes(data)
    return folder


BAD_DATA = [
    pytest.param({"train": None}, "no train file in", id="missing-file"),
    pytest.param({"train": ROWS + "a\tb\n"}, "train.tsv line 3: 2 tab-separated columns",
                 id="wrong-number-of-columns"),
    pytest.param({"dev": ROWS + "a\tb\t2\n"}, "dev.tsv line 3", id="unknown-label-in-dev"),
    pytest.param({"train": ""}, "train.tsv is empty", id="empty-file"),
    pytest.param({"train": ROWS.encode() + b"a\xff\tb\t1\n"},
                 "line 3: not UTF-8, byte 60 is 0xff", id="not-utf-8"),
    pytest.param({"train": "a\tb\t1\nc\td\t1\n"}, "one label only", id="one-label-only"),
    pytest.param({"dev": "a\0\tb\t1\n"}, "dev.tsv line 1: NUL at byte 1", id="nul"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BAD_DATA)
def test_bad_data_is_one_line_and_exit_code_2(
    tmp_path: Path, run_module: Command, content: dict[str, bytes | str | None], message: str
) -> None:
    folder = lcqmc(tmp_path / "data", **content)
    done = run_module(
        "pipelines", "run", "--task", "lcqmc", "--data", folder, "--output", tmp_path / "runs"
    )
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "▸" not in done.stdout
    assert not (tmp_path / "runs").exists(), "nothing is written before the input is known good"


def test_control_characters_are_counted_and_kept(tmp_path: Path, run_module: Command) -> None:
    folder = lcqmc(tmp_path / "data", train=ROWS + "a\x07b\tc\t0\n")
    done = run_module(
        "components.tokenize", "--task", "lcqmc", "--data", folder, "--tokens", tmp_path / "tokens"
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((tmp_path / "tokens" / "facts.json").read_text())
    assert facts["data"]["splits"]["train"]["control_characters"] == 1
    assert facts["data"]["splits"]["train"]["rows"] == 3


def test_dropped_rows_are_told(tmp_path: Path, run_module: Command) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for split, labels in (("train", ["neutral", "entailment"]), ("dev", ["neutral", "-", "-"])):
        objects = [{"sentence1": "门开着", "sentence2": "门关着", "label": la} for la in labels]
        (folder / f"{split}.json").write_text("".join(f"{json.dumps(o)}\n" for o in objects))
    done = run_module(
        "components.tokenize", "--task", "cmnli", "--data", folder, "--tokens", tmp_path / "tokens"
    )
    assert done.returncode == 0, done.stderr
    assert "tokenize: train: 2/2 rows" in done.stdout
    assert "tokenize: dev: 2 rows dropped (label is -)\n" in done.stdout
    facts = json.loads((tmp_path / "tokens" / "facts.json").read_text())["data"]
    assert facts["labels"] == ["contradiction", "entailment", "neutral"]
    assert facts["splits"]["dev"]["dropped"] == {"label is -": 2}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--train-batch-size", -1], "train_batch_size must be at least 1, got -1",
                     id="negative-batch-size"),
        pytest.param(["--num-train-epochs", 0], "num_train_epochs must be above 0, got 0.0",
                     id="no-epochs"),
        pytest.param(["--max-seq-length", 3], "max_seq_length must be at least 4", id="too-short"),
        pytest.param(["--task", "lcqcm"], "did you mean 'lcqmc'?", id="typo"),
        pytest.param(["--data", "."], "the sample is built in", id="data-for-the-sample"),
        pytest.param(["--albert-encoder", "scratch:bert-tiny"],
                     "train-albert trains encoders of the albert family", id="other-family"),
        pytest.param(["--vocab-file", "none.txt"], "none.txt does not exist",
                     id="no-vocabulary"),
        pytest.param(["--output", "/proc/none"], "cannot write to the output folder",
                     id="unwritable-output"),
        pytest.param(["--train-samples", 5000], "train_samples is 5000, but",
                     id="too-many-samples"),
        pytest.param(["--language", "en"], "task 'sample' has one language", id="no-language"),
    ],
)  # fmt: skip
def test_a_bad_flag_is_one_line_and_exit_code_2(
    tmp_path: Path, run_module: Command, flags: list[object], message: str
) -> None:
    output = [] if "--output" in flags else ["--output", tmp_path / "runs"]
    done = run_module("pipelines", "run", *flags, *output)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "▸" not in done.stdout


def test_a_folder_for_a_file_is_refused(tmp_path: Path, run_module: Command) -> None:
    folder = lcqmc(tmp_path / "data")
    (folder / "sub.tsv").mkdir()
    done = run_module(
        "components.tokenize", "--task", "lcqmc", "--data", folder,
        "--dev-data", folder / "sub.tsv", "--tokens", tmp_path / "tokens",
    )  # fmt: skip
    assert done.returncode == 2
    assert "is a folder; name a file" in done.stderr


def test_a_wrong_vocabulary_is_refused(tmp_path: Path, run_module: Command) -> None:
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\n")
    done = run_module(
        "components.tokenize", "--task", "sample", "--vocab-file", vocab,
        "--tokens", tmp_path / "tokens",
    )  # fmt: skip
    assert done.returncode == 2
    assert "100.0% of the tokens of train are unknown to the vocabulary" in done.stderr
    assert "name the encoder's own vocab.txt" in done.stderr
    assert not (tmp_path / "tokens").exists()


@pytest.mark.parametrize("step", ["tokenize", "train", "evaluate", "compare"])
def test_every_step_has_help_for_a_newcomer(run_module: Command, step: str) -> None:
    done = run_module(f"components.{step}", "--help")
    assert done.returncode == 0, done.stderr
    assert "Example:" in done.stdout
    assert "Folder or address to write the" in " ".join(done.stdout.replace("│", " ").split())


def test_tasks_are_listed(run_module: Command) -> None:
    done = run_module("pipelines", "tasks")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for name in ("sample", "lcqmc", "xnli", "afqmc", "cmnli", "tnews", "iflytek", "csl", "table"):
        assert any(line.startswith(f"{name}  ") for line in lines), name
    assert "XNLI-MT-1.0/multinli/multinli.train.LANGUAGE.tsv" in done.stdout
    assert "https://storage.googleapis.com/cluebenchmark/tasks/iflytek_public.zip" in done.stdout
    assert max(map(len, lines)) <= 80


def test_the_pipeline_is_written(tmp_path: Path, run_module: Command) -> None:
    done = run_module(
        "pipelines", "compile", "--output", tmp_path / "p.yaml", "--image", "a/b-python:1",
        "--train-image", "a/b-python:2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "p.yaml").read_text()
    assert written.count("image: a/b-python:1\n") == 5
    assert written.count("image: a/b-python:2\n") == 2


def test_steps_one_by_one_and_the_report(
    tmp_path: Path, data_folder: Path, run_module: Command
) -> None:
    table = ["--task", "table", "--data", data_folder, "--text-a-column", "question"]
    steps = [["components.tokenize", *table, "--tokens", tmp_path / "tokens"]]
    for family in ("albert", "bert"):
        model, evaluation = tmp_path / family, tmp_path / f"{family}-evaluation"
        steps += [
            ["components.train", "--tokens", tmp_path / "tokens", "--model", model, "--encoder",
             f"scratch:{family}-tiny", "--learning-rate", "1e-3", "--num-train-epochs", "1"],
            ["components.evaluate", "--tokens", tmp_path / "tokens", "--model", model,
             "--evaluation", evaluation],
        ]  # fmt: skip
    evaluations = [f"--evaluations={tmp_path / f'{f}-evaluation'}" for f in ("albert", "bert")]
    steps.append(["components.compare", *evaluations, "--comparison", tmp_path / "comparison"])
    for module, *arguments in steps:
        done = run_module(str(module), *arguments)
        assert done.returncode == 0, done.stderr
        assert "oneDNN" not in done.stderr, "native noise is hidden"
    report = (tmp_path / "comparison" / "comparison.md").read_text()
    assert report.startswith("| Task classification | Global_step | Eval_accuracy |")
    assert "| ALBERT_TABLE | 6 |" in report  # int(96 / 16 * 1)


RUN = [
    "--task", "table", "--task-name", "colours", "--text-a-column", "question",
    "--text-b-column", "other", "--learning-rate", "1e-3", "--num-train-epochs", "1",
]  # fmt: skip


def report_of(done: "subprocess.CompletedProcess[str]") -> Path:
    return Path(done.stdout.splitlines()[-1].removeprefix("report: "))


def test_the_whole_run_and_its_cache(
    tmp_path: Path, run_module: Command, write_data: Callable[..., Path]
) -> None:
    """Everything runs once; nothing runs again; changed bytes at the same path run again."""
    data, runs = write_data(tmp_path / "data"), tmp_path / "runs"
    arguments = ["pipelines", "run", *RUN, "--data", data, "--output", runs]
    first = run_module(*arguments)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "| BERT_COLOURS | 6 |" in first.stdout
    report = report_of(first)
    assert report.parent.parent == runs / "reports"
    assert "reused" not in first.stdout
    again = run_module(*arguments)
    assert again.stdout.count("reused, nothing changed") == 7
    assert report_of(again) == report
    assert report.read_text().splitlines()[0] in again.stdout
    write_data(data, seed=1)
    changed = run_module(*arguments)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert "reused" not in changed.stdout
    assert report_of(changed) != report
    cut = next((runs / "steps").glob("*/train-bert/model/training.json"))
    cut.write_text("{")
    write_data(data)
    mended = run_module(*arguments)
    assert mended.returncode == 0, mended.stdout + mended.stderr
    assert report_of(mended).read_text().splitlines()[2] == report.read_text().splitlines()[2]


def checkpoint(folder: Path, encoder: str) -> Path:
    """Writes a TensorFlow 1 checkpoint of a tiny encoder, with a vocabulary of its own."""
    from components.encoders.build import build_classifier
    from components.encoders.checkpoints.write import write_tf1
    from components.encoders.sizes import scratch_config
    from components.encoders.weights import weights_of

    letters = list("abcdefghijklmnopqrstuvwxyz")
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{entry}\n" for entry in entries))
    config = scratch_config(encoder, len(entries))
    write_tf1(folder, config, weights_of(build_classifier(config, 2)))
    return folder


def test_the_whole_run_from_checkpoints(
    tmp_path: Path, run_module: Command, data_folder: Path
) -> None:
    """Each encoder brings its own tokenizer; only what a changed checkpoint touches runs again."""
    encoders = {f: checkpoint(tmp_path / f, f"scratch:{f}-tiny") for f in ("albert", "bert")}
    arguments = [
        "pipelines", "run", *RUN, "--data", data_folder, "--output", tmp_path / "runs",
        "--albert-encoder", encoders["albert"], "--bert-encoder", encoders["bert"],
    ]  # fmt: skip
    first = run_module(*arguments)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "train: 21 of 21 variables of the encoder restored" in first.stdout
    assert "train: 31 of 31 variables of the encoder restored" in first.stdout
    report = report_of(first).read_text()
    assert f"| ALBERT | {encoders['albert']} | TensorFlow 1 ALBERT (Google) |" in report
    assert "Vocabulary: 57 entries" in report
    vocab = encoders["bert"] / "vocab.txt"
    vocab.write_text(vocab.read_text().replace("##z", "##ß"))
    changed = run_module(*arguments)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    assert changed.stdout.count("reused, nothing changed") == 3  # all of ALBERT's


def test_a_failing_step_ends_the_run_with_its_message(
    tmp_path: Path, data_folder: Path, run_module: Command
) -> None:
    letters = "".join(f"{c}\n" for c in "abcdefghijklmnopqrstuvwxyz")
    vocab = tmp_path / "vocab.txt"
    vocab.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + letters)
    done = run_module(
        "pipelines", "run", *RUN, "--data", data_folder, "--output", tmp_path / "runs",
        "--vocab-file", vocab,
    )  # fmt: skip
    assert done.returncode == 2
    assert "tokens of train are unknown to the vocabulary" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("error: the run stopped in tokenize-")


def test_a_step_that_breaks_down_is_no_mistake_of_the_users(
    tmp_path: Path, data_folder: Path
) -> None:
    """A step that is killed, here for its processor time: exit code 1, and the log is named."""
    limited = (
        "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_CPU, (20, 20));"
        "sys.argv = sys.argv[1:]; runpy.run_module('pipelines', run_name='__main__')"
    )
    endless = [*RUN, "--num-train-epochs", "100000"]
    done = subprocess.run(
        [sys.executable, "-c", limited, "bakeoff", "run", *endless, "--data", str(data_folder),
         "--output", str(tmp_path / "runs")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "broke down without a message of its own" in done.stderr
    assert str(tmp_path / "runs" / "log.txt") in done.stderr


def test_a_terminal_without_unicode_is_no_reason_to_stop() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "tasks"], capture_output=True, timeout=60, check=False,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_pipeline_cannot_be_written_nowhere(run_module: Command) -> None:
    done = run_module("pipelines", "compile", "--output", "/proc/none/p.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write")


def test_a_run_in_docker_says_when_no_engine_answers(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "run", "--runner", "docker",
         "--output", str(tmp_path / "runs")],
        capture_output=True, text=True, check=False,
        env=os.environ | {"DOCKER_HOST": "tcp://127.0.0.1:1"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: no Docker Engine answers (Connection refused): start it")
    assert done.stderr.count("\n") == 1


def test_an_unknown_runner_is_refused(run_module: Command) -> None:
    done = run_module("pipelines", "run", "--runner", "dokcer")
    assert done.returncode == 2
    assert "expected subprocess or docker; did you mean 'docker'?" in done.stderr


def test_sigterm_ends_a_training_that_can_be_gone_on_with(
    tokens_folder: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "components.train", "--tokens", str(tokens_folder),
        "--model", str(tmp_path / "model"), "--encoder", "scratch:bert-tiny",
        "--num-train-epochs", "10000",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any("step" in line for line in process.stdout)  # training began
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == STOPPED
    said = re.fullmatch(r"train: stopped by SIGTERM at step \d+; (.*)", errors.splitlines()[-1])
    checkpoints = tmp_path / "model.checkpoints"
    assert said
    assert said[1] == f"its checkpoint lies at {checkpoints}: the same command goes on from there"
    assert list(tmp_path.iterdir()) == [checkpoints]


def test_a_killed_training_leaves_no_model(tokens_folder: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    command = [
        sys.executable, "-m", "components.train", "--tokens", str(tokens_folder),
        "--model", str(model), "--encoder", "scratch:bert-tiny", "--num-train-epochs", "10000",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        assert any("step" in line for line in process.stdout)  # training began
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
    assert not model.exists()
    (partial,) = tmp_path.glob("model.partial-*")
    assert ".partial-" in partial.name
    evaluated = subprocess.run(
        [sys.executable, "-m", "components.evaluate", "--tokens", str(tokens_folder),
         "--model", str(partial), "--evaluation", str(tmp_path / "evaluation")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert evaluated.returncode == 2
    assert "it is not a finished model folder" in evaluated.stderr
