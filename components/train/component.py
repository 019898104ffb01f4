"""The Kubeflow door of train."""

from kfp import dsl

from components.image import TRAIN_IMAGE


@dsl.component(base_image=TRAIN_IMAGE, install_kfp_package=False)
def train(
    tokens: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    family: str,
    encoder: str,
    encoder_digest: str,
    train_batch_size: int,
    predict_batch_size: int,
    learning_rate: float,
    num_train_epochs: float,
    save_checkpoints_steps: int,
    warmup_proportion: float,
    weight_decay: float,
    optimizer: str,
    precision: str,
    gradient_accumulation_steps: int,
    remat: bool,
    backend: str,
    early_stopping_patience: int,
    seed: int,
    checkpoint_uri: str,
) -> None:
    """Fine-tunes an encoder of one family on the tokens."""
    given = dict(locals())
    from components.train.kubeflow import run

    run(given)
