"""What a run of the benchmark measures."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.speed.measurement import Case
from benchmarks.speed.peers import Peer, chosen_peers
from components.encoders.sizes import PREFIX, scratch_names
from components.errors import InputError

FEWER_PADDED = 5
"""Padded steps all do the same work, and much of it: so many times fewer of them suffice."""

LEAST_STEPS = 3
PADDED_WARM_UP_STEPS = 2

QUICK = {
    "models": ("bert-tiny", "albert-tiny"),
    "steps": LEAST_STEPS,
    "warm_up_steps": 2,
    "predict_rows": 64,
    "rounds": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeedConfig:
    """What a run of the benchmark measures.

    Attributes:
        models: Encoders, as `scratch:` names them: FAMILY-SIZE.
        batch_sizes: Rows of an optimizer step.
        peers: Names of peers or their beginnings, or `all`; empty = those of a usual run.
        steps: Optimizer steps that count, after the warm-up; padded peers do a fifth of them.
        warm_up_steps: First steps, which do not count; padded peers do 2.
        predict_rows: Rows to predict after the trainings of the first batch size; 0 = none; padded
            peers a fifth of them.
        predict_batch_size: Rows of a forward pass.
        rounds: How often the peers are measured, one after the other; medians are shown. Padded
            ones, whose steps are all alike, and prediction are measured in the first alone.
        quick: Tiny encoders and few steps: whether everything runs.
        seed: Of rows, weights, dropout and order in the first round; one more in each other round.
    """

    models: tuple[str, ...] = ("bert-base", "albert-base")
    batch_sizes: tuple[int, ...] = (16,)
    peers: tuple[str, ...] = ()
    steps: int = 20
    warm_up_steps: int = 10
    predict_rows: int = 320
    predict_batch_size: int = 64
    rounds: int = 2
    quick: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        chosen_peers(self.peers)
        for model in self.models:
            if PREFIX + model not in scratch_names():
                known = ", ".join(name.removeprefix(PREFIX) for name in scratch_names())
                raise InputError(f"no model is called {model!r}: choose of {known}")
        for name, least, value in (
            ("models", 1, len(self.models)),
            ("batch_sizes", 1, min(self.batch_sizes, default=0)),
            ("steps", 1, self.steps),
            ("warm_up_steps", 1, self.warm_up_steps),
            ("predict_rows", 0, self.predict_rows),
            ("predict_batch_size", 1, self.predict_batch_size),
            ("rounds", 1, self.rounds),
        ):
            if value < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")

    def as_asked(self) -> "SpeedConfig":
        """Returns the config of the run: `quick` replaces what takes long and nobody named."""
        if not self.quick:
            return self
        usual = SpeedConfig()
        changes = {k: v for k, v in QUICK.items() if getattr(self, k) == getattr(usual, k)}
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def of_rounds(self) -> "Iterator[tuple[SpeedConfig, list[Peer]]]":
        """Yields the config and the peers of each round."""
        peers = chosen_peers(self.peers)
        yield self, peers
        grouped = [peer for peer in peers if not peer.is_padded]
        for number in range(1, self.rounds):
            yield dataclasses.replace(self, seed=self.seed + number, predict_rows=0), grouped


def case_of(config: SpeedConfig, peer: Peer, model: str, batch_size: int) -> Case:
    """Returns what to measure of a peer."""
    steps, warm_up_steps = config.steps, config.warm_up_steps
    predict_rows = config.predict_rows if batch_size == config.batch_sizes[0] else 0
    if peer.is_padded:
        steps = max(min(steps, LEAST_STEPS), steps // FEWER_PADDED)
        warm_up_steps = min(warm_up_steps, PADDED_WARM_UP_STEPS)
        predict_rows = -(-predict_rows // FEWER_PADDED)
    return Case(
        encoder=PREFIX + model,
        backend=peer.backend,
        precision=peer.precision,
        compiled=peer.compiled,
        batch_size=batch_size,
        warm_up_steps=warm_up_steps,
        steps=steps,
        predict_rows=predict_rows,
        predict_batch_size=config.predict_batch_size,
        seed=config.seed,
    )
