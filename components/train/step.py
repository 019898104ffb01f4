"""The work of train: a tokens folder in, a model folder out."""

import dataclasses
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras

from components.artifacts.facts import RestoredFacts, TrainingFacts
from components.artifacts.model import LOGS, new_model_folder, write_model
from components.artifacts.tokens import TRAINED_COLUMNS, Tokens, read_tokens, rows_digest
from components.encoders.build import build_classifier
from components.encoders.checkpoints.argument import Encoder
from components.encoders.checkpoints.restore import restored
from components.encoders.config import EncoderConfig
from components.encoders.rows import Rows
from components.errors import EnvironmentTrouble, InputError
from components.train.backends import Backend, current_backend
from components.train.checkpoint_place import CheckpointPlace, training_identity
from components.train.checkpoints import Checkpoints, Found
from components.train.checks import check_devices, fitting_encoder, planned_steps
from components.train.config import TrainConfig
from components.train.curves import EventLog
from components.train.loop import Outcome, Setup, fine_tune
from components.train.machine import hardware, peak_memory_bytes, versions
from components.train.memory import free_bytes, memory_budget, shortage, what_to_do
from components.train.nodes import agree_on
from components.train.progress import progress

DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def train(
    tokens_path: Path,
    model_path: Path,
    encoder: str,
    config: TrainConfig,
    family: str = "",
    encoder_digest: str = "",
    checkpoint_place: CheckpointPlace | None = None,
) -> TrainingFacts:
    """Fine-tunes an encoder on the train split and keeps the weights that do best on dev.

    Args:
        tokens_path: Tokens folder to read.
        model_path: Model folder to write.
        encoder: Model argument of the encoder.
        config: How to train.
        family: The family that the encoder must be of; empty for any.
        encoder_digest: Digest of its checkpoint, where that must not have changed.
        checkpoint_place: Where the training is saved, and from where it goes on; None for neither.

    Returns:
        The facts that it wrote.

    Raises:
        InputError: The tokens cannot be read, the encoder does not exist or does not fit them, no
            optimizer step would be done, `model_path` cannot be written, or there are checkpoints
            of another training.
        SystemExit: Somebody stopped it, and it was saved.
    """
    started = time.monotonic()
    backend = current_backend()
    check_devices(config, backend.device_count())
    tokens = read_tokens(tokens_path, splits=("train", "dev"), columns=TRAINED_COLUMNS)
    chosen = fitting_encoder(
        encoder,
        family,
        tokens.facts.vocab_size,
        max_seq_length(tokens),
        encoder_digest,
        tokens.facts.packing,
    )
    train_rows, dev_rows = Rows(tokens.splits["train"]), Rows(tokens.splits["dev"])
    total_steps = planned_steps(len(train_rows), config)
    memory = Memory(
        encoder=chosen.config,
        config=dataclasses.replace(config, backend=keras.backend.backend()),
        longest_row=int(train_rows.lengths.max()),
        devices=backend.device_count(),
        accelerated=bool(backend.device_names()),
    )
    print(f"train: {memory_budget(*memory)}", flush=True)
    if warning := shortage(*memory, free_bytes()):
        print(f"train: warning: {warning}", file=sys.stderr, flush=True)
    machine = Machine(versions(), hardware())
    checkpoints, found = _opened(checkpoint_place, chosen, memory.config, tokens_path, tokens)
    started -= found.history.seconds if found else 0.0
    with new_model_folder(model_path) as folder, backend.on_all_devices(), _sufficient(memory):
        model, loaded = _classifier(chosen, config, tokens)
        setup = Setup(
            model=model,
            train_rows=train_rows,
            dev_rows=dev_rows,
            config=config,
            max_seq_length=max_seq_length(tokens),
            total_steps=total_steps,
            started=started,
        )
        outcome = _trained(setup, chosen.config.family, folder / LOGS, checkpoints, found)
        facts = _facts(setup, chosen, loaded, tokens, machine, outcome)
        write_model(folder, outcome.weights, facts, tokens)
    if checkpoints and checkpoint_place and checkpoint_place.passing:
        checkpoints.remove()
    return facts


class Machine(NamedTuple):
    """What computed; asked before training, as the answer takes a moment."""

    versions: dict[str, str]
    hardware: dict[str, str]


def _opened(
    place: CheckpointPlace | None,
    encoder: Encoder,
    config: TrainConfig,
    tokens_path: Path,
    tokens: Tokens,
) -> tuple[Checkpoints | None, Found | None]:
    """Returns where this process saves the training, and the checkpoint that it goes on from."""
    if not place:
        return None, None
    rows = rows_digest(tokens_path, tokens.splits)
    identity = training_identity(encoder, config, rows, tokens.facts)
    try:
        checkpoints = Checkpoints(place.of(identity), identity, versions())
    except InputError as error:
        if not place.usual or isinstance(error, EnvironmentTrouble):
            raise
        print(f"train: no checkpoints: {error}; training goes on without", flush=True)
        return None, None
    found = checkpoints.latest()
    agree_on(found.history.step if found else 0)
    return checkpoints if place.writable else None, found


def _trained(
    setup: Setup, family: str, logs: Path, checkpoints: Checkpoints | None, found: Found | None
) -> Outcome:
    done = found.history.step if found else 0
    if found:
        print(f"train: resumed at step {done} from {found.folder}", flush=True)
    with (
        closing(EventLog(logs, found.logs if found else None)) as log,
        progress(f"train {family}", setup.total_steps, done) as reporter,
    ):
        try:
            return fine_tune(setup, reporter, log, checkpoints, found)
        finally:
            if checkpoints:
                checkpoints.wait()


def _facts(
    setup: Setup,
    encoder: Encoder,
    restored: RestoredFacts | None,
    tokens: Tokens,
    machine: Machine,
    outcome: Outcome,
) -> TrainingFacts:
    backend = current_backend()
    return TrainingFacts(
        family=encoder.config.family,
        encoder=encoder.argument,
        restored=restored,
        encoder_config=dataclasses.asdict(encoder.config),
        labels=tokens.facts.data.labels,
        pair=tokens.facts.data.pair,
        packing=tokens.facts.packing,
        max_seq_length=setup.max_seq_length,
        parameters=setup.model.count_params(),
        config=dataclasses.asdict(setup.config),
        backend=keras.backend.backend(),
        train_examples=len(setup.train_rows),
        planned_steps=setup.total_steps,
        seconds=time.monotonic() - setup.started,
        peak_memory_bytes=peak_memory_bytes(),
        accelerators=len(backend.device_names()),
        peak_accelerator_memory_bytes=_peak_accelerator_memory_bytes(backend),
        **machine._asdict(),
        **_outcome_facts(outcome),
    )


def max_seq_length(tokens: Tokens) -> int:
    """Returns the longest row that tokenize allowed."""
    return int(tokens.facts.config["max_seq_length"])


class Memory(NamedTuple):
    """What decides of the memory of a training; the arguments of `memory_budget`."""

    encoder: EncoderConfig
    config: TrainConfig
    longest_row: int
    devices: int
    accelerated: bool


@contextmanager
def _sufficient(memory: Memory) -> Iterator[None]:
    """Says what to do where memory does not suffice."""
    try:
        yield
    except Exception as error:
        if not current_backend().is_out_of_memory(error):
            raise
        config = memory.config
        parts = config.gradient_accumulation_steps
        raise EnvironmentTrouble(
            f"memory did not suffice: this training wants {memory_budget(*memory)}, with "
            f"train_batch_size {config.train_batch_size} in {parts} part{'s' * (parts > 1)}, "
            f"rows of up to {memory.longest_row} tokens and precision {config.precision}; "
            f"{what_to_do(*memory)}"
        ) from None


def _peak_accelerator_memory_bytes(backend: Backend) -> int | None:
    return backend.peak_memory_bytes() if backend.device_names() else None


def _classifier(
    encoder: Encoder, config: TrainConfig, tokens: Tokens
) -> tuple[keras.Model, RestoredFacts | None]:
    """Builds the classifier, ready to train at the config's precision.

    Its weights are the checkpoint's, else seeded ones; also what was restored is returned.
    """
    current_backend().set_seed(config.seed)
    keras.config.set_dtype_policy(DTYPE_POLICIES[config.precision])
    labels = len(tokens.facts.data.labels)
    build = partial(build_classifier, encoder.config, labels, remat=config.remat)
    try:
        if encoder.checkpoint:
            model, facts = restored(build, encoder.checkpoint)
        else:
            model, facts = build(), None
    finally:
        keras.config.set_dtype_policy("float32")
    if facts:
        print(f"train: {_account(facts)}", flush=True)
    return model, facts


def _account(facts: RestoredFacts) -> str:
    left_over = sum(map(len, facts.left_over.values()))
    return (
        f"{facts.restored} of {facts.expected} variables of the encoder restored from "
        f"{facts.format} {facts.source}; {len(facts.initialised)} initialised "
        f"({', '.join(facts.initialised)}); {left_over} of {facts.tensors} tensors not used"
    )


def _outcome_facts(outcome: Outcome) -> dict[str, Any]:
    fields = (f.name for f in dataclasses.fields(outcome) if f.name != "weights")
    return {name: getattr(outcome, name) for name in fields}
