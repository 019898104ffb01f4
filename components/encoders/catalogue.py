"""The published models by name: what each is, where it is to be had, what it reached.

The archives cannot be opened here, so architectures are those of the published configs: of
albert_zh's repository, of the Hugging Face pages, and for Google's Chinese ALBERT of the Hugging
Face conversions and of its authors' word (issues 153 and 154 of google-research/albert: 16 heads in
xxlarge, relu). A checkpoint's own config decides when it is loaded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.encoders.config import EncoderConfig
from components.encoders.parameters import parameter_count
from components.encoders.published import PRETRAINING, Pretraining, Result, results_of
from components.encoders.sizes import ALBERT_EMBEDDING_SIZE, DROPOUT, SIZES, Size
from components.errors import InputError, did_you_mean

TF1 = "TensorFlow 1"
SAFETENSORS = "safetensors"
PICKLE = "pickle"
FORMATS = (TF1, SAFETENSORS, PICKLE)
"""What a source holds; a pickle (`pytorch_model.bin`) must be converted before it is loaded."""

WORDPIECE, SENTENCEPIECE = "wordpiece", "sentencepiece"
APACHE = "Apache-2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place that a model is to be had from.

    Attributes:
        address: A model argument: the https address of an archive, or `hf:ORG/NAME[@REVISION]`.
        format: One of `FORMATS`.
    """

    address: str
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedModel:
    """A published model.

    Attributes:
        name: What a model argument calls it.
        config: Its architecture, activation and dropout as `address` has them: what TensorFlow 1
            configs call gelu is gelu_new.
        sources: Where it is to be had, its authors' own place first; none = on file-sharing sites.
        tokenizer: `wordpiece` (vocab.txt) or `sentencepiece` (spiece.model).
        licence: Of the page or repository that publishes it; empty = it names none.
        results: Its published accuracies.
        pretraining: Figures of its pre-training; None = not published.
        note: What else there is to know.
    """

    name: str
    config: EncoderConfig
    sources: tuple[Source, ...]
    tokenizer: str = WORDPIECE
    licence: str = ""
    results: tuple[Result, ...] = ()
    pretraining: Pretraining | None = None
    note: str = ""

    @property
    def family(self) -> str:
        """`albert`, `bert` or `xlnet`."""
        return self.config.family

    @property
    def parameters(self) -> int:
        """Number of parameters, without a classifier."""
        return parameter_count(self.config)

    @property
    def source(self) -> Source | None:
        """Where to load it from: the first place that need not be converted, else the first."""
        ready = [source for source in self.sources if source.format != PICKLE]
        return next(iter((*ready, *self.sources)), None)

    @property
    def address(self) -> str:
        """The model argument that loads it; empty where only a path from the user does."""
        return self.source.address if self.source else ""

    @property
    def format(self) -> str:
        """The format behind `address`; TensorFlow 1 on the file-sharing sites too."""
        return self.source.format if self.source else TF1


CHINESE_VOCAB_SIZE = 21128  # google-research/bert's, which nearly all Chinese models share
TINY = Size(4, 312, 12, 1248)
ALBERT_ZH_XLARGE = SIZES["xlarge"]._replace(num_attention_heads=32)
GOOGLE_ZH_XXLARGE = SIZES["xxlarge"]._replace(num_attention_heads=16)
XLNET_MID = Size(24, 768, 12, 3072)


def _config(size: Size, **differences: Any) -> EncoderConfig:
    """Returns the architecture of google-research/bert at a size, with some differences."""
    as_published = {
        "family": "bert",
        "vocab_size": CHINESE_VOCAB_SIZE,
        **size._asdict(),
        "hidden_act": "gelu",
        "embedding_size": size.hidden_size,
        "embedding_projection": "none",
        "num_hidden_groups": size.num_hidden_layers,
        **_dropout("bert"),
    }
    return EncoderConfig(**as_published | differences)


def _albert_config(size: Size, projection: str, **differences: Any) -> EncoderConfig:
    """Returns the architecture of an ALBERT that shares one layer."""
    as_published = {
        "family": "albert",
        "embedding_size": ALBERT_EMBEDDING_SIZE,
        "embedding_projection": projection,
        "num_hidden_groups": 1,
        **_dropout("albert"),
    }
    return _config(size, **as_published | differences)


def _dropout(family: str) -> dict[str, float]:
    kinds = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    return dict.fromkeys(kinds, DROPOUT[family])


def _hugging_face(name: str, format: str = SAFETENSORS) -> Source:
    return Source(address=f"hf:{name}", format=format)


def _archive(bucket_and_file: str) -> Source:
    return Source(address=f"https://storage.googleapis.com/{bucket_and_file}", format=TF1)


def _clue(file: str) -> Source:
    """Returns an archive that the CLUE benchmark's baselines download."""
    return _archive(f"chineseglue/pretrain_models/{file}.zip")


def _albert_zh(
    name: str, archive: str, size: Size, row: str = "", pretraining: str = "", note: str = ""
) -> PublishedModel:
    """Returns a model of albert_zh's own architecture, post-LN."""
    return PublishedModel(
        name=name,
        config=_albert_config(size, "before_sum", hidden_act="gelu_new"),
        sources=(_archive(f"albert_zh/{archive}.zip"),),
        results=results_of(row),
        pretraining=PRETRAINING.get(pretraining),
        note=note,
    )


def _albert_zh_google(size_name: str, size: Size, row: str, note: str) -> PublishedModel:
    """Returns a model of albert_zh in google-research/albert's layout."""
    return PublishedModel(
        name=f"albert-{size_name}-zh-google",
        config=_albert_config(size, "after_norm", hidden_act="gelu_new"),
        sources=(_archive(f"albert_zh/albert_{size_name}_zh_google.zip"),),
        results=results_of(row),
        note=f"Published by albert_zh, in google-research/albert's layout. {note}".strip(),
    )


def _google_albert(size_name: str, size: Size, **differences: Any) -> PublishedModel:
    """Returns one of google-research/albert's Chinese models."""
    return PublishedModel(
        name=f"albert-{size_name}-zh-google",
        config=_albert_config(size, "after_norm", hidden_act="relu", **differences),
        sources=(_archive(f"albert_models/albert_{size_name}_zh.tar.gz"),),
        licence=APACHE,
        note="Published by google-research/albert; another model than albert_zh's of this size.",
    )


def _voidful(size_name: str, size: Size, origin: str, **differences: Any) -> PublishedModel:
    """Returns one of voidful's conversions to Hugging Face's format."""
    return PublishedModel(
        name=f"albert-{size_name}-zh-voidful",
        config=_albert_config(size, "after_norm", **differences),
        sources=(_hugging_face(f"voidful/albert_chinese_{size_name}"),),
        note=f"A conversion of {origin}.",
    )


def _hfl(name: str, size: Size, row: str, *mirror: Source, note: str = "") -> PublishedModel:
    """Returns a BERT of the HIT and iFLYTEK laboratory, whose own page holds a pickle."""
    return PublishedModel(
        name=name,
        config=_config(size, hidden_act="gelu_new" if mirror else "gelu"),
        sources=(_hugging_face(f"hfl/{name}", PICKLE), *mirror),
        licence=APACHE,
        results=results_of(row),
        note=note or ("Loaded from the archive that CLUE's baselines download." if mirror else ""),
    )


def _xlnet(name: str, size: Size, row: str = "", note: str = "") -> PublishedModel:
    return PublishedModel(
        name=name,
        config=_config(
            size,
            family="xlnet",
            vocab_size=32_000,
            hidden_act="relu",
            position_embeddings="relative",
            max_position_embeddings=0,
        ),
        sources=(_hugging_face(f"hfl/{name}", PICKLE),),
        tokenizer=SENTENCEPIECE,
        licence=APACHE,
        results=results_of(row),
        note=note,
    )


def _by_name(models: Iterable[PublishedModel]) -> dict[str, PublishedModel]:
    return {model.name: model for model in models}


MODELS = _by_name(
    (
        PublishedModel(
            name="bert-base-chinese",
            config=_config(SIZES["base"]),
            sources=(
                _hugging_face("google-bert/bert-base-chinese"),
                _archive("bert_models/2018_11_03/chinese_L-12_H-768_A-12.zip"),
            ),
            licence=APACHE,
            results=results_of("BERT"),
            note="The archive is the original of the same weights, trained with the erf form of "
            "gelu; google-research/bert's present code reads its config as the tanh form.",
        ),
        _hfl("chinese-bert-wwm", SIZES["base"], "BERT-wwm",
             note="hidden_act is that of its successor, chinese-bert-wwm-ext."),
        _hfl("chinese-bert-wwm-ext", SIZES["base"], "BERT-wwm-ext",
             _clue("chinese_wwm_ext_L-12_H-768_A-12")),
        _hfl("chinese-roberta-wwm-ext", SIZES["base"], "RoBERTa-wwm-ext",
             _clue("chinese_roberta_wwm_ext_L-12_H-768_A-12")),
        _hfl("chinese-roberta-wwm-ext-large", SIZES["large"], "RoBERTa-wwm-ext-large",
             _clue("chinese_roberta_wwm_large_ext_L-24_H-1024_A-16")),
        _hfl("chinese-macbert-base", SIZES["base"], "MacBERT-base"),
        _hfl("chinese-macbert-large", SIZES["large"], "MacBERT-large",
             note="hidden_act is that of chinese-macbert-base."),
        PublishedModel(
            name="ernie-1.0",
            config=_config(
                SIZES["base"], vocab_size=18_000, max_position_embeddings=513, hidden_act="relu",
                layer_norm_eps=1e-5,
            ),
            sources=(
                _hugging_face("nghuyong/ernie-1.0-base-zh", PICKLE),
                _hugging_face("nghuyong/ernie-1.0-base-zh@refs/pr/1"),
            ),
            results=results_of("ERNIE"),
            note="A conversion of PaddlePaddle's ERNIE 1.0. The main revision holds a pickle; "
            "refs/pr/1 is Hugging Face's own conversion of it to safetensors.",
        ),
        PublishedModel(
            name="roberta-zh-base",
            config=_config(SIZES["base"], hidden_act="gelu_new"),
            sources=(),
            results=results_of("RoBERTa-zh-base"),
            note="12 layers. On file-sharing sites only: download it as "
            "https://github.com/brightmart/roberta_zh says and name its folder. hidden_act is "
            "assumed.",
        ),
        PublishedModel(
            name="roberta-zh-large",
            config=_config(SIZES["large"], hidden_act="gelu_new"),
            sources=(_clue("roeberta_zh_L-24_H-1024_A-16"),),
            results=results_of("RoBERTa-zh-Large"),
            note="The authors' own copy is on file-sharing sites only "
            "(https://github.com/brightmart/roberta_zh); this archive, so spelt, is the one that "
            "CLUE's baselines download. hidden_act is assumed.",
        ),
        _albert_zh("albert-tiny-zh", "albert_tiny", TINY, "ALBERT-tiny"),
        _albert_zh("albert-tiny-zh-489k", "albert_tiny_489k", TINY,
                   note="albert-tiny-zh trained longer: 2 billion examples."),
        _albert_zh("albert-base-zh", "albert_base_zh", SIZES["base"], "ALBERT-base",
                   "albert_zh_base"),
        _albert_zh("albert-base-zh-36k", "albert_base_zh_additional_36k_steps", SIZES["base"],
                   "ALBERT-base, additional 36k steps",
                   note="albert-base-zh trained 36,000 steps longer."),
        _albert_zh("albert-large-zh", "albert_large_zh", SIZES["large"], "ALBERT-large",
                   "albert_zh_large"),
        *(
            _albert_zh(f"albert-xlarge-zh-{steps}", f"albert_xlarge_zh_{steps}", ALBERT_ZH_XLARGE,
                       "ALBERT-xlarge", "albert_zh_xlarge",
                       note="The README gives one result for xlarge and does not say whether 177k "
                       "or 183k reached it; it advises to try 183k first.")
            for steps in ("177k", "183k")
        ),
        _albert_zh_google("tiny", TINY, "",
                          "Its README says that it does as well as albert-tiny-zh."),
        _albert_zh_google("small", SIZES["small"], "ALBERT-small", ""),
        _google_albert("base", SIZES["base"]),
        _google_albert("large", SIZES["large"]),
        _google_albert("xlarge", SIZES["xlarge"], initializer_range=0.014),
        _google_albert("xxlarge", GOOGLE_ZH_XXLARGE, initializer_range=0.01),
        _voidful("tiny", TINY, "albert-tiny-zh-google"),
        _voidful("small", SIZES["small"], "albert-small-zh-google"),
        _voidful("base", SIZES["base"], "albert-base-zh-google", hidden_act="relu"),
        _voidful("large", SIZES["large"], "albert-large-zh-google", hidden_act="relu"),
        _voidful("xlarge", SIZES["xlarge"], "albert-xlarge-zh-google", hidden_act="relu",
                 initializer_range=0.014),
        _voidful("xxlarge", GOOGLE_ZH_XXLARGE, "albert-xxlarge-zh-google", hidden_act="relu",
                 initializer_range=0.01),
        _xlnet("chinese-xlnet-base", SIZES["base"]),
        _xlnet("chinese-xlnet-mid", XLNET_MID, "XLNet",
               "hidden_act is that of chinese-xlnet-base. CLUE's tables name mid as the XLNet of "
               "these results."),
        PublishedModel(
            name="bert-base-uncased",
            config=_config(SIZES["base"], vocab_size=30_522),
            sources=(_hugging_face("google-bert/bert-base-uncased"),),
            licence=APACHE,
            note="English.",
        ),
        PublishedModel(
            name="albert-base-v2",
            config=_albert_config(
                SIZES["base"], "after_norm", vocab_size=30_000, hidden_act="gelu_new"
            ),
            sources=(_hugging_face("albert/albert-base-v2"),),
            tokenizer=SENTENCEPIECE,
            licence=APACHE,
            note="English.",
        ),
    )
)  # fmt: skip
"""Every model that can be named."""


def find_model(name: str) -> PublishedModel:
    """Returns the model of a name.

    Raises:
        InputError: No published model has this name.
    """
    if name not in MODELS:
        raise InputError(
            f"no published model is called {name!r}{did_you_mean(name, MODELS)}; "
            "`bakeoff models` lists them"
        )
    return MODELS[name]
