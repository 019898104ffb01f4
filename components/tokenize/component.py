"""The Kubeflow door of tokenize."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tokenize(
    tokens: dsl.Output[dsl.Dataset],
    task: str,
    task_name: str,
    data: str,
    train_data: str,
    dev_data: str,
    test_data: str,
    language: str,
    text_a_column: str,
    text_b_column: str,
    label_column: str,
    train_samples: int,
    data_seed: int,
    data_digest: str,
    vocab_file: str,
    vocab_digest: str,
    encoder: str,
    encoder_digest: str,
    vocab_size: int,
    do_lower_case: str,
    max_seq_length: int,
    max_unknown_share: float,
) -> None:
    """Tokenizes a task's train, dev and test rows."""
    given = dict(locals())
    from components.tokenize.kubeflow import run

    run(given)
