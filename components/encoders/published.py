"""What others published of these encoders: accuracies, pre-training, the reference experiment."""

from dataclasses import dataclass

ACCURACY_COLUMNS = (("lcqmc", "dev"), ("lcqmc", "test"), ("xnli", "dev"), ("xnli", "test"))
"""Task and split of each column of `ACCURACIES`."""

ALBERT_ZH = "README of https://github.com/brightmart/albert_zh"
BERT_WWM = "README of https://github.com/ymcui/Chinese-BERT-wwm"
CHINESE_GLUE = "README of https://github.com/ChineseGLUE/ChineseGLUE"
MACBERT = "README of https://github.com/ymcui/MacBERT"

Cell = tuple[float, ...]
"""Nothing, the best accuracy, or the best and the mean of 10 runs, in per cent."""

# Each row: where it was published, then a cell for each of ACCURACY_COLUMNS.
ACCURACIES: dict[str, tuple[str, Cell, Cell, Cell, Cell]] = {
    "BERT": (MACBERT, (89.4, 88.4), (86.9, 86.4), (77.8, 77.4), (77.8, 77.5)),
    "ERNIE": (BERT_WWM, (89.8, 89.6), (87.2, 87.0), (79.7, 79.4), (78.6, 78.2)),
    "BERT-wwm": (MACBERT, (89.4, 89.2), (87.0, 86.8), (79.0, 78.4), (78.2, 78.0)),
    "BERT-wwm-ext": (MACBERT, (89.6, 89.2), (87.1, 86.6), (79.4, 78.6), (78.7, 78.3)),
    "XLNet": (f"{CHINESE_GLUE}; XNLI: {ALBERT_ZH}", (86.14,), (85.98,), (79.2,), (78.7,)),
    "RoBERTa-zh-base": (ALBERT_ZH, (88.7,), (87.0,), (79.8,), (78.8,)),
    "RoBERTa-zh-Large": (ALBERT_ZH, (89.9, 89.6), (87.2, 86.7), (80.2, 80.0), (79.9, 79.5)),
    "RoBERTa-zh-Large (20w_steps)": (ALBERT_ZH, (89.7,), (87.0,), (), ()),
    "RoBERTa-wwm-ext": (MACBERT, (89.0, 88.7), (86.4, 86.1), (80.0, 79.2), (78.8, 78.3)),
    "RoBERTa-wwm-ext-large": (MACBERT, (90.4, 90.0), (87.0, 86.8), (82.1, 81.3), (81.2, 80.6)),
    "MacBERT-base": (MACBERT, (89.5, 89.3), (87.0, 86.5), (80.3, 79.7), (79.3, 78.8)),
    "MacBERT-large": (MACBERT, (90.6, 90.3), (87.6, 87.1), (82.4, 81.8), (81.3, 80.6)),
    "ALBERT-tiny": (ALBERT_ZH, (), (85.4,), (), ()),
    "ALBERT-small": (ALBERT_ZH, (), (86.0,), (), ()),
    "ALBERT-base": (ALBERT_ZH, (87.2,), (86.3,), (77.0,), (77.1,)),
    "ALBERT-base, additional 36k steps": (ALBERT_ZH, (87.8,), (86.3,), (), ()),
    "ALBERT-large": (ALBERT_ZH, (88.7,), (87.1,), (78.0,), (77.5,)),
    "ALBERT-xlarge": (ALBERT_ZH, (87.3,), (87.7,), (), ()),
    "ALBERT-xxlarge": (ALBERT_ZH, (), (), (), ()),
}
"""The rows of the published tables, under the names they have there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A published accuracy.

    Attributes:
        task: `lcqmc` or `xnli`.
        split: `dev` or `test`.
        max: Best of the runs, in per cent.
        mean: Mean of 10 runs, in per cent; None = not published.
        source: Where it was published.
    """

    task: str
    split: str
    max: float
    mean: float | None
    source: str

    def __str__(self) -> str:
        return f"{self.max}" if self.mean is None else f"{self.max} ({self.mean})"


def results_of(row: str) -> tuple[Result, ...]:
    """Returns the accuracies of a row of `ACCURACIES`; none for the empty name."""
    if not row:
        return ()
    source, *cells = ACCURACIES[row]
    return tuple(
        Result(task=task, split=split, max=cell[0], mean=(*cell[1:], None)[0], source=source)
        for (task, split), cell in zip(ACCURACY_COLUMNS, cells, strict=True)
        if cell
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pretraining:
    """Figures of a pre-training.

    Attributes:
        masked_lm_accuracy: Share of masked tokens that are predicted, in per cent; None = not
            published.
        sentence_order_accuracy: Accuracy of sentence order prediction, in per cent; None = not
            published.
        hours: How long it took, or was estimated to take, on a TPU v3-256.
        estimated: Whether `hours` is an estimate.
        loss: Evaluation loss; None = not published.
        source: Where they were published.
    """

    masked_lm_accuracy: float | None
    sentence_order_accuracy: float | None
    hours: float
    estimated: bool
    loss: float | None
    source: str = ALBERT_ZH


PRETRAINING = {
    name: Pretraining(
        masked_lm_accuracy=masked_lm,
        sentence_order_accuracy=sentence_order,
        hours=hours,
        estimated=loss is None,
        loss=loss,
    )
    for name, masked_lm, sentence_order, hours, loss in (
        ("albert_zh_base", 79.1, 99.0, 6, 1.01),
        ("albert_zh_large", 80.9, 98.6, 22.5, 0.93),
        ("albert_zh_xlarge", None, None, 53, None),
        ("albert_zh_xxlarge", None, None, 106, None),
    )
}
"""Pre-training of albert_zh's own models, under the names they have there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRun:
    """A run of the reference experiment.

    20,000 pairs of LCQMC, max_seq_length 128, batches of 16, 3 epochs, one RTX 2080 Ti of 11 GB.

    Attributes:
        name: Its row: encoder and task.
        global_step: Optimizer steps.
        eval_accuracy: Accuracy, as a share.
        eval_loss: Mean loss over the examples.
        loss: Unweighted mean of the batches' mean losses.
        train_samples: Training rows, as the table rounds them.
    """

    name: str
    global_step: int
    eval_accuracy: float
    eval_loss: float
    loss: float
    train_samples: int


REFERENCE_EXPERIMENT = tuple(
    ReferenceRun(
        name=name,
        global_step=3749,
        eval_accuracy=accuracy,
        eval_loss=loss,
        loss=loss,
        train_samples=20_000,
    )
    for name, accuracy, loss in (
        ("ALBert_LCQMC", 0.83, 0.41),
        ("Bert_LCQMC", 0.51, 0.79),  # no better than chance: it learned nothing
    )
)
