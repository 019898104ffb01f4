"""The pipeline `leaderboard`: any number of models, each with several learning rates and seeds.

Compile it with the plain CLI: `kfp dsl compile --py pipelines/leaderboard.py --function leaderboard
--output leaderboard.yaml`, or with `bakeoff compile --pipeline leaderboard`.
"""

from typing import Any

from kfp import dsl

from components.compare.component import compare_all
from pipelines.parameters import COMMON, Outputs, Parameters, takes
from pipelines.settings import LEADERBOARD, RunConfig
from pipelines.steps import compare_task, evaluate_task, tokenize_task, train_task

LISTS = {
    "models": list(RunConfig().encoders),
    "learning_rates": [COMMON["learning_rate"]],
    "seeds": [COMMON["seed"]],
}
REST = {name: value for name, value in COMMON.items() if name not in ("learning_rate", "seed")}

TOKENIZED, EVALUATED, COMPARED = "tokenized", "evaluated", "compared"


def _tokens(given: Parameters, model: Any) -> Any:
    return tokenize_task(given, encoder=model, encoder_digest="").outputs["tokens"]


def _evaluation(given: Parameters, tokens: Any, model: Any, learning_rate: Any, seed: Any) -> Any:
    trained = train_task(
        given,
        tokens=tokens,
        family="",  # any
        encoder=model,
        encoder_digest="",
        learning_rate=learning_rate,
        seed=seed,
    )
    evaluated = evaluate_task(given, tokens=tokens, model=trained.outputs["model"])
    return evaluated.outputs["evaluation"]


def _compared(given: Parameters, evaluation: Any) -> Outputs:
    compared = compare_task(compare_all, given, evaluations=dsl.Collected(evaluation))
    return Outputs(**{name: compared.outputs[name] for name in Outputs._fields})


@dsl.pipeline(
    name=LEADERBOARD,
    description="Fine-tunes every model with every learning rate and seed, and compares them.",
)
@takes({**LISTS, **REST})
def leaderboard(given: Parameters) -> Outputs:
    """Tokenizes once a model; trains and evaluates once a learning rate and seed; compares all.

    An item of `models` is a model argument, alone or with its digest: `NAME sha256:DIGEST`.
    """
    with dsl.ParallelFor(given["models"]) as model:
        tokens = _tokens(given, model)
        with (
            dsl.ParallelFor(given["learning_rates"]) as learning_rate,
            dsl.ParallelFor(given["seeds"]) as seed,
        ):
            evaluation = _evaluation(given, tokens, model, learning_rate, seed)
    return _compared(given, evaluation)


def of_runs(until: str) -> Any:
    """Returns the same pipeline with a single loop over runs, for KFP's local runners.

    In nested loops KFP 2.17's local runners give an inner loop's item to the outer loop's
    parameter, and hand on lists of lists. One loop they do right.

    Args:
        until: `TOKENIZED`, `EVALUATED` or `COMPARED`: what is wired.

    Returns:
        A pipeline with a parameter `runs`, whose items have `model`, `learning_rate` and `seed`.
    """

    def wire(given: Parameters) -> Any:
        with dsl.ParallelFor(given["runs"]) as run:
            tokens = _tokens(given, run.model)
            if until != TOKENIZED:
                evaluation = _evaluation(given, tokens, run.model, run.learning_rate, run.seed)
        return _compared(given, evaluation) if until == COMPARED else None

    wire.__annotations__["return"] = Outputs if until == COMPARED else None
    return dsl.pipeline(name=LEADERBOARD)(takes({"runs": [{}], **REST})(wire))
