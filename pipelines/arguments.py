"""The arguments of a pipeline: found from the settings, after checking what can be checked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.artifacts.folder import sha256_of
from components.encoders.checkpoints.argument import Encoder, tokenizer_of
from components.encoders.digest import with_digest
from components.storage import fetch
from components.tasks import load_task
from components.tokenization import read_tokenizer
from components.tokenize.config import TokenizeConfig
from components.train.checks import fitting_encoder, planned_steps
from pipelines.settings import LEADERBOARD, Settings

Encoders = Mapping[str, Encoder]
"""The encoders of a run by the model arguments that name them."""


def checked_encoders(settings: Settings) -> Encoders:
    """Fetches every encoder and checks it with its vocabulary.

    Raises:
        InputError: An encoder or the vocabulary file cannot be used.
    """
    if settings.run.pipeline == LEADERBOARD:
        wanted = [("", name) for name in settings.run.encoders]  # of any family
    else:
        wanted = list(settings.run.family_encoders.items())
    return {name: _checked(name, family, settings.tokenize) for family, name in wanted}


def _checked(argument: str, family: str, config: TokenizeConfig) -> Encoder:
    folder, packing = tokenizer_of(argument)
    vocab_size = 0  # of a vocabulary that is still to be trained
    if folder or config.vocab_file:
        tokenizer = read_tokenizer(folder, packing, vocab_file=config.vocab_file)
        vocab_size = tokenizer.vocab_size
    return fitting_encoder(argument, family, vocab_size, config.max_seq_length, packing=packing)


def pipeline_arguments(settings: Settings, encoders: Encoders) -> dict[str, Any]:
    """Returns every parameter of the pipeline that does not speak of a cluster.

    Raises:
        InputError: The data or the vocabulary file cannot be used.
    """
    data = load_task(settings.task)
    vocab_file = settings.tokenize.vocab_file
    planned_steps(data.facts.splits["train"].rows, settings.train)
    arguments: dict[str, Any] = {}
    for config in (settings.task, settings.tokenize, settings.train, settings.evaluate):
        arguments |= dataclasses.asdict(config)
    digests = {name: e.checkpoint.digest() if e.checkpoint else "" for name, e in encoders.items()}
    return _arguments_of_models(settings, arguments, digests) | {
        "data_digest": data.facts.digest,
        "vocab_digest": sha256_of(fetch(vocab_file).path) if vocab_file else "",
    }


def _arguments_of_models(
    settings: Settings, arguments: dict[str, Any], digests: Mapping[str, str]
) -> dict[str, Any]:
    """Adds what is compared, as the pipeline takes it."""
    if settings.run.pipeline == LEADERBOARD:
        lists = {
            "models": [with_digest(name, digests[name]) for name in settings.run.encoders],
            "learning_rates": list(settings.learning_rates),
            "seeds": list(settings.seeds),
        }
        rest = {n: v for n, v in arguments.items() if n not in ("learning_rate", "seed")}
        return rest | lists
    for family, name in settings.run.family_encoders.items():
        arguments |= {f"{family}_encoder": name, f"{family}_encoder_digest": digests[name]}
    return arguments
