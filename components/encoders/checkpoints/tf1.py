"""TensorFlow 1 checkpoints of google-research/bert, google-research/albert and albert_zh.

The one file here that uses TensorFlow, whatever the backend of Keras: its own reader is the only
one of this format.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from components.encoders.checkpoints.config_file import ConfigFile
from components.encoders.checkpoints.entries import read_entries, written_entries
from components.encoders.checkpoints.names import (
    TF1_ALBERT_ZH,
    TF1_BERT,
    TF1_GOOGLE_ALBERT,
    Layout,
)
from components.encoders.config import EncoderConfig
from components.encoders.quiet import native_output_hidden
from components.errors import InputError

Array = np.ndarray[Any, Any]

ACTS = {"gelu": "gelu_new", "relu": "relu", "tanh": "tanh"}
"""The original codes' names to ours: what they call gelu is its tanh form (`modeling.gelu`)."""

LN_TYPES = {"postln": False, "preln": True}
"""albert_zh's `ln_type` to `normalize_first`."""

LN_TYPE_OF = {normalize_first: ln_type for ln_type, normalize_first in LN_TYPES.items()}

PUBLISHED_LN_TYPES = {
    (4, 312): "postln",
    (12, 768): "postln",
    (24, 1024): "postln",
    (24, 2048): "postln",
    (12, 4096): "preln",
}
"""`ln_type` of albert_zh's own models by (num_hidden_layers, hidden_size): its configs."""

INDEX, DATA = ".index", ".data-"


class Tf1Tensors:
    """The tensors of a TensorFlow 1 checkpoint, read one by one.

    Attributes:
        shapes: Shape of each tensor by name.
    """

    def __init__(self, prefix: Path) -> None:
        """Takes the path without `.index`.

        Raises:
            InputError: It is not a checkpoint.
        """
        with native_output_hidden():
            import tensorflow as tf
        self._tensorflow, self._prefix = tf, prefix
        self._errors = (tf.errors.OpError, RuntimeError, ValueError)
        try:
            reader = tf.train.load_checkpoint(str(prefix))
            shapes = reader.get_variable_to_shape_map()
            self._dtypes = reader.get_variable_to_dtype_map()
        except self._errors as error:
            raise self._broken(error) from None
        self.shapes: Mapping[str, tuple[int, ...]] = {n: tuple(s) for n, s in shapes.items()}

    def read(self, name: str) -> Any:
        """Returns one tensor: TensorFlow's, which a variable of its own takes without a copy.

        Raises:
            InputError: The file is cut or damaged.
        """
        tf = self._tensorflow
        if not self._dtypes[name].is_floating:
            raise InputError(
                f"{self._prefix}: {name} is of {self._dtypes[name].name}, expected floating-point "
                "numbers; use the checkpoint as it was published"
            )
        try:
            # Not `reader.get_tensor`: that keeps as much memory as the largest tensor for good.
            with tf.init_scope(), tf.device("/cpu:0"):
                (tensor,) = tf.raw_ops.RestoreV2(
                    prefix=str(self._prefix), tensor_names=[name], shape_and_slices=[""],
                    dtypes=[self._dtypes[name]],
                )  # fmt: skip
            return tensor
        except self._errors as error:
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> InputError:
        reason = str(error).strip().splitlines()[0]
        return InputError(
            f"cannot read the TensorFlow checkpoint {self._prefix}: {reason}; "
            "it is cut or damaged: fetch it again"
        )


def prefixes_in(folder: Path) -> list[Path]:
    """Returns the checkpoints in a folder: each path without `.index`, its data files beside it."""
    found = (path.with_name(path.name.removesuffix(INDEX)) for path in folder.glob(f"*{INDEX}"))
    return sorted(prefix for prefix in found if files_of(prefix)[1:])


def files_of(prefix: Path) -> list[Path]:
    """Returns the files of a checkpoint: the index, then its data files."""
    data = sorted(p for p in prefix.parent.iterdir() if p.name.startswith(prefix.name + DATA))
    return [prefix.with_name(prefix.name + INDEX), *data]


def config_beside(prefix: Path) -> ConfigFile:
    """Reads the config that lies beside a checkpoint: `bert_config.json`, `albert_config….json`.

    Raises:
        InputError: There is none, or several.
    """
    candidates = sorted(prefix.parent.glob("*config*.json"))
    found = [
        file
        for file in map(ConfigFile.read, candidates)
        if "hidden_size" in file.values and not file.path.name.startswith("tokenizer")
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(file.path.name for file in found)
    raise InputError(
        f"{prefix.parent} holds several configs: {names}; keep the one of {prefix.name}"
        if found
        else f"{prefix.parent} holds no config of {prefix.name}; put its bert_config.json or "
        "albert_config.json there"
    )


def architecture_of(
    file: ConfigFile, names: Collection[str], prefix: Path, published: EncoderConfig | None
) -> tuple[Layout, EncoderConfig]:
    """Tells the layout of a checkpoint from its variables' names, and reads its config.

    What the config of a `published` model leaves out, its architecture tells.

    Raises:
        InputError: The variables are no encoder's of these families, the config lacks an entry, or
            one makes no encoder.
    """
    for mark, (layout, config_of) in ARCHITECTURES.items():
        if any(name.startswith(mark) for name in names):
            if published and "ln_type" not in file.values:
                told = {"ln_type": LN_TYPE_OF[published.normalize_first]}
                file = ConfigFile(file.path, {**file.values, **told})
            with file.named():
                return layout, config_of(file, names)
    raise InputError(
        f"{prefix} holds no BERT or ALBERT encoder: no variable begins with "
        f"{' or '.join(ARCHITECTURES)}; it begins with {', '.join(sorted(names)[:5])}"
    )


def _shared(file: ConfigFile) -> dict[str, Any]:
    """Reads what the three codes' configs have in common."""
    return read_entries(file, ACTS, dropout=0.0)


def _bert_config(file: ConfigFile, _: Collection[str]) -> EncoderConfig:
    shared = _shared(file)
    return EncoderConfig(
        family="bert",
        embedding_size=shared["hidden_size"],
        embedding_projection="none",
        num_hidden_groups=shared["num_hidden_layers"],
        **shared,
    )


def _google_albert_config(file: ConfigFile, names: Collection[str]) -> EncoderConfig:
    # Google's code widens only where there is something to widen.
    widens = any("embedding_hidden_mapping_in" in name for name in names)
    return EncoderConfig(
        family="albert",
        embedding_size=file.whole("embedding_size"),
        embedding_projection="after_norm" if widens else "none",
        num_hidden_groups=file.whole("num_hidden_groups", 1),
        inner_group_num=file.whole("inner_group_num", 1),
        **_shared(file),
    )


def _albert_zh_config(file: ConfigFile, _: Collection[str]) -> EncoderConfig:
    shared = _shared(file)
    return EncoderConfig(
        family="albert",
        embedding_size=file.whole("embedding_size"),
        embedding_projection="before_sum",
        num_hidden_groups=1,
        normalize_first=_normalize_first(file, shared["num_hidden_layers"], shared["hidden_size"]),
        **shared,
    )


ARCHITECTURES: Mapping[str, tuple[Layout, Callable[[ConfigFile, Collection[str]], EncoderConfig]]]
ARCHITECTURES = {
    "bert/encoder/layer_shared/": (TF1_ALBERT_ZH, _albert_zh_config),
    "bert/encoder/transformer/group_0/": (TF1_GOOGLE_ALBERT, _google_albert_config),
    "bert/encoder/layer_0/": (TF1_BERT, _bert_config),
}
"""Layout and config by what tells them apart: where the variables of the first layer lie."""


def _normalize_first(file: ConfigFile, layers: int, hidden: int) -> bool:
    """Reads `ln_type`; names and shapes of post- and pre-LN are the same, a wrong one is silent."""
    known = PUBLISHED_LN_TYPES.get((layers, hidden))
    whose = f"albert_zh's model of {layers} layers of {hidden} is {known!r}"
    if "ln_type" not in file.values:
        advice = whose if known else "'postln' in all of albert_zh's but xxlarge, which is 'preln'"
        raise InputError(
            f"{file.path} lacks 'ln_type', and the wrong one computes garbage silently: add "
            f'"ln_type": "postln" or "preln" ({advice})'
        )
    normalize_first = file.choice("ln_type", LN_TYPES)
    if known and normalize_first != LN_TYPES[known]:
        raise InputError(
            f"{file.path}: ln_type is {file.values['ln_type']!r}, but {whose}, and the wrong one "
            f'computes garbage silently: write "ln_type": "{known}"'
        )
    return normalize_first


def described(config: EncoderConfig) -> tuple[Layout, dict[str, Any]]:
    """Returns the layout of an architecture and its config as the original code reads it.

    Raises:
        InputError: None of the three codes computes it.
    """
    if config.family not in ("bert", "albert"):
        raise InputError(
            f"the TensorFlow 1 codes of BERT and ALBERT compute no {config.family}; export it as "
            "another format"
        )
    acts = {ours: theirs for theirs, ours in ACTS.items()}
    if config.hidden_act not in acts or config.layer_norm_eps != 1e-12:
        raise InputError(
            f"the TensorFlow 1 codes compute no {config.hidden_act} with a layer_norm_eps of "
            f"{config.layer_norm_eps:g}: they know {', '.join(acts)} and 1e-12; export it as "
            "another format"
        )
    settings = {**written_entries(config), "hidden_act": acts[config.hidden_act]}
    if config.family == "bert":
        return TF1_BERT, settings
    settings["embedding_size"] = config.embedding_size
    if config.embedding_projection == "before_sum":
        return TF1_ALBERT_ZH, settings | {"ln_type": LN_TYPE_OF[config.normalize_first]}
    groups = {
        "num_hidden_groups": config.num_hidden_groups,
        "inner_group_num": config.inner_group_num,
    }
    return TF1_GOOGLE_ALBERT, settings | groups


def write_tensors(prefix: Path, tensors: Mapping[str, Array]) -> None:
    """Writes a checkpoint of one data file."""
    with native_output_hidden():
        import tensorflow as tf
    names = sorted(tensors)
    with tf.device("/cpu:0"):
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=names,
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(tensors[name]) for name in names],
        )
