"""The work of export: a model folder in, a folder in the format of another program out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from components.artifacts.folder import new_folder
from components.artifacts.model import TrainedModel, read_model
from components.encoders.checkpoints.write import TF1_PREFIX, write_hugging_face, write_tf1
from components.encoders.config import EncoderConfig
from components.encoders.trained import encoder_config
from components.errors import InputError, did_you_mean
from components.export.graph import (
    ONNX_MODEL,
    SAVED_MODEL_VERSION,
    write_onnx,
    write_saved_model,
)
from components.export.tokenizer_files import (
    write_original_tokenizer,
    write_transformers_tokenizer,
)


class Format(NamedTuple):
    """A format that a model can be exported in: what writes it, and how it is loaded."""

    write: Callable[[Path, TrainedModel], None]
    load: str


def _write_hugging_face(folder: Path, trained: TrainedModel) -> None:
    config, labels = _bert_or_albert(trained), trained.training.labels
    write_hugging_face(folder, config, trained.weights, labels)
    write_transformers_tokenizer(folder, trained)


def _write_tf1(folder: Path, trained: TrainedModel) -> None:
    write_tf1(folder, _bert_or_albert(trained), trained.weights)
    write_original_tokenizer(folder, trained)


def _bert_or_albert(trained: TrainedModel) -> EncoderConfig:
    """Returns the architecture of a model of the families whose checkpoints are written."""
    config = encoder_config(trained)
    if config.position_embeddings != "absolute":
        raise InputError(
            f"checkpoints are written of BERT and ALBERT, this model is of the {config.family} "
            "family; export it as savedmodel or onnx"
        )
    return config


FORMATS: Mapping[str, Format] = {
    "huggingface": Format(
        _write_hugging_face,
        "transformers.AutoModelForSequenceClassification.from_pretrained('{folder}'), and "
        "AutoTokenizer likewise",
    ),
    "savedmodel": Format(
        write_saved_model, f"tf.saved_model.load('{{folder}}/{SAVED_MODEL_VERSION}')"
    ),
    "onnx": Format(write_onnx, f"onnxruntime.InferenceSession('{{folder}}/{ONNX_MODEL}')"),
    "tf1": Format(
        _write_tf1, f"--init_checkpoint={{folder}}/{TF1_PREFIX}, or a model argument: {{folder}}"
    ),
}


def export(model_path: Path, output: Path, format_name: str) -> str:
    """Writes a trained model in another program's format.

    Args:
        model_path: Model folder that train wrote.
        output: Folder to write; an earlier export of this format is replaced.
        format_name: A name of `FORMATS`.

    Returns:
        How what it wrote is loaded.

    Raises:
        InputError: The model cannot be read, the format is unknown or cannot express it, or the
            folder cannot be written or holds something else.
    """
    if format_name not in FORMATS:
        raise InputError(
            f"no format is called {format_name!r}: choose one of {', '.join(FORMATS)}"
            f"{did_you_mean(format_name, FORMATS)}"
        )
    chosen = FORMATS[format_name]
    with new_folder(output, f"{format_name} export") as folder:
        chosen.write(folder, read_model(model_path))
    return chosen.load.format(folder=output)
