from dataclasses import replace

import pytest

from components.encoders.build import build_encoder
from components.encoders.config import EncoderConfig
from components.encoders.parameters import parameter_count
from components.encoders.sizes import scratch_config

TINY = EncoderConfig(
    family="bert", vocab_size=50, hidden_size=24, num_hidden_layers=4, num_attention_heads=4,
    intermediate_size=40, embedding_size=24, embedding_projection="none", num_hidden_groups=4,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=16,
)  # fmt: skip
TINY_ALBERT = replace(
    TINY, family="albert", embedding_size=8, embedding_projection="after_norm", num_hidden_groups=1
)
TINY_XLNET = replace(
    TINY, family="xlnet", position_embeddings="relative", max_position_embeddings=0
)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(TINY, id="bert"),
        pytest.param(TINY_ALBERT, id="google-albert"),
        pytest.param(replace(TINY_ALBERT, num_hidden_groups=2, inner_group_num=3),
                     id="groups-and-inner-groups"),
        pytest.param(replace(TINY_ALBERT, embedding_size=24, embedding_projection="none"),
                     id="nothing-to-widen"),
        pytest.param(replace(TINY_ALBERT, embedding_projection="before_sum"), id="albert-zh"),
        pytest.param(
            replace(TINY_ALBERT, embedding_projection="before_sum", normalize_first=True),
            id="albert-zh-pre-ln",
        ),
        pytest.param(TINY_XLNET, id="xlnet"),
        pytest.param(replace(TINY, max_position_embeddings=9, type_vocab_size=3), id="segments"),
    ],
)  # fmt: skip
def test_parameters_are_counted_as_keras_counts_them(config: EncoderConfig) -> None:
    assert parameter_count(config) == build_encoder(config).count_params()


def test_scratch_sizes_are_counted_too() -> None:
    assert parameter_count(scratch_config("scratch:bert-base", 21128)) == 102_267_648


def test_xlnet_parameters() -> None:
    attention, feed_forward, norms = 5 * 24 * 24 + 5 * 24, 24 * 40 + 40 + 40 * 24 + 24, 4 * 24
    words, layers, pooler = 50 * 24, 4 * (attention + feed_forward + norms), 24 * 24 + 24
    assert parameter_count(TINY_XLNET) == words + layers + pooler
