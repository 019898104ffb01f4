"""The arguments of a pipeline: found from the settings, after checking what can be checked."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from components.artifacts.folder import sha256_of
from components.encoders.checkpoints.argument import Encoder, find_encoder, tokenizer_of
from components.encoders.digest import with_digest
from components.storage import fetch
from components.tasks.facts import digest_of
from components.tasks.files import each_source
from components.tokenize.config import TokenizeConfig
from pipelines.settings import LEADERBOARD, Settings

Encoders = Mapping[str, Encoder]
"""The encoders of a run by the model arguments that name them."""


def pipeline_arguments(settings: Settings) -> dict[str, Any]:
    """Returns every parameter of the pipeline that does not speak of a cluster.

    Data, vocabulary and checkpoints are there and have these digests; nothing else is checked.

    Raises:
        InputError: The data, the vocabulary file or an encoder cannot be found or read.
    """
    vocab_file = settings.tokenize.vocab_file
    arguments: dict[str, Any] = {}
    for config in (settings.task, settings.tokenize, settings.train, settings.evaluate):
        arguments |= dataclasses.asdict(config)
    digests = {name: _digest(name) for _, name in _encoders(settings)}
    return _arguments_of_models(settings, arguments, digests) | {
        "data_digest": digest_of(
            {split: source.sha256 for split, source in each_source(settings.task)}
        ),
        "vocab_digest": sha256_of(fetch(vocab_file).path) if vocab_file else "",
    }


def _digest(argument: str) -> str:
    checkpoint = find_encoder(argument, 1).checkpoint
    return checkpoint.digest() if checkpoint else ""


def _encoders(settings: Settings) -> list[tuple[str, str]]:
    """Returns family and argument of each encoder; of a leaderboard they are of any family, ""."""
    if settings.run.pipeline == LEADERBOARD:
        return [("", name) for name in settings.run.encoders]
    return list(settings.run.family_encoders.items())


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


def checked_encoders(settings: Settings) -> Encoders:
    """Returns every encoder after checking it with its vocabulary, and the data.

    Raises:
        InputError: An encoder, the vocabulary file or the data cannot be used.
    """
    # Imported here: tables load slowly, and what ran before with the same digests was checked.
    from components.tasks import load_task
    from components.train.checks import planned_steps

    encoders = {
        name: _checked(name, family, settings.tokenize) for family, name in _encoders(settings)
    }
    planned_steps(load_task(settings.task).facts.splits["train"].rows, settings.train)
    return encoders


def _checked(argument: str, family: str, config: TokenizeConfig) -> Encoder:
    from components.tokenization import read_tokenizer
    from components.train.checks import fitting_encoder

    folder, packing = tokenizer_of(argument)
    vocab_size = 0  # of a vocabulary that is still to be trained
    if folder or config.vocab_file:
        tokenizer = read_tokenizer(folder, packing, vocab_file=config.vocab_file)
        vocab_size = tokenizer.vocab_size
    return fitting_encoder(argument, family, vocab_size, config.max_seq_length, packing=packing)
