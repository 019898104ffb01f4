"""Does what makes training fast change what is learned? `python -m benchmarks.same_accuracy`.

Encoders from scratch, several seeds each: ours (rows as long as the longest
of their batch, batches of like lengths, the last layer for one token, cheap dropout, one fused
update) beside keras-hub's classifier of the same architecture on rows padded to 128 in fully random
order, with its own dropout and Keras' AdamW. Same steps, schedule, decay and clipping; the accuracy
on test is that of the last step. Needs `make benchmark` once, which installs keras-hub.

The built-in sample is nearly learnt by heart, where all ways are alike; `--task lcqmc --data FOLDER
--vocab-file vocab.txt --train-samples 2000` takes a harder one.
"""

import importlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ttest_ind

from benchmarks.speed.measurement import PADDED_LENGTH
from benchmarks.speed.tables import markdown_table
from components.artifacts.tokens import Tokens, read_tokens
from components.encoders.quiet import import_keras_quietly
from components.encoders.rows import Rows
from components.encoders.sizes import scratch_config
from components.errors import InputError
from components.flags import run_command
from components.tasks import TaskConfig
from components.tokenize.config import TokenizeConfig
from components.tokenize.step import tokenize
from components.train.batches import step_count
from components.train.config import TrainConfig

CONFIDENCE = 0.95

Array = np.ndarray[Any, Any]
Train = Callable[[str, Path, TrainConfig], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyConfig:
    """What is trained.

    Attributes:
        encoders: Model arguments of encoders from scratch.
        seeds: Of initial weights, dropout and order; each way trains once with each.
        epochs: Passes over the train rows.
        learning_rate: Peak step size.
    """

    encoders: tuple[str, ...] = ("scratch:bert-tiny", "scratch:albert-tiny")
    seeds: tuple[int, ...] = (1, 2, 3, 4, 5)
    epochs: float = 16.0
    learning_rate: float = 3e-4

    def __post_init__(self) -> None:
        if len(self.seeds) < 2:
            raise InputError(f"seeds must be at least 2 numbers, got {list(self.seeds)}")


def ours(encoder: str, tokens_path: Path, config: TrainConfig) -> float:
    """Trains as the step does; returns the accuracy on test of the last step."""
    from components.artifacts.model import read_model
    from components.encoders.forward import forward_of
    from components.encoders.predict import predict_logits
    from components.encoders.trained import load_classifier
    from components.train.step import train

    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        facts = train(tokens_path, model, encoder, config)
        assert facts.best_step == facts.global_step  # dev is measured at the last step alone
        forward = forward_of(load_classifier(read_model(model)))
    rows = Rows(read_tokens(tokens_path, splits=("test",)).splits["test"])
    logits = predict_logits(forward, rows, config.predict_batch_size, PADDED_LENGTH)
    return float((logits.argmax(axis=1) == rows.labels).mean())


def plain(encoder: str, tokens_path: Path, config: TrainConfig) -> float:
    """Trains keras-hub's classifier on padded rows in random order; returns the same."""
    import keras

    keras.utils.set_random_seed(config.seed)
    tokens = read_tokens(tokens_path, splits=("train", "test"))
    train, test = (padded(Rows(tokens.splits[split])) for split in ("train", "test"))
    model = _keras_hub_classifier(encoder, tokens)
    steps = step_count(len(train[1]), config.train_batch_size, config.num_train_epochs)
    _compile(model, config, steps)
    generator, order = np.random.default_rng(config.seed), np.empty(0, int)
    for _ in range(steps):
        if len(order) < config.train_batch_size:
            order = np.concatenate([order, generator.permutation(len(train[1]))])
        chosen, order = np.split(order, [config.train_batch_size])
        model.train_on_batch({k: v[chosen] for k, v in train[0].items()}, train[1][chosen])
    logits = model.predict(test[0], batch_size=config.predict_batch_size, verbose=0)
    return float((logits.argmax(axis=1) == test[1]).mean())


def padded(rows: Rows) -> tuple[dict[str, Array], Array]:
    """Returns all rows padded to 128 tokens by keras-hub's names, and their labels."""
    inputs = rows.inputs(np.arange(len(rows)), PADDED_LENGTH)
    width = PADDED_LENGTH - inputs["input_ids"].shape[1]
    names = {"token_ids": "input_ids", "segment_ids": "token_type_ids",
             "padding_mask": "attention_mask"}  # fmt: skip
    return {
        theirs: np.pad(inputs[name], ((0, 0), (0, width))) for theirs, name in names.items()
    }, rows.labels


def _keras_hub_classifier(encoder: str, tokens: Tokens) -> Any:
    from benchmarks.speed.keras_hub_fit import classifier

    keras_hub = importlib.import_module("keras_hub")
    return classifier(keras_hub, scratch_config(encoder, tokens.facts.vocab_size))


def _compile(model: Any, config: TrainConfig, steps: int) -> None:
    """Gives a model Keras' AdamW with the recipe's schedule, decay and clipping."""
    import keras

    from components.train.optimizer import EPSILON, GLOBAL_CLIPNORM, NOT_DECAYED, learning_rate

    rates = np.array([learning_rate(config, step, steps) for step in range(steps)], np.float32)

    class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return keras.ops.take(rates, keras.ops.cast(step, "int32"))

        def get_config(self) -> dict[str, Any]:
            return {}

    optimizer = keras.optimizers.AdamW(
        Schedule(), weight_decay=config.weight_decay, epsilon=EPSILON,
        global_clipnorm=GLOBAL_CLIPNORM,
    )  # fmt: skip
    optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=False)


WAYS: dict[str, Train] = {"ours": ours, "plain, padded": plain}


def accuracies_of(
    encoder: str, tokens: Path, config: AccuracyConfig
) -> tuple[list[float], list[float]]:
    """Trains an encoder both ways with every seed."""
    found: tuple[list[float], list[float]] = ([], [])
    for seed in config.seeds:
        train = TrainConfig(
            learning_rate=config.learning_rate, num_train_epochs=config.epochs, seed=seed,
            save_checkpoints_steps=10**9,
        )  # fmt: skip
        for accuracies, way in zip(found, WAYS.values(), strict=True):
            accuracies.append(way(encoder, tokens, train))
        newest = ", ".join(f"{name} {a[-1]:.4f}" for name, a in zip(WAYS, found, strict=True))
        print(f"{encoder}, seed {seed}: {newest}", file=sys.stderr, flush=True)
    return found


def row(encoder: str, first: Sequence[float], second: Sequence[float]) -> list[str]:
    """Returns the cells of an encoder: each way's mean and spread in points, and the difference.

    With that its confidence interval by Welch's t: the ways' spreads need not be the same.
    """
    ways = [100 * np.array(accuracies) for accuracies in (first, second)]
    cells = [f"{way.mean():.2f} ± {way.std(ddof=1):.2f}" for way in ways]
    interval = ttest_ind(*ways, equal_var=False).confidence_interval(CONFIDENCE)
    difference = ways[0].mean() - ways[1].mean()
    return [encoder, *cells, f"{difference:+.2f} ({interval.low:+.2f} to {interval.high:+.2f})"]


def main(config: AccuracyConfig, task: TaskConfig, tokenizing: TokenizeConfig) -> None:
    """Trains everything and prints a table."""
    import_keras_quietly()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens"
        tokenize(task, tokenizing, tokens)
        for encoder in config.encoders:
            rows.append(row(encoder, *accuracies_of(encoder, tokens, config)))
    difference = f"ours less plain ({CONFIDENCE:.0%} interval)"
    header = [f"accuracy on test, points, {len(config.seeds)} seeds", *WAYS, difference]
    print("\n".join(markdown_table(header, rows)))


if __name__ == "__main__":
    run_command(main)
