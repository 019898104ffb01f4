"""The work of train: a tokens folder in, a model folder out."""

import dataclasses
import time
from pathlib import Path
from typing import Any

import keras

from components.artifacts.facts import TrainingFacts
from components.artifacts.model import LOGS, new_model_folder, write_model
from components.artifacts.tokens import Tokens, read_tokens
from components.encoders.build import build_classifier
from components.encoders.config import EncoderConfig
from components.encoders.rows import Rows
from components.train.checks import fitting_encoder, planned_steps
from components.train.config import TrainConfig
from components.train.curves import EventLog
from components.train.loop import Outcome, fine_tune
from components.train.machine import hardware, peak_memory_bytes, versions
from components.train.optimizer import build_optimizer
from components.train.progress import progress

DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

# XLA pays on JAX, where nothing runs without it; TensorFlow would compile every shape on the CPU.
JIT_COMPILE = {"tensorflow": False, "jax": True, "torch": False}


def train(
    tokens_path: Path, model_path: Path, encoder: str, config: TrainConfig, family: str = ""
) -> TrainingFacts:
    """Fine-tunes an encoder on the train split and keeps the weights that do best on dev.

    `family`, where given, is the family that the encoder must be of.

    Raises:
        InputError: The tokens cannot be read, the encoder does not exist or does not fit them, no
            optimizer step would be done, or `model_path` cannot be written.
    """
    started = time.monotonic()
    tokens = read_tokens(tokens_path)
    encoder_config = fitting_encoder(
        encoder, family, tokens.facts.vocab_size, max_seq_length(tokens)
    )
    train_rows, dev_rows = Rows(tokens.splits["train"]), Rows(tokens.splits["dev"])
    total_steps = planned_steps(len(train_rows), config)
    found_versions, found_hardware = versions(), hardware()
    with new_model_folder(model_path) as folder:
        model = _compiled_classifier(encoder_config, config, tokens, total_steps)
        log = EventLog(folder / LOGS)
        with progress(f"train {encoder_config.family}", total_steps) as reporter:
            outcome = fine_tune(
                model, train_rows, dev_rows, config, max_seq_length(tokens), total_steps,
                reporter, log,
            )  # fmt: skip
        log.close()
        facts = TrainingFacts(
            family=encoder_config.family,
            encoder=encoder,
            encoder_config=dataclasses.asdict(encoder_config),
            labels=tokens.facts.data.labels,
            parameters=model.count_params(),
            config=dataclasses.asdict(config),
            backend=keras.backend.backend(),
            train_examples=len(train_rows),
            planned_steps=total_steps,
            seconds=time.monotonic() - started,
            peak_memory_bytes=peak_memory_bytes(),
            versions=found_versions,
            hardware=found_hardware,
            **_outcome_facts(outcome),
        )
        write_model(folder, outcome.weights, facts, tokens)
    return facts


def max_seq_length(tokens: Tokens) -> int:
    """Returns the longest row that tokenize allowed."""
    return int(tokens.facts.config["max_seq_length"])


def _compiled_classifier(
    encoder_config: EncoderConfig, config: TrainConfig, tokens: Tokens, total_steps: int
) -> keras.Model:
    """Builds the classifier with seeded weights, ready to train at the config's precision."""
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(DTYPE_POLICIES[config.precision])
    try:
        model = build_classifier(encoder_config, len(tokens.facts.data.labels))
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(
        optimizer=build_optimizer(config, model.trainable_variables, total_steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=JIT_COMPILE[keras.backend.backend()],
    )
    return model


def _outcome_facts(outcome: Outcome) -> dict[str, Any]:
    fields = (f.name for f in dataclasses.fields(outcome) if f.name != "weights")
    return {name: getattr(outcome, name) for name in fields}
