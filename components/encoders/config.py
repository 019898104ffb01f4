"""What an encoder is: every number of its architecture."""

from dataclasses import dataclass

from components.errors import InputError

CLASSIFIER_DROPOUT = 0.1
"""Dropout before the classifier: `run_classifier.py` of google-research/bert and albert_zh."""

LARGEST_SIZE = 1 << 22
"""Of any one number of an architecture; the largest vocabularies have some 250,000 entries."""

SIZES = (
    "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "embedding_size", "max_position_embeddings", "type_vocab_size",
)  # fmt: skip
HIDDEN_ACTS = ("gelu", "gelu_new", "relu", "tanh")
PROJECTIONS = ("none", "after_norm", "before_sum")
POSITIONS = ("absolute", "relative")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfig:
    """Every number of an encoder of the BERT, ALBERT and XLNet families.

    One composition covers four published architectures, a second one XLNet:

    | architecture | layers shared | embedding_projection | normalize_first | positions |
    |---|---|---|---|---|
    | google-research/bert | no | none | no | absolute |
    | google-research/albert, albert_zh `*_google` | in groups | after_norm | no | absolute |
    | albert_zh's own, post-LN | all | before_sum | no | absolute |
    | albert_zh's own, pre-LN (xxlarge) | all | before_sum | yes | absolute |
    | XLNet | no | none | no | relative |

    Attributes:
        family: `bert`, `albert` or `xlnet`; names the rows of the report.
        vocab_size: Rows of the word embedding.
        hidden_size: Width of a token's state.
        num_hidden_layers: How often a layer is applied.
        num_attention_heads: Heads of the self-attention; divides hidden_size.
        intermediate_size: Width of the feed-forward layer.
        embedding_size: Width of the word embedding; smaller than hidden_size when factorised.
        embedding_projection: Where word embeddings are widened to hidden_size: `none`,
            `after_norm` (with bias, after the embeddings' LayerNorm, which has embedding_size) or
            `before_sum` (without bias, before positions and segments of hidden_size are added).
        num_hidden_groups: Sets of layer weights; num_hidden_layers of them when nothing is shared.
        inner_group_num: Layers in a group, applied one after the other each time.
        normalize_first: LayerNorm before attention and feed-forward (pre-LN), not after.
        hidden_act: `gelu` (erf), `gelu_new` (gelu's tanh form), `relu` or `tanh`: Hugging Face's
            names.
        hidden_dropout_prob: Dropout of embeddings and of both outputs of a layer.
        attention_probs_dropout_prob: Dropout of the attention probabilities.
        position_embeddings: `absolute`, or `relative`: XLNet's, of the distances between tokens.
        max_position_embeddings: Longest input in tokens; 0 = any length, of relative positions.
        type_vocab_size: Number of segments; not used by relative positions, which ask only whether
            two tokens are in the same one.
        initializer_range: Standard deviation of the truncated normal initialisation.
        layer_norm_eps: Epsilon of every LayerNorm (1e-12 in all three original codes).
    """

    family: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    embedding_size: int
    embedding_projection: str
    num_hidden_groups: int
    inner_group_num: int = 1
    normalize_first: bool = False
    hidden_act: str = "gelu_new"
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    position_embeddings: str = "absolute"
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12

    def __post_init__(self) -> None:
        for name in SIZES:
            if getattr(self, name) > LARGEST_SIZE:
                raise InputError(
                    f"{name} is {getattr(self, name):,}, at most {LARGEST_SIZE:,} is allowed: no "
                    "machine could hold such an encoder; mend its config"
                )
        if self.hidden_size % self.num_attention_heads:
            raise InputError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads "
                f"{self.num_attention_heads}"
            )
        if self.hidden_act not in HIDDEN_ACTS:
            raise InputError(f"hidden_act must be one of {HIDDEN_ACTS}, got {self.hidden_act!r}")
        if self.embedding_projection not in PROJECTIONS:
            raise InputError(
                f"embedding_projection must be one of {PROJECTIONS}, "
                f"got {self.embedding_projection!r}"
            )
        if self.position_embeddings not in POSITIONS:
            raise InputError(
                f"position_embeddings must be one of {POSITIONS}, got {self.position_embeddings!r}"
            )
        if self.embedding_projection == "none" and self.embedding_size != self.hidden_size:
            raise InputError(
                f"embedding_size {self.embedding_size} needs a projection to hidden_size "
                f"{self.hidden_size}"
            )
        if self.num_hidden_layers % self.num_hidden_groups:
            raise InputError(
                f"num_hidden_layers {self.num_hidden_layers} is not a multiple of "
                f"num_hidden_groups {self.num_hidden_groups}"
            )

    @property
    def sum_size(self) -> int:
        """Width at which word, position and segment embeddings are added and normalised."""
        return (
            self.embedding_size if self.embedding_projection == "after_norm" else self.hidden_size
        )

    @property
    def normalize_pooled(self) -> bool:
        """Whether the classifier has a LayerNorm of its own: albert_zh's pre-LN models do."""
        return self.normalize_first
