"""The pipeline `albert-vs-bert`: both families fine-tuned on the same data, and the report.

Compile it with the plain CLI: `kfp dsl compile --py pipelines/albert_vs_bert.py --function
albert_vs_bert --output albert-vs-bert.yaml`, or with `bakeoff compile`, which also sets the image.
"""

import copy
from typing import Any, NamedTuple

from kfp import dsl

from components.compare.component import compare
from components.evaluate.component import evaluate
from components.evaluate.config import EvaluateConfig
from components.tasks import TaskConfig
from components.tokenize.component import tokenize
from components.tokenize.config import TokenizeConfig
from components.train.component import train
from components.train.config import TrainConfig
from pipelines.placement import place, place_on_gpus, request
from pipelines.settings import CompileConfig, RunConfig

TASK, TOKENIZE, TRAIN, EVALUATE = TaskConfig(), TokenizeConfig(), TrainConfig(), EvaluateConfig()
RUN, COMPILE = RunConfig(), CompileConfig()
# Retries do not know a mistake in the input from a preempted node: the steps that read the input
# first are tried once more only, so that a mistake is told within minutes.
OTHER_LIMITS = {"timeout_seconds": 4 * 3600, "retries": 1}
TRAIN_LIMITS = {"timeout_seconds": 48 * 3600, "retries": 3}


class Outputs(NamedTuple):
    """What the pipeline hands out.

    Attributes:
        comparison: The comparison folder.
        report: comparison.md as one file.
    """

    comparison: dsl.Artifact
    report: dsl.Markdown


def named(component: Any, name: str) -> Any:
    """Returns the component under another name, which becomes the name of its task."""
    renamed = copy.deepcopy(component)
    renamed.component_spec.name = name
    return renamed


@dsl.pipeline(
    name="albert-vs-bert",
    description="Fine-tunes an ALBERT and a BERT on the same text task and compares them.",
)
def albert_vs_bert(
    task: str = TASK.task,
    task_name: str = TASK.task_name,
    data: str = TASK.data,
    train_data: str = TASK.train_data,
    dev_data: str = TASK.dev_data,
    test_data: str = TASK.test_data,
    language: str = TASK.language,
    text_a_column: str = TASK.text_a_column,
    text_b_column: str = TASK.text_b_column,
    label_column: str = TASK.label_column,
    train_samples: int = TASK.train_samples,
    data_seed: int = TASK.data_seed,
    data_digest: str = "",
    vocab_file: str = TOKENIZE.vocab_file,
    vocab_digest: str = "",
    vocab_size: int = TOKENIZE.vocab_size,
    do_lower_case: str = TOKENIZE.do_lower_case,
    max_seq_length: int = TOKENIZE.max_seq_length,
    max_unknown_share: float = TOKENIZE.max_unknown_share,
    albert_encoder: str = RUN.albert_encoder,
    albert_encoder_digest: str = "",
    bert_encoder: str = RUN.bert_encoder,
    bert_encoder_digest: str = "",
    train_batch_size: int = TRAIN.train_batch_size,
    eval_batch_size: int = TRAIN.eval_batch_size,
    predict_batch_size: int = EVALUATE.predict_batch_size,
    learning_rate: float = TRAIN.learning_rate,
    num_train_epochs: float = TRAIN.num_train_epochs,
    save_checkpoints_steps: int = TRAIN.save_checkpoints_steps,
    warmup_proportion: float = TRAIN.warmup_proportion,
    weight_decay: float = TRAIN.weight_decay,
    optimizer: str = TRAIN.optimizer,
    precision: str = TRAIN.precision,
    early_stopping_patience: int = TRAIN.early_stopping_patience,
    seed: int = TRAIN.seed,
    gpus: str = "1",
    gpu_type: str = "nvidia.com/gpu",
    train_cpu_request: str = "2",
    train_cpu_limit: str = "8",
    train_memory_request: str = "8Gi",
    train_memory_limit: str = "24Gi",
    train_node_selector: dict = {},  # noqa: B006 - KFP reads it once, to compile
    train_tolerations: list = [  # noqa: B006
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ],
    other_cpu_request: str = "1",
    other_cpu_limit: str = "4",
    other_memory_request: str = "4Gi",
    other_memory_limit: str = "12Gi",
    s3_secret: str = "encoder-bakeoff-s3",
) -> Outputs:
    """Wires tokenize → train → evaluate for each family, then compare.

    `gpus` and the other resources are text because KFP's driver reads a number as nothing.
    """
    other = {
        "cpu": (other_cpu_request, other_cpu_limit),
        "memory": (other_memory_request, other_memory_limit),
    }
    evaluations = {}
    for family, encoder, encoder_digest in (
        ("albert", albert_encoder, albert_encoder_digest),
        ("bert", bert_encoder, bert_encoder_digest),
    ):
        tokenized = named(tokenize, f"tokenize-{family}")(
            task=task,
            task_name=task_name,
            data=data,
            train_data=train_data,
            dev_data=dev_data,
            test_data=test_data,
            language=language,
            text_a_column=text_a_column,
            text_b_column=text_b_column,
            label_column=label_column,
            train_samples=train_samples,
            data_seed=data_seed,
            data_digest=data_digest,
            vocab_file=vocab_file,
            vocab_digest=vocab_digest,
            encoder=encoder,
            encoder_digest=encoder_digest,
            vocab_size=vocab_size,
            do_lower_case=do_lower_case,
            max_seq_length=max_seq_length,
            max_unknown_share=max_unknown_share,
        )
        tokens = tokenized.outputs["tokens"]
        trained = named(train, f"train-{family}")(
            tokens=tokens,
            family=family,
            encoder=encoder,
            encoder_digest=encoder_digest,
            train_batch_size=train_batch_size,
            eval_batch_size=eval_batch_size,
            learning_rate=learning_rate,
            num_train_epochs=num_train_epochs,
            save_checkpoints_steps=save_checkpoints_steps,
            warmup_proportion=warmup_proportion,
            weight_decay=weight_decay,
            optimizer=optimizer,
            precision=precision,
            early_stopping_patience=early_stopping_patience,
            seed=seed,
        )
        place_on_gpus(
            trained,
            gpus=gpus,
            gpu_type=gpu_type,
            node_selector=train_node_selector,
            tolerations=train_tolerations,
            shm_size=COMPILE.shm_size,
        )
        request(
            trained,
            cpu=(train_cpu_request, train_cpu_limit),
            memory=(train_memory_request, train_memory_limit),
        )
        evaluated = named(evaluate, f"evaluate-{family}")(
            tokens=tokens,
            model=trained.outputs["model"],
            predict_batch_size=predict_batch_size,
            eval_batch_size=eval_batch_size,
        )
        evaluations[family] = evaluated.outputs["evaluation"]
        place(trained, s3_secret=s3_secret, **TRAIN_LIMITS)
        for task_of_family in (tokenized, evaluated):
            request(task_of_family, **other)
            place(task_of_family, s3_secret=s3_secret, **OTHER_LIMITS)
    compared = compare(**evaluations)
    request(compared, **other)
    place(compared, s3_secret=s3_secret, **OTHER_LIMITS)
    return Outputs(comparison=compared.outputs["comparison"], report=compared.outputs["report"])
