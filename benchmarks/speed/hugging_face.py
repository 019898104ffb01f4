"""Hugging Face's `Trainer` and the sorted, dynamically padded prediction, in a child process.

Rows are padded to the longest of their batch and grouped by length; the optimizer is the fused
AdamW. Weights are random, of the sizes of the published models.

The batches are those that `group_by_length` makes of some thousand rows. It walks each pool of them
from long to short, so that the first steps are none like the rest: here they come shuffled.
"""

import importlib
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from transformers.trainer_pt_utils import get_length_grouped_indices

from benchmarks.speed.measurement import (
    LEARNING_RATE,
    WEIGHT_DECAY,
    Case,
    Measurement,
    Prediction,
    answer,
    measurement_of,
    training_of,
)
from benchmarks.speed.rows import (
    LABELS,
    TRIED_ORDERS,
    VOCAB_SIZE,
    Array,
    Row,
    draw,
    most_typical,
    vocabulary,
)
from components.encoders.config import EncoderConfig
from components.encoders.sizes import scratch_config


def classifier(encoder: str) -> Any:
    """Returns the classifier of an encoder from scratch, as its config on the hub would make it."""
    config = scratch_config(encoder, VOCAB_SIZE)
    sizes: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "intermediate_size": config.intermediate_size,
        "num_labels": len(LABELS),
    }
    if config.family == "bert":
        made = transformers.BertConfig(**sizes)
        return transformers.BertForSequenceClassification(made)
    return transformers.AlbertForSequenceClassification(_albert_config(config, sizes))


def _albert_config(config: EncoderConfig, sizes: dict[str, Any]) -> Any:
    """Returns albert-base-v2's config: its dropout is 0, its classifier's 0.1."""
    return transformers.AlbertConfig(
        **sizes,
        embedding_size=config.embedding_size,
        num_hidden_groups=config.num_hidden_groups,
        hidden_dropout_prob=config.hidden_dropout_prob,
        attention_probs_dropout_prob=config.attention_probs_dropout_prob,
        max_position_embeddings=config.max_position_embeddings,
    )


class Clock(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.ends: dict[int, float] = {}

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Waits for the step's work, which a GPU may still be doing."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends[state.global_step] = time.time()


class Collator:
    """Pads a batch to its longest row and counts the tokens."""

    def __init__(self) -> None:
        ids = {entry: index for index, entry in enumerate(vocabulary())}
        self._pad = transformers.DataCollatorWithPadding(transformers.BertTokenizer(vocab=ids))
        self.tokens: list[int] = []
        self.computed: list[int] = []

    def __call__(self, rows: Sequence[dict[str, Any]]) -> Any:
        """Returns a batch."""
        self.tokens.append(sum(len(row["input_ids"]) for row in rows))
        batch = self._pad(list(rows))
        self.computed.append(batch["input_ids"].numel())
        return batch

    def padding(self, steps: slice) -> float:
        """Returns the tokens computed by the tokens of the rows of some steps."""
        return sum(self.computed[steps]) / sum(self.tokens[steps])


def batches_of(lengths: Array, case: Case) -> Array:
    """Returns the rows of each batch of an epoch, int [batches, batch size].

    The first has the longest row, as `group_by_length` wants it; the others are shuffled.
    """
    generator = torch.Generator().manual_seed(case.seed)
    order = get_length_grouped_indices(lengths.tolist(), case.batch_size, generator=generator)
    first, *others = np.reshape(order, (-1, case.batch_size))
    epochs = [
        np.stack([first, *np.random.default_rng([case.seed, number]).permutation(others)])
        for number in range(TRIED_ORDERS)
    ]
    return epochs[most_typical(lengths, epochs, case.counted)]


class Trainer(transformers.Trainer):  # type: ignore[misc]
    """The library's, which takes the batches in another order."""

    def __init__(self, case: Case, **options: Any) -> None:
        super().__init__(**options)
        self._case = case

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        lengths = np.array([len(row["input_ids"]) for row in train_dataset or self.train_dataset])
        return batches_of(lengths, self._case).ravel().tolist()


def as_dicts(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Returns rows as a tokenizer gives them."""
    return [
        {
            "input_ids": row.input_ids.tolist(),
            "token_type_ids": row.token_type_ids.tolist(),
            "labels": row.label,
        }
        for row in rows
    ]


def arguments(case: Case, folder: str) -> Any:
    """Returns the Trainer's arguments: nothing but the training."""
    on_cpu = not torch.cuda.is_available()
    return transformers.TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=case.batch_size,
        max_steps=case.all_steps,
        train_sampling_strategy="group_by_length",
        learning_rate=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
        optim="adamw_torch_fused",
        bf16=case.precision == "bfloat16",
        torch_compile=case.compiled,
        use_cpu=on_cpu,
        dataloader_pin_memory=not on_cpu,
        disable_tqdm=True,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        seed=case.seed,
    )


def predict(model: Any, precision: str, collator: Collator, case: Case) -> Prediction:
    """Predicts rows sorted by length, as `pipeline(batch_size=…)` does with sorted inputs.

    The weights are cast to the precision, and stay so.
    """
    rows = as_dicts(sorted(draw(case.predict_rows, case.seed + 1), key=len))
    size = case.predict_batch_size
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    model.to(getattr(torch, precision)).eval()

    def logits(batch: list[dict[str, Any]]) -> Any:
        return model(**collator(batch).to(model.device)).logits.float().cpu().numpy()

    with torch.inference_mode():
        logits(batches[0]), logits(batches[-1])  # warm
        began = time.perf_counter()
        for batch in batches:
            logits(batch)
    seconds = time.perf_counter() - began
    return Prediction(precision=precision, rows_per_second=len(rows) / seconds)


def measure(case: Case) -> Measurement:
    """Trains the first steps of an epoch."""
    importlib.import_module("accelerate")  # the Trainer's own message is a page long
    transformers.set_seed(case.seed)
    clock, collator = Clock(), Collator()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            case,
            model=classifier(case.encoder),
            args=arguments(case, folder),
            data_collator=collator,
            train_dataset=as_dicts(draw(case.rows, case.seed, case.length)),
            callbacks=[clock],
        )
        trainer.train()
    tokens = dict(enumerate(collator.tokens, start=1))
    training = training_of(case, clock.ends, tokens, collator.padding(case.counted))
    # The Trainer compiles its own wrapper, not the model: that predicts like one not compiled.
    predicts = case.predict_rows and not case.compiled
    precisions = dict.fromkeys(("float32", case.precision)) if predicts else ()
    # Its training left the model computing by autocast, in bfloat16 whatever its weights are in.
    model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    predictions = [predict(model, name, collator, case) for name in precisions]
    return measurement_of(case, training, predictions)


if __name__ == "__main__":
    answer(measure)
