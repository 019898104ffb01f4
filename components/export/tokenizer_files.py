"""The model's tokenizer as other programs load it: packing, cutting and padding included."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from components.artifacts.folder import write_json
from components.artifacts.model import TrainedModel
from components.artifacts.tokens import TOKENIZER, VOCAB
from components.tokenization import PACKINGS

CONFIG = "tokenizer_config.json"


class _Row(NamedTuple):
    """How a packing makes rows, in the words of `tokenizers`: templates with segments, padding."""

    single: str
    pair: str
    padding_side: str


ROWS = {
    "bert": _Row("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", "right"),
    "xlnet": _Row("$A:0 <sep>:0 <cls>:2", "$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2", "left"),
}

NAMES = {
    "unk_token": ("[UNK]", "<unk>"),
    "pad_token": ("[PAD]", "<pad>"),
    "mask_token": ("[MASK]", "<mask>"),
}
"""What the tokens are called that transformers wants to know, besides those of the packing."""


def write_tokenizer(folder: Path, trained: TrainedModel) -> None:
    """Writes `tokenizer.json`, whose `encode_batch` gives rows as the model was trained on."""
    tokenizer = Tokenizer.from_str(trained.tokenizer_json)
    packing, row = PACKINGS[trained.training.packing], ROWS[trained.training.packing]
    tokenizer.post_processor = TemplateProcessing(
        single=row.single,
        pair=row.pair,
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in (packing.cls, packing.sep)],
    )
    tokenizer.enable_truncation(trained.training.max_seq_length, strategy="longest_first")
    pad = special_tokens(trained).get("pad_token")
    if pad:
        tokenizer.enable_padding(
            direction=row.padding_side, pad_token=pad, pad_id=tokenizer.token_to_id(pad)
        )
    (folder / TOKENIZER).write_text(tokenizer.to_str(pretty=True), encoding="utf-8")


def special_tokens(trained: TrainedModel) -> dict[str, str]:
    """Returns the special tokens that the vocabulary has, by transformers' names for them."""
    packing = PACKINGS[trained.training.packing]
    entries = set(trained.vocab.splitlines())
    named = {name: token for name, known in NAMES.items() for token in known if token in entries}
    return {"cls_token": packing.cls, "sep_token": packing.sep, **named}


def write_transformers_tokenizer(folder: Path, trained: TrainedModel) -> None:
    """Writes the tokenizer's files that `AutoTokenizer.from_pretrained` reads."""
    write_tokenizer(folder, trained)
    write_json(
        folder / CONFIG,
        {
            # Not BertTokenizer: transformers 5 builds that of the vocabulary, by rules of its own.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
            "model_max_length": trained.training.max_seq_length,
            "padding_side": ROWS[trained.training.packing].padding_side,
            "clean_up_tokenization_spaces": False,
            "split_special_tokens": True,  # a [MASK] that is written in a text is text
            **special_tokens(trained),
            **text_rules(trained),
        },
    )
    write_json(folder / "special_tokens_map.json", special_tokens(trained))
    write_vocabulary(folder, trained)


def write_original_tokenizer(folder: Path, trained: TrainedModel) -> None:
    """Writes what the original codes read, and the rules that they take as flags.

    A SentencePiece model cannot be written again: `tokenizer.json`, which our own reader takes,
    stands for it.
    """
    if not write_vocabulary(folder, trained):
        (folder / TOKENIZER).write_text(trained.tokenizer_json, encoding="utf-8")
    if rules := text_rules(trained):
        write_json(folder / CONFIG, rules)


def write_vocabulary(folder: Path, trained: TrainedModel) -> bool:
    """Writes `vocab.txt` where that and `text_rules` say all; tells whether they do."""
    if not text_rules(trained):
        return False
    (folder / VOCAB).write_text(trained.vocab, encoding="utf-8")
    return True


def text_rules(trained: TrainedModel) -> Mapping[str, Any]:
    """Returns what BERT's own tokenizer does to case and accents; nothing for another one."""
    content = json.loads(trained.tokenizer_json)
    normalizer = content["normalizer"] or {}
    if content["model"]["type"] != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        return {}
    return {
        "do_lower_case": normalizer["lowercase"],
        "strip_accents": normalizer["strip_accents"],
        "tokenize_chinese_chars": normalizer["handle_chinese_chars"],
    }
