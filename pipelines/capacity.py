"""How many trainings fit on this machine at once."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from components.encoders.checkpoints.argument import Encoder
from components.train.config import TrainConfig
from components.train.memory import GIB, free_bytes, memory_budget
from pipelines.settings import DOCKER, Settings

LIBRARIES_BYTES = GIB
CORES_PER_TRAINING = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What there is room for.

    Attributes:
        at_once: Trainings at once.
        sentence: How many run at once, and why.
    """

    at_once: int
    sentence: str


def training_bytes(encoder: Encoder, config: TrainConfig, max_seq_length: int, vocab: int) -> int:
    """Estimates the memory of a training on the processor, the best weights so far included.

    Args:
        encoder: What is trained.
        config: How.
        max_seq_length: Longest row in tokens; a batch is taken to be full of such rows.
        vocab: Entries of the vocabulary of an encoder from scratch.
    """
    sizes = encoder.config
    if not encoder.checkpoint:
        sizes = replace(sizes, vocab_size=vocab)
    budget = memory_budget(sizes, config, max_seq_length)
    return LIBRARIES_BYTES + budget.total + budget.weights


def room_for(settings: Settings, encoders: Sequence[Encoder], runs: int) -> Room:
    """Decides how many trainings of a leaderboard run at once on this machine.

    Trainings on a GPU run one after the other, as the first takes all of its memory.
    """
    largest = max(
        training_bytes(
            encoder, settings.train, settings.tokenize.max_seq_length, settings.tokenize.vocab_size
        )
        for encoder in encoders
    )
    return decided(settings.run.parallel, runs, cores(), free_bytes(), largest, _on_gpu(settings))


def decided(parallel: int, runs: int, cores: int, free: int, largest: int, on_gpu: bool) -> Room:
    """Returns the decision and its reason; bytes are of memory."""
    if parallel:
        at_once, why = parallel, "as --parallel says"
    elif on_gpu:
        at_once, why = 1, "they share the GPU; --parallel N if its memory suffices"
    else:
        at_once = max(1, min(cores // CORES_PER_TRAINING, free // largest))
        why = (
            f"{cores} cores, {free / GIB:.1f} GiB of memory free, about {largest / GIB:.1f} GiB "
            "for the largest"
        )
    at_once = min(at_once, runs)
    return Room(at_once=at_once, sentence=f"{runs} runs, {at_once} at once ({why})")


def _on_gpu(settings: Settings) -> bool:
    if settings.run.runner == DOCKER:
        return settings.docker.gpus != 0
    return any(Path("/dev").glob("nvidia[0-9]*"))


def cores() -> int:
    """Returns the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
