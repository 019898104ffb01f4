import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from components.artifacts.folder import read_json, sha256_of, write_json
from components.encoders.trained import load_model
from components.encoders.weights import weights_of
from components.errors import InputError

RandomModel = Callable[..., Path]

INPUTS = {
    "input_ids": [[2, 9, 8, 3, 7, 3], [2, 5, 3, 6, 3, 0]],
    "token_type_ids": [[0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0]],
    "attention_mask": [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0]],
}
LOGITS_IN_ANOTHER_PROCESS = """
import json, sys, keras, numpy as np
from components.encoders.trained import load_model
inputs = {name: np.array(rows, "int32") for name, rows in json.loads(sys.argv[2]).items()}
logits = keras.ops.convert_to_numpy(load_model(sys.argv[1])(inputs))
print(json.dumps(np.asarray(logits).tolist()))
"""


@pytest.mark.parametrize("architecture", ["bert", "albert", "albert_zh", "albert_zh-pre-LN"])
def test_every_weight_is_that_of_the_folder(random_model: RandomModel, architecture: str) -> None:
    folder = random_model(architecture)
    model = load_model(str(folder))
    stored = load_file(folder / "weights.safetensors")
    loaded = weights_of(model)
    assert loaded.keys() == stored.keys()
    for name, value in stored.items():
        np.testing.assert_array_equal(loaded[name], value)


def test_another_process_computes_the_same_logits(random_model: RandomModel) -> None:
    folder = random_model("bert", labels=("a", "b", "c"))
    inputs = {name: np.array(rows, "int32") for name, rows in INPUTS.items()}
    ours = np.asarray(keras.ops.convert_to_numpy(load_model(folder)(inputs)))
    done = subprocess.run(
        [sys.executable, "-c", LOGITS_IN_ANOTHER_PROCESS, str(folder), json.dumps(INPUTS)],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert ours.shape == (2, 3)
    np.testing.assert_allclose(json.loads(done.stdout), ours, rtol=0, atol=1e-5)
    assert np.ptp(ours) > 0.1, "random weights must tell the labels apart"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("labels", ["a", "b", "c"], r"classifier/(kernel|bias) has shape .* the model needs"),
        ("encoder_config", {"family": "bert"}, "encoder_config is not of this version.*vocab_size"),
    ],
)
def test_a_folder_that_does_not_fit_itself_is_refused(
    random_model: RandomModel, field: str, value: object, message: str
) -> None:
    folder = random_model("bert")
    training = folder / "training.json"
    training.write_text(json.dumps(json.loads(training.read_text()) | {field: value}))
    manifest = read_json(folder / "artifact.json", dict)
    size, digest = training.stat().st_size, sha256_of(training)
    manifest["files"]["training.json"] = {"bytes": size, "sha256": digest}
    write_json(folder / "artifact.json", manifest)
    with pytest.raises(InputError, match=message):
        load_model(folder)
