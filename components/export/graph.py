"""The classifier as one TensorFlow graph, and the SavedModel and ONNX files made of it.

The one file here that uses TensorFlow; it works where Keras runs on it.
"""

from pathlib import Path
from typing import Any

import keras

from components.artifacts.folder import write_json
from components.artifacts.model import TrainedModel, Weights
from components.encoders.build import INPUTS
from components.encoders.quiet import native_output_hidden
from components.encoders.trained import load_classifier
from components.errors import InputError
from components.export.tokenizer_files import write_tokenizer

LABELS = "labels.json"
SAVED_MODEL_VERSION = "1"
ONNX_MODEL = "model.onnx"
DIMENSIONS = ("batch", "tokens")
MOST_BYTES_IN_ONNX = 2**31 - 2**24
"""Larger weights lie in a file beside the model: protobuf's limit of 2 GiB, less some room."""


def write_saved_model(folder: Path, trained: TrainedModel) -> None:
    """Writes a SavedModel in a version folder, as TensorFlow Serving wants it.

    Raises:
        InputError: Keras runs on another backend than TensorFlow.
    """
    _check_backend()
    import tensorflow as tf

    with native_output_hidden():
        model = load_classifier(trained)
        module = tf.Module()
        module.weights = [variable.value for variable in model.variables]  # saved beside the graph
        tf.saved_model.save(
            module,
            str(folder / SAVED_MODEL_VERSION),
            signatures={"serving_default": serving_function(model)},
        )
    _write_companions(folder, trained)


def write_onnx(folder: Path, trained: TrainedModel) -> None:
    """Writes an ONNX model of any batch and length; its initializers are named as our weights.

    Raises:
        InputError: tf2onnx is not installed, or Keras runs on another backend than TensorFlow.
    """
    _check_backend()
    try:
        import onnx
        import tf2onnx
    except ImportError as error:
        raise InputError(
            f"onnx needs {error.name}, which is not installed: pip install 'encoder-bakeoff[onnx]'"
        ) from None
    with native_output_hidden():
        function = function_of_weights(load_classifier(trained))
        model, _ = tf2onnx.convert.from_function(function, function.input_signature)
    _fill_weights(model.graph, trained.weights)
    for value in (*model.graph.input, *model.graph.output):
        for dimension, name in zip(value.type.tensor_type.shape.dim, DIMENSIONS, strict=True):
            if not dimension.HasField("dim_value"):
                dimension.dim_param = name
    large = sum(weight.nbytes for weight in trained.weights.values()) > MOST_BYTES_IN_ONNX
    onnx.save(
        model, folder / ONNX_MODEL, save_as_external_data=large, location=f"{ONNX_MODEL}.data"
    )
    _write_companions(folder, trained)


def function_of_weights(model: keras.Model) -> Any:
    """Returns a classifier as a `tf.function` of the three inputs and of its weights, by path.

    tf2onnx copies constants many times over: with the weights among them BERT-base took 21 GB.
    """
    import tensorflow as tf

    def serve(*values: Any) -> dict[str, Any]:
        inputs = dict(zip(INPUTS, values[: len(INPUTS)], strict=True))
        others = [variable.value for variable in model.non_trainable_variables]
        logits, _ = model.stateless_call(
            list(values[len(INPUTS) :]), others, inputs, training=False
        )
        return _outputs(logits)

    weights = [tf.TensorSpec(v.shape, v.dtype, name=v.path) for v in model.trainable_variables]
    return tf.function(serve, input_signature=[*_inputs(), *weights], autograph=False)


def _fill_weights(graph: Any, weights: Weights) -> None:
    """Turns the inputs of an ONNX graph that stand for weights into its initializers."""
    from onnx import numpy_helper

    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for path, value in weights.items():
        graph.initializer.append(numpy_helper.from_array(value, path))


def _check_backend() -> None:
    """Refuses a backend other than TensorFlow; a model folder itself is of none."""
    if (backend := keras.backend.backend()) != "tensorflow":
        raise InputError(
            f"savedmodel and onnx are made of a TensorFlow graph, and Keras runs on {backend}: set "
            "KERAS_BACKEND=tensorflow for this command, whatever the model was trained on"
        )


def serving_function(model: keras.Model) -> Any:
    """Returns a classifier as a `tf.function` of any batch and length.

    It takes `input_ids`, `token_type_ids` and `attention_mask`, int32 [batch, tokens], and returns
    a dict of `logits` and `probabilities`, float32 [batch, labels].
    """
    import tensorflow as tf

    def serve(*values: Any) -> dict[str, Any]:
        return _outputs(model(dict(zip(INPUTS, values, strict=True)), training=False))

    return tf.function(serve, input_signature=_inputs(), autograph=False)


def _inputs() -> list[Any]:
    import tensorflow as tf

    return [tf.TensorSpec([None, None], tf.int32, name=name) for name in INPUTS]


def _outputs(logits: Any) -> dict[str, Any]:
    return {"logits": logits, "probabilities": keras.ops.softmax(logits)}


def _write_companions(folder: Path, trained: TrainedModel) -> None:
    """Writes what a server needs besides the graph: from texts to ids, from numbers to labels."""
    write_tokenizer(folder, trained)
    write_json(folder / LABELS, trained.training.labels)
