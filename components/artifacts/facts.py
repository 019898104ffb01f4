"""The facts that travel from step to step as JSON: one frozen record for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.storage.credentials import recordable


def _recordable(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns parameters without what signs the addresses among them."""
    return {
        name: recordable(value) if isinstance(value, str) and "://" in value else value
        for name, value in config.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthFacts:
    """How long the rows of a split are.

    Attributes:
        mean: Arithmetic mean.
        p50: Median.
        p95: 95th percentile.
        p99: 99th percentile.
        max: Longest row.
    """

    mean: float
    p50: float
    p95: float
    p99: float
    max: int

    @classmethod
    def of(cls, lengths: "np.ndarray[Any, Any]") -> "LengthFacts":
        """Summarises the lengths of a split's rows; all 0 for no rows."""
        if not len(lengths):
            return cls(mean=0.0, p50=0.0, p95=0.0, p99=0.0, max=0)
        p50, p95, p99 = (float(p) for p in np.percentile(lengths, [50, 95, 99]))
        return cls(mean=float(lengths.mean()), p50=p50, p95=p95, p99=p99, max=int(lengths.max()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFacts:
    """What one split of a data set holds, counted once when it is read.

    Attributes:
        rows: Rows used (after `train_samples`).
        rows_in_source: Rows in the file.
        dropped: Rows of the file that are none of the task's, by the reason why.
        label_counts: Rows of each label, in label order; empty when the split has no labels.
        characters: Length of text_a plus text_b in characters.
        duplicates: Rows that repeat an earlier row of this split (texts and label).
        contradictions: Rows whose texts occur in this split with another label too.
        leaked: Rows whose texts, in either order, also occur in the train rows used; 0 for train.
        control_characters: Rows that hold control characters, which the tokenizer removes.
        sha256: SHA-256 of the bytes of the source.
    """

    rows: int
    rows_in_source: int
    dropped: dict[str, int]
    label_counts: dict[str, int]
    characters: LengthFacts
    duplicates: int
    contradictions: int
    leaked: int
    control_characters: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """What a task's data is.

    Attributes:
        task_name: Name in the report's rows, e.g. `lcqmc`.
        labels: Every label, in the order of the classes.
        pair: True for sentence pairs, False for single sentences.
        splits: Facts of `train`, `dev` and, where there is one, `test`.
        digest: SHA-256 over the splits' digests: changes when any byte of the data changes.
        config: The task's resolved parameters.
    """

    task_name: str
    labels: tuple[str, ...]
    pair: bool
    splits: dict[str, SplitFacts]
    digest: str
    config: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", _recordable(self.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTokenFacts:
    """What tokenizing did to one split.

    Attributes:
        tokens: Length of the packed rows in tokens, special tokens included.
        truncated_share: Share of rows that lost tokens to `max_seq_length`.
        unknown_share: Share of the text's tokens that became the unknown token.
    """

    tokens: LengthFacts
    truncated_share: float
    unknown_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensFacts:
    """What a tokens folder holds.

    Attributes:
        data: The data set.
        splits: Facts of each tokenized split.
        vocab_size: Entries of the vocabulary.
        vocab_source: Where the vocabulary came from: a file, or the train texts.
        vocab_sha256: SHA-256 of `vocab.txt`.
        packing: How rows are packed: `bert` ([CLS] a [SEP] b [SEP]) or `xlnet` (a <sep> b <sep>
            <cls>).
        lowercase: Whether letters become lower case.
        lowercase_source: Who stated that.
        config: The resolved parameters of tokenize.
    """

    data: DataFacts
    splits: dict[str, SplitTokenFacts]
    vocab_size: int
    vocab_source: str
    vocab_sha256: str
    packing: str
    lowercase: bool
    lowercase_source: str
    config: dict[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", _recordable(self.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """The training loss at a step: mean over the steps since the point before.

    Attributes:
        step: Optimizer steps done.
        loss: Mean cross-entropy of the train batches, in nats.
        learning_rate: Step size of the last of these steps.
        gradient_norm: Mean over these steps of the gradient's global L2 norm, before clipping.
        encoder_gradient_norm: The same of the encoder alone: the classifier's gradient stays large
            when nothing reaches the encoder any more.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float
    encoder_gradient_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DevPoint:
    """The dev split measured at a step.

    Attributes:
        step: Optimizer steps done.
        accuracy: Share of dev rows predicted right.
        eval_loss: Mean cross-entropy over dev rows, in nats.
    """

    step: int
    accuracy: float
    eval_loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredFacts:
    """The proof that a checkpoint was loaded.

    Attributes:
        format: Format and architecture of the checkpoint.
        source: Where it was read from; for a hub repository with the commit.
        digest: SHA-256 over the names and bytes of its files.
        restored: Variables of the encoder whose values are the checkpoint's.
        expected: Variables that the encoder has.
        tensors_used: Tensors of the checkpoint that these were made of.
        tensors: Tensors that the checkpoint holds.
        initialised: Variables that got random or constant values instead, e.g. the classifier's.
        left_over: Names of the tensors that were not used, by the reason why.
    """

    format: str
    source: str
    digest: str
    restored: int
    expected: int
    tensors_used: int
    tensors: int
    initialised: tuple[str, ...]
    left_over: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """How a model came to be: `training.json`.

    Attributes:
        family: `albert`, `bert` or `xlnet`.
        encoder: The model argument it was started from.
        restored: What was loaded from a checkpoint; null for an encoder from scratch.
        encoder_config: Every number of the architecture.
        labels: Every label, in the order of the classifier's outputs.
        pair: True if it classifies pairs of texts, False if single ones.
        packing: How a row is packed: `bert` or `xlnet`.
        max_seq_length: Longest row in tokens that it was trained on.
        parameters: Trainable parameters of encoder and classifier.
        config: Every resolved parameter of train, the seed included.
        backend: Keras backend: `tensorflow`, `jax` or `torch`.
        train_examples: Rows trained on.
        planned_steps: int(examples / train_batch_size * num_train_epochs).
        global_step: Optimizer steps done; fewer than planned after early stopping.
        best_step: The step whose weights were kept: highest dev accuracy, then lowest dev loss; 0
            when training broke down before the first measurement.
        stop_reason: Why training ended before planned_steps; empty when it did not.
        diverged: Whether it ended because a loss was no longer a finite number.
        curve: Training loss over the steps.
        dev_curve: Dev accuracy and loss over the steps.
        seconds: Wall time of the whole step.
        train_seconds: Wall time of the optimizer steps alone.
        dev_seconds: Wall time of the dev evaluations.
        examples_per_second: Rows trained a second of `train_seconds`.
        steady_examples_per_second: The same without the first 10 steps, where there are more: in
            them graphs are made and memory is taken.
        real_tokens: Tokens of the rows trained on, padding not counted.
        computed_tokens: The same with padding.
        resumed_at: Steps that it was taken up at after an interruption; times are those of all
            processes together, save for what was done again.
        peak_memory_bytes: Largest resident memory of the process (host memory).
        accelerators: Accelerators that it was computed on; 0 without one.
        peak_accelerator_memory_bytes: Largest memory in use on the first of them; null without one,
            or where the backend does not tell.
        versions: Versions of Python and of the libraries that compute.
        hardware: Processor, cores, memory and accelerators.
    """

    family: str
    encoder: str
    restored: RestoredFacts | None
    encoder_config: dict[str, Any]
    labels: tuple[str, ...]
    pair: bool
    packing: str
    max_seq_length: int
    parameters: int
    config: dict[str, Any]
    backend: str
    train_examples: int
    planned_steps: int
    global_step: int
    best_step: int
    stop_reason: str
    diverged: bool
    curve: tuple[CurvePoint, ...]
    dev_curve: tuple[DevPoint, ...]
    seconds: float
    train_seconds: float
    dev_seconds: float
    examples_per_second: float
    steady_examples_per_second: float
    real_tokens: int
    computed_tokens: int
    resumed_at: tuple[int, ...]
    peak_memory_bytes: int
    accelerators: int
    peak_accelerator_memory_bytes: int | None
    versions: dict[str, str]
    hardware: dict[str, str]

    def __post_init__(self) -> None:
        told = _recordable({"encoder": self.encoder})
        object.__setattr__(self, "encoder", told["encoder"])
        object.__setattr__(self, "config", _recordable(self.config))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """How well one class is found.

    Attributes:
        rows: Rows of this class.
        precision: Right predictions of this class among all its predictions; 0 if never predicted.
        recall: Rows of this class predicted right; 0 if it has no rows.
        f1: Harmonic mean of precision and recall.
    """

    rows: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMetrics:
    """How a model does on one split.

    Attributes:
        rows: Rows measured.
        accuracy: Share predicted right.
        macro_f1: Mean of the classes' F1, each class weighing the same; classes that neither occur
            nor are predicted are left out.
        eval_loss: Mean cross-entropy over rows, in nats.
        loss: Unweighted mean of the means of consecutive batches of `eval_batch_size` rows: what
            the original code calls `loss`; differs from `eval_loss` when the last batch is short.
        majority_baseline: Accuracy of always answering the split's most frequent label.
        classes: Metrics of each label.
        confusion_matrix: Rows are true labels, columns predicted labels, in label order.
        examples_per_second: Rows predicted a second.
    """

    rows: int
    accuracy: float
    macro_f1: float
    eval_loss: float
    loss: float
    majority_baseline: float
    classes: dict[str, ClassMetrics]
    confusion_matrix: tuple[tuple[int, ...], ...]
    examples_per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCost:
    """What it takes to use a model.

    Attributes:
        weights_bytes: Size of its weights on disk.
        latency_p50_ms: Median milliseconds to predict one row alone, warm.
        latency_p95_ms: 95th percentile of the same.
        latency_rows: Rows that were timed.
    """

    weights_bytes: int
    latency_p50_ms: float
    latency_p95_ms: float
    latency_rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationFacts:
    """What an evaluation folder holds: the metrics and all that led to them.

    Attributes:
        metrics: Metrics of each split that has labels: `dev`, `test`.
        training: How the model came to be.
        tokens: The tokens and the data set it was measured on.
        cost: What it takes to use the model.
        config: Every resolved parameter of evaluate.
    """

    metrics: dict[str, SplitMetrics]
    training: TrainingFacts
    tokens: TokensFacts
    cost: PredictionCost
    config: dict[str, Any]
