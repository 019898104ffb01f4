import re
from typing import Any

import pytest

from components.encoders.catalogue import (
    FORMATS,
    MODELS,
    PICKLE,
    SAFETENSORS,
    SENTENCEPIECE,
    TF1,
    WORDPIECE,
    PublishedModel,
    Source,
    find_model,
)
from components.encoders.published import (
    ACCURACIES,
    PRETRAINING,
    REFERENCE_EXPERIMENT,
    Result,
    results_of,
)
from components.encoders.sizes import scratch_config, scratch_names
from components.errors import InputError

ALL = [pytest.param(model, id=name) for name, model in MODELS.items()]
ADDRESS = re.compile(
    r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?"
    r"|https://storage\.googleapis\.com/(albert_models|albert_zh|bert_models|chineseglue)"
    r"/[\w./-]+\.(zip|tar\.gz)"
)


def test_every_published_model_is_there() -> None:
    assert list(MODELS) == [
        "bert-base-chinese", "chinese-bert-wwm", "chinese-bert-wwm-ext", "chinese-roberta-wwm-ext",
        "chinese-roberta-wwm-ext-large", "chinese-macbert-base", "chinese-macbert-large",
        "ernie-1.0", "roberta-zh-base", "roberta-zh-large", "albert-tiny-zh",
        "albert-tiny-zh-489k", "albert-base-zh", "albert-base-zh-36k", "albert-large-zh",
        "albert-xlarge-zh-177k", "albert-xlarge-zh-183k", "albert-tiny-zh-google",
        "albert-small-zh-google", "albert-base-zh-google", "albert-large-zh-google",
        "albert-xlarge-zh-google", "albert-xxlarge-zh-google", "albert-tiny-zh-voidful",
        "albert-small-zh-voidful", "albert-base-zh-voidful", "albert-large-zh-voidful",
        "albert-xlarge-zh-voidful", "albert-xxlarge-zh-voidful", "chinese-xlnet-base",
        "chinese-xlnet-mid", "bert-base-uncased", "albert-base-v2",
    ]  # fmt: skip


def test_no_name_hides_another_kind_of_model_argument() -> None:
    assert not MODELS.keys() & set(scratch_names())
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in MODELS)


def test_no_two_models_share_an_address() -> None:
    addresses = [source.address for model in MODELS.values() for source in model.sources]
    assert len(addresses) == len(set(addresses))


@pytest.mark.parametrize("model", ALL)
def test_an_entry_is_well_formed(model: PublishedModel) -> None:
    for source in model.sources:
        assert ADDRESS.fullmatch(source.address)
        assert source.format in FORMATS
        assert (source.format == TF1) == source.address.startswith("https:")
    assert model.sources or "file-sharing" in model.note
    assert model.tokenizer in (WORDPIECE, SENTENCEPIECE)
    assert model.licence in ("", "Apache-2.0")
    if model.format == TF1:
        assert model.config.hidden_act in ("gelu_new", "relu")  # the original codes know no erf


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("albert-tiny-zh", "https://storage.googleapis.com/albert_zh/albert_tiny.zip"),
        ("albert-base-zh-36k",
         "https://storage.googleapis.com/albert_zh/albert_base_zh_additional_36k_steps.zip"),
        ("albert-xlarge-zh-183k",
         "https://storage.googleapis.com/albert_zh/albert_xlarge_zh_183k.zip"),
        ("albert-small-zh-google",
         "https://storage.googleapis.com/albert_zh/albert_small_zh_google.zip"),
        ("albert-xxlarge-zh-google",
         "https://storage.googleapis.com/albert_models/albert_xxlarge_zh.tar.gz"),
        ("albert-xxlarge-zh-voidful", "hf:voidful/albert_chinese_xxlarge"),
        ("bert-base-chinese", "hf:google-bert/bert-base-chinese"),
        ("chinese-macbert-large", "hf:hfl/chinese-macbert-large"),
        ("chinese-xlnet-mid", "hf:hfl/chinese-xlnet-mid"),
        ("roberta-zh-base", ""),
    ],
)  # fmt: skip
def test_addresses(name: str, expected: str) -> None:
    assert find_model(name).address == expected


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        pytest.param([PICKLE, TF1, SAFETENSORS], 1, id="the-first-that-is-no-pickle"),
        pytest.param([SAFETENSORS, TF1], 0, id="the-authors-own"),
        pytest.param([PICKLE, PICKLE], 0, id="only-pickles"),
    ],
)
def test_a_model_is_loaded_from_what_need_not_be_converted(
    formats: list[str], expected: int
) -> None:
    sources = tuple(Source(address=f"hf:a/{n}", format=kind) for n, kind in enumerate(formats))
    model = PublishedModel(
        name="a", config=scratch_config("scratch:bert-tiny", 50), sources=sources
    )
    assert model.source == sources[expected]
    assert (model.address, model.format) == (f"hf:a/{expected}", formats[expected])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("albert-tiny-zh", (4, 312, 12, 1248, 128)),
        ("albert-small-zh-google", (6, 384, 12, 1536, 128)),
        ("albert-large-zh", (24, 1024, 16, 4096, 128)),
        ("albert-xlarge-zh-177k", (24, 2048, 32, 8192, 128)),
        ("albert-xlarge-zh-google", (24, 2048, 16, 8192, 128)),
        ("albert-xxlarge-zh-google", (12, 4096, 16, 16384, 128)),
        ("chinese-roberta-wwm-ext-large", (24, 1024, 16, 4096, 1024)),
        ("chinese-xlnet-mid", (24, 768, 12, 3072, 768)),
    ],
)
def test_sizes(name: str, expected: tuple[int, ...]) -> None:
    config = find_model(name).config
    assert expected == (
        config.num_hidden_layers, config.hidden_size, config.num_attention_heads,
        config.intermediate_size, config.embedding_size,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("albert-base-zh", {"embedding_projection": "before_sum", "num_hidden_groups": 1,
                            "hidden_act": "gelu_new", "hidden_dropout_prob": 0.0}),
        ("albert-base-zh-google", {"embedding_projection": "after_norm", "hidden_act": "relu"}),
        ("albert-tiny-zh-voidful", {"embedding_projection": "after_norm", "hidden_act": "gelu"}),
        ("bert-base-chinese", {"family": "bert", "embedding_projection": "none",
                               "num_hidden_groups": 12, "hidden_act": "gelu",
                               "attention_probs_dropout_prob": 0.1, "vocab_size": 21128}),
        ("chinese-roberta-wwm-ext", {"hidden_act": "gelu_new"}),  # its archive, not its page
        ("ernie-1.0", {"family": "bert", "vocab_size": 18000, "max_position_embeddings": 513,
                       "hidden_act": "relu", "layer_norm_eps": 1e-5}),
        ("chinese-xlnet-base", {"family": "xlnet", "vocab_size": 32000, "hidden_act": "relu"}),
        ("albert-base-v2", {"vocab_size": 30000, "hidden_act": "gelu_new"}),
    ],
)  # fmt: skip
def test_architectures(name: str, expected: dict[str, Any]) -> None:
    config = find_model(name).config
    assert {setting: getattr(config, setting) for setting in expected} == expected


def test_no_published_model_is_pre_ln() -> None:
    """albert_zh's xxlarge would be; it never came out, and Google's is post-LN."""
    assert not any(model.config.normalize_first for model in MODELS.values())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("bert-base-chinse", "did you mean 'bert-base-chinese'", id="typo"),
        pytest.param("ALBERT-base-zh", "did you mean 'albert-base-zh'", id="case"),
        pytest.param("zzz", "no published model is called 'zzz'; `bakeoff models` lists them",
                     id="nothing-close"),
    ],
)  # fmt: skip
def test_an_unknown_model(name: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        find_model(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bert-base-chinese", "89.4 (88.4), 86.9 (86.4), 77.8 (77.4), 77.8 (77.5)"),
        ("ernie-1.0", "89.8 (89.6), 87.2 (87.0), 79.7 (79.4), 78.6 (78.2)"),
        ("chinese-bert-wwm", "89.4 (89.2), 87.0 (86.8), 79.0 (78.4), 78.2 (78.0)"),
        ("chinese-bert-wwm-ext", "89.6 (89.2), 87.1 (86.6), 79.4 (78.6), 78.7 (78.3)"),
        ("chinese-xlnet-mid", "86.14, 85.98, 79.2, 78.7"),
        ("roberta-zh-base", "88.7, 87.0, 79.8, 78.8"),
        ("roberta-zh-large", "89.9 (89.6), 87.2 (86.7), 80.2 (80.0), 79.9 (79.5)"),
        ("chinese-roberta-wwm-ext", "89.0 (88.7), 86.4 (86.1), 80.0 (79.2), 78.8 (78.3)"),
        ("chinese-roberta-wwm-ext-large", "90.4 (90.0), 87.0 (86.8), 82.1 (81.3), 81.2 (80.6)"),
        ("chinese-macbert-base", "89.5 (89.3), 87.0 (86.5), 80.3 (79.7), 79.3 (78.8)"),
        ("chinese-macbert-large", "90.6 (90.3), 87.6 (87.1), 82.4 (81.8), 81.3 (80.6)"),
        ("albert-tiny-zh", "85.4"),
        ("albert-small-zh-google", "86.0"),
        ("albert-base-zh", "87.2, 86.3, 77.0, 77.1"),
        ("albert-base-zh-36k", "87.8, 86.3"),
        ("albert-large-zh", "88.7, 87.1, 78.0, 77.5"),
        ("albert-xlarge-zh-177k", "87.3, 87.7"),
        ("albert-xlarge-zh-183k", "87.3, 87.7"),
        ("albert-xxlarge-zh-google", ""),
    ],
)
def test_published_accuracies(name: str, expected: str) -> None:
    assert ", ".join(str(result) for result in find_model(name).results) == expected


def test_a_result_says_what_it_is_of_and_where_it_stands() -> None:
    (result,) = results_of("ALBERT-tiny")
    assert result == Result(
        task="lcqmc", split="test", max=85.4, mean=None,
        source="README of https://github.com/brightmart/albert_zh",
    )  # fmt: skip


def test_every_published_row_but_two_belongs_to_a_model() -> None:
    held = {model.results for model in MODELS.values()}
    assert {row for row in ACCURACIES if results_of(row) not in held} == {
        "RoBERTa-zh-Large (20w_steps)"  # a checkpoint of roberta-zh-large that never came out
    }
    assert results_of("ALBERT-xxlarge") == ()  # a row without figures


@pytest.mark.parametrize("row", ACCURACIES)
def test_accuracies_are_plausible(row: str) -> None:
    for result in results_of(row):
        assert 70 < (result.mean or result.max) <= result.max < 95


def test_pretraining_figures() -> None:
    base = PRETRAINING["albert_zh_base"]
    assert find_model("albert-base-zh").pretraining == base
    assert (base.masked_lm_accuracy, base.sentence_order_accuracy) == (79.1, 99.0)
    assert (base.hours, base.loss, base.estimated) == (6, 1.01, False)
    xlarge = find_model("albert-xlarge-zh-183k").pretraining
    assert xlarge is not None
    assert (xlarge.hours, xlarge.estimated, xlarge.loss) == (53, True, None)
    assert find_model("albert-tiny-zh").pretraining is None


def test_the_reference_experiment() -> None:
    figures = [
        (run.name, run.eval_accuracy, run.eval_loss, run.loss) for run in REFERENCE_EXPERIMENT
    ]
    assert figures == [("ALBert_LCQMC", 0.83, 0.41, 0.41), ("Bert_LCQMC", 0.51, 0.79, 0.79)]
    assert {(run.global_step, run.train_samples) for run in REFERENCE_EXPERIMENT} == {(3749, 20000)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bert-base-chinese", 102_267_648),
        ("albert-base-zh-google", 10_547_968),
    ],
)
def test_published_parameter_counts(name: str, expected: int) -> None:
    assert find_model(name).parameters == expected


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        pytest.param("chinese-macbert-base", 102, id="macbert-base"),
        pytest.param("chinese-xlnet-base", 117, id="xlnet-base"),
        pytest.param("chinese-xlnet-mid", 209, id="xlnet-mid"),
    ],
)
def test_parameters_are_those_of_the_readmes(name: str, millions: int) -> None:
    assert find_model(name).parameters // 1_000_000 == millions
