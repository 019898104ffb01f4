"""How fast pairs of texts become rows of tokens: `python -m benchmarks.tokenization`.

Prints rows a second of three ways, one after another in one run, in some two minutes:

- pure Python: google-research/bert's `tokenization.py` as transformers keeps it (Apache-2.0,
  `tokenization_bert_legacy.py`), then the loop of `run_classifier.py` that cuts and joins a pair;
- Hugging Face: `tokenizer(texts_a, texts_b, truncation=True)` on 1,000 rows at a time, as its
  examples do with `datasets.map`;
- ours: texts to Arrow columns, everything the step does between reading and writing. A tokenizer
  that has seen nothing yet, as in a step; and one that has seen the texts, as in later calls.

All must give the same rows. Texts are drawn with a seed: Chinese ones of single characters, with
the lengths that LCQMC's have, and English ones of invented words, frequent and rare as in Zipf's
law. The vocabulary is trained on them.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import transformers
from rich.console import Console
from rich.table import Table
from transformers.models.bert.tokenization_bert_legacy import BasicTokenizer, WordpieceTokenizer

from components.tokenization import TextTokenizer, train_tokenizer
from components.tokenization.wordpiece import MAX_INPUT_CHARS_PER_WORD, UNKNOWN
from components.train.machine import hardware

SEED = 42
ROWS = 200_000
SLOW_ROWS = {"pure Python": 4_000, "Hugging Face": 20_000}
MAX_SEQ_LENGTH = 128
VOCAB_SIZE = 21_128  # that of bert-base-chinese
HF_BATCH = 1_000
REPEATS = 3

Array = np.ndarray[Any, Any]
Row = tuple[list[int], list[int]]
"""`input_ids` and `token_type_ids`."""


def zipf(generator: np.random.Generator, entries: Sequence[str], size: int) -> Array:
    """Draws entries, the earlier ones more often."""
    weights = 1 / (np.arange(len(entries)) + 10)
    return generator.choice(np.array(entries), size, p=weights / weights.sum())


def split_up(parts: Array, lengths: Array, joint: str) -> list[str]:
    """Joins as many parts a text as `lengths` says."""
    ends = np.cumsum(lengths)
    return [joint.join(parts[start:end]) for start, end in zip(ends - lengths, ends, strict=True)]


def chinese(generator: np.random.Generator, rows: int) -> list[list[str]]:
    """Draws pairs whose rows have LCQMC's lengths: mean 28 tokens, p50 27, p99 about 50."""
    entries = [*"，？的a1。", *map(chr, generator.permutation(np.arange(0x4E00, 0x4E00 + 4000)))]
    pair = np.clip(np.rint(generator.gamma(9.5, 25 / 9.5, rows)), 4, 72)
    a = np.rint(pair * np.clip(generator.normal(0.5, 0.06, rows), 0.25, 0.75)).astype(int)
    return [
        split_up(zipf(generator, entries, lengths.sum()), lengths, "")
        for lengths in (a, pair.astype(int) - a)
    ]


def english(generator: np.random.Generator, rows: int) -> list[list[str]]:
    """Draws pairs of 5 to 15 invented words each, the first one capitalized."""
    syllables = [c + v + e for c in "bdfklmnprst" for v in "aeiou" for e in ("", "n", "r", "st")]
    words = sorted({"".join(generator.choice(syllables, size=2 + i % 3)) for i in range(20_000)})
    words = generator.permutation(words).tolist()
    columns = []
    for _ in range(2):
        lengths = generator.integers(5, 16, rows)
        texts = split_up(zipf(generator, words, lengths.sum()), lengths, " ")
        columns.append([f"{text.capitalize()}?" for text in texts])
    return columns


def pure_python(tokenizer: TextTokenizer) -> Callable[[list[str], list[str]], list[Row]]:
    """Returns the original's way."""
    vocab = {entry: index for index, entry in enumerate(tokenizer.entries)}
    basic = BasicTokenizer(do_lower_case=True)
    wordpiece = WordpieceTokenizer(vocab, UNKNOWN, MAX_INPUT_CHARS_PER_WORD)

    def tokens(text: str) -> list[str]:
        return [piece for word in basic.tokenize(text) for piece in wordpiece.tokenize(word)]

    def row(text_a: str, text_b: str) -> Row:
        tokens_a, tokens_b = tokens(text_a), tokens(text_b)
        while len(tokens_a) + len(tokens_b) > MAX_SEQ_LENGTH - 3:
            (tokens_a if len(tokens_a) > len(tokens_b) else tokens_b).pop()
        joined = ["[CLS]", *tokens_a, "[SEP]", *tokens_b, "[SEP]"]
        segments = [0] * (len(tokens_a) + 2) + [1] * (len(tokens_b) + 1)
        return [vocab[token] for token in joined], segments

    return lambda texts_a, texts_b: list(map(row, texts_a, texts_b))


def hugging_face(tokenizer: TextTokenizer) -> Callable[[list[str], list[str]], list[Row]]:
    """Returns the way of Hugging Face's examples."""
    vocab = {entry: index for index, entry in enumerate(tokenizer.entries)}
    theirs = transformers.BertTokenizer(vocab=vocab, model_max_length=MAX_SEQ_LENGTH)

    def rows(texts_a: list[str], texts_b: list[str]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(texts_a), HF_BATCH):
            part = slice(start, start + HF_BATCH)
            batch = theirs(texts_a[part], texts_b[part], truncation=True)
            found += zip(batch["input_ids"], batch["token_type_ids"], strict=True)
        return found

    return rows


def fresh(tokenizer: TextTokenizer) -> TextTokenizer:
    """Returns the same tokenizer, which has seen no text."""
    return TextTokenizer.of(tokenizer.tokenizer_json, "bert", source="", lowercase_source="")


def table_of(tokenizer: TextTokenizer, texts_a: list[str], texts_b: list[str]) -> pa.Table:
    """Returns our rows as the step writes them."""
    found = tokenizer.rows(texts_a, texts_b, MAX_SEQ_LENGTH)
    return pa.concat_tables(pa.table(part.columns()) for part in found)


def rows_a_second(action: Callable[[], object], rows: int) -> float:
    """Returns the best of some repetitions."""
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - began)
    return rows / min(seconds)


def measured(tokenizer: TextTokenizer, texts_a: list[str], texts_b: list[str]) -> dict[str, float]:
    """Returns the rows a second of each way, after checking that all give the same."""
    speeds, results = {}, []
    for (name, rows), way in zip(SLOW_ROWS.items(), (pure_python, hugging_face), strict=True):
        function, few = way(tokenizer), (texts_a[:rows], texts_b[:rows])
        results.append(function(*few))
        speeds[name] = rows_a_second(lambda f=function, few=few: f(*few), rows)  # type: ignore[misc]
    unused = iter([fresh(tokenizer) for _ in range(REPEATS)])
    speeds["ours, first time"] = rows_a_second(
        lambda: table_of(next(unused), texts_a, texts_b), len(texts_a)
    )
    ours = table_of(tokenizer, texts_a, texts_b)
    speeds["ours"] = rows_a_second(lambda: table_of(tokenizer, texts_a, texts_b), len(texts_a))
    for result in results:
        few = ours.slice(0, len(result)).to_pydict()
        if result != list(zip(few["input_ids"], few["token_type_ids"], strict=True)):
            raise AssertionError("the ways give different rows")
    return speeds


def main() -> None:
    """Prints the table."""
    machine = hardware()
    table = Table(title=f"Tokenization, {machine['processor']}, {machine['cores']} cores")
    for column in ("texts", "way", "rows/s", "µs a row", "× pure Python"):
        table.add_column(column, justify="left" if column in ("texts", "way") else "right")
    for name, drawn in (("Chinese, LCQMC's lengths", chinese), ("English", english)):
        texts_a, texts_b = drawn(np.random.default_rng(SEED), ROWS)
        tokenizer = train_tokenizer([*texts_a, *texts_b], VOCAB_SIZE, None)
        speeds = measured(tokenizer, texts_a, texts_b)
        for way, speed in speeds.items():
            table.add_row(
                name, way, f"{speed:,.0f}", f"{1e6 / speed:.2f}",
                f"{speed / speeds['pure Python']:.1f}",
            )  # fmt: skip
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
