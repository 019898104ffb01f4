"""The pipeline `albert-vs-bert`: both families fine-tuned on the same data, and the report.

Compile it with the plain CLI: `kfp dsl compile --py pipelines/albert_vs_bert.py --function
albert_vs_bert --output albert-vs-bert.yaml`, or with `bakeoff compile`, which also sets the image.
"""

from kfp import dsl

from components.compare.component import compare
from pipelines.parameters import COMMON, Outputs, Parameters, takes
from pipelines.settings import ALBERT_VS_BERT, RunConfig
from pipelines.steps import compare_task, evaluate_task, tokenize_task, train_task

ENCODERS = {
    name: value
    for family, encoder in RunConfig().family_encoders.items()
    for name, value in ((f"{family}_encoder", encoder), (f"{family}_encoder_digest", ""))
}


@dsl.pipeline(
    name=ALBERT_VS_BERT,
    description="Fine-tunes an ALBERT and a BERT on the same text task and compares them.",
)
@takes({**COMMON, **ENCODERS})
def albert_vs_bert(given: Parameters) -> Outputs:
    """Wires tokenize → train → evaluate for each family, then compare."""
    evaluations = {}
    for family in ("albert", "bert"):
        encoder = {
            "encoder": given[f"{family}_encoder"],
            "encoder_digest": given[f"{family}_encoder_digest"],
        }
        tokens = tokenize_task(given, family, **encoder).outputs["tokens"]
        model = train_task(given, family, tokens=tokens, family=family, **encoder).outputs["model"]
        evaluated = evaluate_task(given, family, tokens=tokens, model=model)
        evaluations[family] = evaluated.outputs["evaluation"]
    compared = compare_task(compare, given, **evaluations)
    return Outputs(**{name: compared.outputs[name] for name in Outputs._fields})
