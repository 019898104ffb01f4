"""How far our outputs are from the originals': `KERAS_BACKEND=jax python benchmarks/parity.py`.

Prints the largest absolute difference of each output, in float32, on padded rows: against the
original codes, whose checkpoints and outputs lie in `tests/encoders/golden`, and against
transformers with random weights. `python -m pytest tests/encoders` asserts the bounds.
"""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
import transformers
from rich.console import Console
from rich.table import Table

from components.encoders.build import build_classifier, build_encoder
from components.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from components.encoders.checkpoints.restore import restored
from components.encoders.heads import build_pretraining

GOLDEN = Path(__file__).parents[1] / "tests" / "encoders" / "golden"
OUTPUTS = ("sequence", "pooled", "logits", "masked_lm", "sentence_pair")
LENGTHS = (12, 7, 4, 3)
SIZES = {
    "vocab_size": 60, "hidden_size": 24, "num_hidden_layers": 4, "num_attention_heads": 4,
    "intermediate_size": 40,
}  # fmt: skip
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "BERT gelu": ("Bert", SIZES | {"hidden_act": "gelu"}),
    "BERT gelu_new": ("Bert", SIZES | {"hidden_act": "gelu_new"}),
    "BERT relu": ("Bert", SIZES | {"hidden_act": "relu"}),
    "ALBERT gelu_new": ("Albert", SIZES | {"embedding_size": 8}),
    "ALBERT gelu": ("Albert", SIZES | {"embedding_size": 8, "hidden_act": "gelu"}),
    "ALBERT 2 groups of 2": (
        "Albert", SIZES | {"embedding_size": 8, "num_hidden_groups": 2, "inner_group_num": 2},
    ),
    "ERNIE relu": ("Ernie", SIZES | {"hidden_act": "relu"}),
    "XLNet gelu": ("XLNet", {"vocab_size": 60, "d_model": 24, "n_layer": 4, "n_head": 4,
                             "d_inner": 40}),
    "XLNet relu": ("XLNet", {"vocab_size": 60, "d_model": 24, "n_layer": 4, "n_head": 4,
                             "d_inner": 40, "ff_activation": "relu"}),
}  # fmt: skip

Array = np.ndarray[Any, Any]


def computed(checkpoint: Checkpoint, inputs: dict[str, Array], labels: int, positions: Any) -> Any:
    """Returns our outputs by name, of all the heads that the checkpoint has."""
    encoder, _ = restored(partial(build_encoder, checkpoint.config), checkpoint)
    outputs = dict(encoder(inputs))
    if labels:
        build = partial(build_classifier, checkpoint.config, labels)
        classifier, _ = restored(build, checkpoint, heads=())
        outputs["logits"] = classifier(inputs)
    if positions is not None:
        model, _ = restored(partial(build_pretraining, checkpoint.config), checkpoint, heads=())
        outputs |= model(inputs | {"masked_positions": positions})
    return {name: np.asarray(keras.ops.convert_to_numpy(value)) for name, value in outputs.items()}


def golden_differences(variant: Path) -> dict[str, float]:
    """Returns the differences of a golden variant by output."""
    golden = dict(np.load(variant / "golden.npz"))
    names = {"input_ids": "ids", "token_type_ids": "seg", "attention_mask": "mask"}
    inputs = {ours: golden[theirs].astype("int32") for ours, theirs in names.items()}
    positions = golden["pos"].astype("int32") if "mlm_lp" in golden else None
    ours = computed(open_checkpoint(variant), inputs, 2 if "logits" in golden else 0, positions)
    theirs = {"sequence": "seq", "pooled": "pooled", "logits": "logits", "masked_lm": "mlm_lp",
              "sentence_pair": "nsp_lp"}  # fmt: skip
    return {
        name: float(np.abs(ours[name].reshape(golden[key].shape) - golden[key]).max())
        for name, key in theirs.items()
        if key in golden
    }


def transformers_differences(kind: str, settings: dict[str, Any]) -> dict[str, float]:
    """Returns the differences of a model of transformers with random weights."""
    real = np.arange(12) < np.array(LENGTHS)[:, None]
    inputs = {
        "input_ids": np.random.default_rng(0).integers(1, 60, real.shape) * real,
        "token_type_ids": (np.arange(12) >= 5) * real,
        "attention_mask": real,
    }
    if kind == "XLNet":  # transformers takes the last column for the last token
        inputs = {name: values[:, ::-1] for name, values in inputs.items()}
        real = real[:, ::-1]
    inputs = {name: np.ascontiguousarray(values).astype("int32") for name, values in inputs.items()}
    config = getattr(transformers, f"{kind}Config")(**settings, num_labels=3)
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()
    generator = torch.Generator().manual_seed(3)
    given = {name: torch.tensor(values).long() for name, values in inputs.items()}
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.15)
        model.save_pretrained(folder)
        ours = computed(open_checkpoint(Path(folder)), inputs, 3, None)
        base = getattr(model, model.base_model_prefix)(**given)
        differences = {
            "sequence": np.abs(ours["sequence"] - base.last_hidden_state.numpy())[real].max(),
            "logits": np.abs(ours["logits"] - model(**given).logits.numpy()).max(),
        }
        if "pooler_output" in base:
            differences["pooled"] = np.abs(ours["pooled"] - base.pooler_output.numpy()).max()
    return {name: float(value) for name, value in differences.items()}


def main() -> None:
    """Prints the table of the backend that is in use."""
    table = Table("against", "variant", *OUTPUTS, title=f"Keras on {keras.backend.backend()}")
    for variant in sorted(GOLDEN.iterdir()):
        found = golden_differences(variant)
        table.add_row("original code", variant.name, *(_cell(found, name) for name in OUTPUTS))
    for title, (kind, settings) in KINDS.items():
        found = transformers_differences(kind, settings)
        table.add_row("transformers", title, *(_cell(found, name) for name in OUTPUTS))
    Console(width=110).print(table)


def _cell(found: dict[str, float], name: str) -> str:
    return f"{found[name]:.1e}" if name in found else "–"


if __name__ == "__main__":
    main()
