"""Where checkpoints keep what our variables hold: one table of names for each architecture.

A table maps a part of ours to the checkpoint's module, or to several whose kernels stand side by
side in ours (query, key, value). `{group}` and `{inner}` are the numbers of our
`layer_{group}_{inner}`. What a module's name is followed by, `LEAVES` says. A key that is a whole
variable path stands for a tensor that does not follow that rule.

Sources: `modeling.py` and `run_pretraining.py` of google-research/bert, google-research/albert and
brightmart/albert_zh; `modeling_{bert,albert,ernie,xlnet}.py` of Hugging Face transformers.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from components.errors import InputError

Array = np.ndarray[Any, Any]
Modules = str | tuple[str, ...]

QUERY_KEY_VALUE = ("query", "key", "value")

TF1_LEAVES = {
    "embeddings": "", "kernel": "/kernel", "bias": "/bias", "gamma": "/gamma", "beta": "/beta",
}  # fmt: skip
TORCH_LEAVES = {
    "embeddings": ".weight", "kernel": ".weight", "bias": ".bias",
    "gamma": ".weight", "beta": ".bias",
}  # fmt: skip


class Conversion(NamedTuple):
    """How a tensor is kept, and how it becomes ours and back, given the number of heads."""

    to_ours: Callable[[Any], Any]
    to_theirs: Callable[[Array, int], Array]


def block_diagonal(kernel: Array) -> Array:
    """Expands a grouped kernel [in/groups, out/groups, groups] to [in, out]; leaves others.

    albert_zh's `modeling_google_fast.py` computes its feed-forward so: consecutive inputs belong to
    different groups, consecutive outputs to the same one.
    """
    if kernel.ndim != 3:
        return kernel
    kernel = np.asarray(kernel)
    rows, columns, groups = kernel.shape
    dense = np.zeros((rows * groups, columns * groups), kernel.dtype)
    for group in range(groups):
        dense[group::groups, group * columns : (group + 1) * columns] = kernel[:, :, group]
    return dense


def _joined(tensor: Any) -> Array:
    """Makes [inputs, heads, head_size] a kernel [inputs, outputs]."""
    return np.asarray(tensor).reshape(tensor.shape[0], -1)


AS_IT_IS = Conversion(lambda tensor: tensor, lambda value, heads: value)
GROUPED = Conversion(block_diagonal, lambda value, heads: value)  # never written grouped
TRANSPOSED = Conversion(lambda tensor: np.asarray(tensor).T, lambda value, heads: value.T)
HEADS_APART = Conversion(_joined, lambda value, heads: value.reshape(len(value), heads, -1))
HEADS_APART_TRANSPOSED = Conversion(  # XLNet's output kernel: [outputs, heads, head_size]
    lambda tensor: _joined(tensor).T,
    lambda value, heads: value.T.reshape(value.shape[1], heads, -1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one kind of checkpoint names and shapes the weights of one architecture.

    Attributes:
        title: What it is called in messages and facts.
        parts: Our part, or our whole variable path, to the checkpoint's module or modules.
        leaves: What follows a module's name for each leaf of ours.
        kernels: How kernels are kept.
        others: How the tensors are kept whose names match a pattern.
        prefixes: What names of the encoder may begin with and need not (`bert.` …).
        scopes: What names of the encoder begin with: one of these that has no place in ours is an
            error, not a left-over.
    """

    title: str
    parts: Mapping[str, Modules]
    leaves: Mapping[str, str]
    kernels: Conversion
    others: Mapping[str, Conversion] = field(default_factory=dict)
    prefixes: tuple[str, ...] = ()
    scopes: tuple[str, ...]


def _within(scope: str, parts: Mapping[str, Modules]) -> dict[str, Modules]:
    """Puts a scope before every module of a table."""
    return {
        part: scope + modules
        if isinstance(modules, str)
        else tuple(scope + module for module in modules)
        for part, modules in parts.items()
    }


def _attention(scope: str) -> tuple[str, ...]:
    return tuple(scope + name for name in QUERY_KEY_VALUE)


# The parts of a layer, by the checkpoint that names them so.
_TF1_BERT_LAYER: dict[str, Modules] = {
    "layer/query_key_value": _attention("attention/self/"),
    "layer/attention_output": "attention/output/dense",
    "layer/attention_norm": "attention/output/LayerNorm",
    "layer/intermediate": "intermediate/dense",
    "layer/output": "output/dense",
    "layer/output_norm": "output/LayerNorm",
}
_TF1_GOOGLE_ALBERT_LAYER: dict[str, Modules] = {
    "layer/query_key_value": _attention("attention_1/self/"),
    "layer/attention_output": "attention_1/output/dense",
    "layer/attention_norm": "LayerNorm",
    "layer/intermediate": "ffn_1/intermediate/dense",
    "layer/output": "ffn_1/intermediate/output/dense",
    "layer/output_norm": "LayerNorm_1",
}
_TORCH_BERT_LAYER: dict[str, Modules] = {
    "layer/query_key_value": _attention("attention.self."),
    "layer/attention_output": "attention.output.dense",
    "layer/attention_norm": "attention.output.LayerNorm",
    "layer/intermediate": "intermediate.dense",
    "layer/output": "output.dense",
    "layer/output_norm": "output.LayerNorm",
}
_TORCH_ALBERT_LAYER: dict[str, Modules] = {
    "layer/query_key_value": _attention("attention."),
    "layer/attention_output": "attention.dense",
    "layer/attention_norm": "attention.LayerNorm",
    "layer/intermediate": "ffn",
    "layer/output": "ffn_output",
    "layer/output_norm": "full_layer_layer_norm",
}

_TF1_SHARED: dict[str, Modules] = {
    "embeddings/word": "bert/embeddings/word_embeddings",
    "embeddings/position": "bert/embeddings/position_embeddings",
    "embeddings/token_type": "bert/embeddings/token_type_embeddings",
    "embeddings/norm": "bert/embeddings/LayerNorm",
    "pooler": "bert/pooler/dense",
    "masked_lm/transform": "cls/predictions/transform/dense",
    "masked_lm/norm": "cls/predictions/transform/LayerNorm",
    "masked_lm/output_bias": "cls/predictions/output_bias",
    "sentence_pair/kernel": "cls/seq_relationship/output_weights",
    "sentence_pair/bias": "cls/seq_relationship/output_bias",
    "classifier/kernel": "output_weights",
    "classifier/bias": "output_bias",
    "pooled_norm": "loss/LayerNorm",
}
_TORCH_EMBEDDINGS: dict[str, Modules] = {
    "embeddings/word": "embeddings.word_embeddings",
    "embeddings/position": "embeddings.position_embeddings",
    "embeddings/token_type": "embeddings.token_type_embeddings",
    "embeddings/norm": "embeddings.LayerNorm",
    "classifier": "classifier",
}

TF1_BERT = Layout(
    title="TensorFlow 1 BERT",
    parts=_TF1_SHARED | _within("bert/encoder/layer_{group}/", _TF1_BERT_LAYER),
    leaves=TF1_LEAVES,
    kernels=GROUPED,
    others={r"output_weights$": TRANSPOSED},
    scopes=("bert/",),
)
TF1_GOOGLE_ALBERT = Layout(
    title="TensorFlow 1 ALBERT (Google)",
    parts=_TF1_SHARED
    | {"widen": "bert/encoder/embedding_hidden_mapping_in"}
    | _within(
        "bert/encoder/transformer/group_{group}/inner_group_{inner}/", _TF1_GOOGLE_ALBERT_LAYER
    ),
    leaves=TF1_LEAVES,
    kernels=GROUPED,
    others={r"output_weights$": TRANSPOSED},
    scopes=("bert/",),
)
TF1_ALBERT_ZH = Layout(
    title="TensorFlow 1 ALBERT (albert_zh)",
    parts=_TF1_SHARED
    | {"embeddings/widen/kernel": "bert/embeddings/word_embeddings_2"}
    | _within("bert/encoder/layer_shared/", _TF1_BERT_LAYER),
    leaves=TF1_LEAVES,
    kernels=GROUPED,
    others={r"output_weights$": TRANSPOSED},
    scopes=("bert/",),
)
HUGGING_FACE_BERT = Layout(
    title="Hugging Face BERT",
    parts=_TORCH_EMBEDDINGS
    | _within("encoder.layer.{group}.", _TORCH_BERT_LAYER)
    | {
        "pooler": "pooler.dense",
        "masked_lm/transform": "cls.predictions.transform.dense",
        "masked_lm/norm": "cls.predictions.transform.LayerNorm",
        "masked_lm/output_bias": "cls.predictions.bias",
        "sentence_pair": "cls.seq_relationship",
    },
    leaves=TORCH_LEAVES,
    kernels=TRANSPOSED,
    prefixes=("bert.", "ernie."),
    scopes=("embeddings.", "encoder.", "pooler."),
)
HUGGING_FACE_ALBERT = Layout(
    title="Hugging Face ALBERT",
    parts=_TORCH_EMBEDDINGS
    | {"widen": "encoder.embedding_hidden_mapping_in"}
    | _within("encoder.albert_layer_groups.{group}.albert_layers.{inner}.", _TORCH_ALBERT_LAYER)
    | {
        "pooler": "pooler",
        "masked_lm/transform": "predictions.dense",
        "masked_lm/norm": "predictions.LayerNorm",
        "masked_lm/output_bias": "predictions.bias",
        "sentence_pair": "sop_classifier.classifier",
    },
    leaves=TORCH_LEAVES,
    kernels=TRANSPOSED,
    prefixes=("albert.",),
    scopes=("embeddings.", "encoder.", "pooler."),
)

HUGGING_FACE_XLNET = Layout(
    title="Hugging Face XLNet",
    parts={"embeddings/word": "word_embedding"}
    | _within(
        "layer.{group}.",
        {
            "layer/query_key_value/kernel": ("rel_attn.q", "rel_attn.k", "rel_attn.v"),
            "layer/relative/kernel": "rel_attn.r",
            "layer/attention_output/kernel": "rel_attn.o",
            "layer/content_bias": "rel_attn.r_w_bias",
            "layer/position_bias": "rel_attn.r_r_bias",
            "layer/segment_bias": "rel_attn.r_s_bias",
            "layer/segment_embeddings": "rel_attn.seg_embed",
            "layer/attention_norm": "rel_attn.layer_norm",
            "layer/intermediate": "ff.layer_1",
            "layer/output": "ff.layer_2",
            "layer/output_norm": "ff.layer_norm",
        },
    )
    | {"pooler": "sequence_summary.summary", "classifier": "logits_proj"},
    leaves=TORCH_LEAVES,
    kernels=TRANSPOSED,
    others={r"rel_attn\.[qkvr]$": HEADS_APART, r"rel_attn\.o$": HEADS_APART_TRANSPOSED},
    prefixes=("transformer.",),
    scopes=("layer.", "word_embedding."),
)

LEFT_OVER = MappingProxyType(
    {
        "optimizer slots and counters": r".*/(adam|lamb)_[mv](_\d+)?|.*/Adam(_\d+)?|global_step|"
        r"(beta[12]_power|good_steps|loss_scale|current_loss_scale).*",
        "pre-training head": r"cls[/.].*|predictions\..*|sop_classifier\..*|lm_loss\..*|mask_emb",
        "head of an earlier fine-tuning": r"output_(weights|bias)|loss/LayerNorm/.*|"
        r"(classifier|qa_outputs|logits_proj|sequence_summary|start_logits|end_logits)\..*",
        "position numbers, computed here": r"embeddings\.(position_ids|token_type_ids)",
    }
)
"""Why a tensor that our encoder has no place for may be left, by a pattern of its whole name."""

_LAYER = re.compile(r"layer_(?P<group>\d+)_(?P<inner>\d+)/")


def tensor_names(layout: Layout, path: str) -> tuple[str, ...]:
    """Names the checkpoint's tensors that one of our variables is made of, prefix left away.

    Raises:
        KeyError: The layout has no such part.
    """
    found = _LAYER.match(path)
    numbers = found.groupdict() if found else {}
    general = _LAYER.sub("layer/", path)
    if general in layout.parts:
        return _filled(layout.parts[general], "", numbers)
    part, _, leaf = general.rpartition("/")
    return _filled(layout.parts[part], layout.leaves[leaf], numbers)


def _filled(modules: Modules, leaf: str, numbers: Mapping[str, str]) -> tuple[str, ...]:
    names = (modules,) if isinstance(modules, str) else modules
    return tuple(name.format(**numbers) + leaf for name in names)


def _conversion(layout: Layout, path: str, name: str) -> Conversion:
    for pattern, conversion in layout.others.items():
        if re.search(pattern, name):
            return conversion
    return layout.kernels if path.endswith("/kernel") else AS_IT_IS


def to_ours(layout: Layout, path: str, name: str, tensor: Any) -> Any:
    """Makes a part of one of our variables' values from one of its `tensor_names`.

    The parts stand side by side along the last axis. What needs no change is handed on as it came.
    """
    return _conversion(layout, path, name).to_ours(tensor)


def to_theirs(layout: Layout, path: str, value: Array, heads: int) -> dict[str, Array]:
    """Makes the tensors of `tensor_names` from one of our variables' values."""
    names = tensor_names(layout, path)
    parts = np.split(value, len(names), axis=-1)
    return {
        name: _conversion(layout, path, name).to_theirs(part, heads)
        for name, part in zip(names, parts, strict=True)
    }


def left_over_reason(layout: Layout, name: str) -> str:
    """Says why a tensor may be left; empty for one of the encoder's that has no place in ours."""
    for reason, pattern in LEFT_OVER.items():
        if re.fullmatch(pattern, name):
            return reason
    return "" if name.startswith(layout.scopes) else "not part of the encoder"


def without_prefix(layout: Layout, names: Iterable[str]) -> dict[str, str]:
    """Maps each name as the layout writes it to the name that the checkpoint has.

    Old Hugging Face files call a LayerNorm's weights `gamma` and `beta`, and any may lack the
    prefix of their architecture.

    Raises:
        InputError: Two names mean the same variable.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = next((name.removeprefix(p) for p in layout.prefixes if name.startswith(p)), name)
        if layout.leaves is TORCH_LEAVES:
            plain = re.sub(r"\.gamma$", ".weight", re.sub(r"\.beta$", ".bias", plain))
        if plain in found:
            raise InputError(
                f"the checkpoint holds {found[plain]} and {name}, the same variable under two "
                "names; keep one of them"
            )
        found[plain] = name
    return found
