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
from pipelines.settings import RunConfig

TASK, TOKENIZE, TRAIN, EVALUATE = TaskConfig(), TokenizeConfig(), TrainConfig(), EvaluateConfig()
RUN = RunConfig()


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
) -> Outputs:
    """Wires tokenize → train → evaluate for each family, then compare.

    `gpus` is text because KFP's driver reads a number as nothing.
    """
    evaluations = {}
    for family, encoder, encoder_digest in (
        ("albert", albert_encoder, albert_encoder_digest),
        ("bert", bert_encoder, bert_encoder_digest),
    ):
        tokens = named(tokenize, f"tokenize-{family}")(
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
        ).outputs["tokens"]
        model_task = named(train, f"train-{family}")(
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
        model_task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(gpus)
        evaluations[family] = named(evaluate, f"evaluate-{family}")(
            tokens=tokens,
            model=model_task.outputs["model"],
            predict_batch_size=predict_batch_size,
            eval_batch_size=eval_batch_size,
        ).outputs["evaluation"]
    compared = compare(**evaluations)
    return Outputs(comparison=compared.outputs["comparison"], report=compared.outputs["report"])
