"""`tokenizer.json`, the format of the tokenizers library, read so that text is text."""

import json
from typing import Any

from tokenizers import Tokenizer, __version__

from components.errors import InputError
from components.tokenization.rules import TextRules

Content = dict[str, Any]

MODELS = ("WordPiece", "Unigram")
NEVER = " "
"""Before an entry: no text becomes it, because no word that reaches the model has a space."""


def parse(text: str, source: str) -> Content:
    """Reads a tokenizer.json without what packs, cuts and pads rows.

    Raises:
        InputError: `tokenizers` cannot read it, or its model is neither WordPiece nor Unigram.
    """
    try:
        content: Content = json.loads(Tokenizer.from_str(text).to_str())
    except Exception as error:  # tokenizers raises no narrower one
        raise InputError(
            f"vocab_file {source} is no tokenizer.json that tokenizers {__version__} reads: "
            f"{error}; take the file that was published with the encoder"
        ) from None
    if (model := content["model"]["type"]) not in MODELS:
        raise InputError(
            f"vocab_file {source} holds a tokenizer of type {model}, read are "
            f"{' and '.join(MODELS)}: it belongs to an encoder of another family"
        )
    return content | {"post_processor": None, "truncation": None, "padding": None}


def entries_of(content: Content, source: str) -> dict[str, int]:
    """Returns the id of every entry, added tokens included.

    Raises:
        InputError: The ids have gaps.
    """
    entries = _tokenizer(content).get_vocab()
    if gaps := sorted(set(range(len(entries))) - set(entries.values())):
        raise InputError(
            f"vocab_file {source} has {len(entries)} entries but none of the id {gaps[0]}; "
            "ids must run from 0 without gaps: take the file that was published with the encoder"
        )
    return entries


def unknown_of(content: Content, source: str) -> str:
    """Returns the name of the unknown token.

    Raises:
        InputError: There is none.
    """
    model = content["model"]
    if model["type"] == "Unigram":
        unknown = None if model["unk_id"] is None else model["vocab"][model["unk_id"]][0]
    else:
        unknown = model["unk_token"] if model["unk_token"] in model["vocab"] else None
    if unknown is None:
        raise InputError(
            f"vocab_file {source} has no unknown token; "
            "take the file that was published with the encoder"
        )
    return str(unknown)


def lowercases(content: Content) -> bool:
    """Says whether texts become lower case."""
    return any(step["type"] == "Lowercase" or step.get("lowercase") for step in _steps(content))


def cuts_runs(content: Content) -> bool:
    """Says whether texts are cut by BERT's rules alone, as `RunTokenizer` does."""
    added = (token for token in content["added_tokens"] if not token["special"])
    return (
        [step["type"] for step in _steps(content)] == ["BertNormalizer"]
        and (content["pre_tokenizer"] or {}).get("type") == "BertPreTokenizer"
        and content["model"]["type"] == "WordPiece"
        and not any(added)
    )


def with_rules(content: Content, rules: TextRules) -> Content:
    """Returns the tokenizer with the rules that are stated; the others stay its own.

    Only a BERT normalizer has rules besides that for case: SentencePiece's stand in its steps.
    """
    steps = [_with_bert_rules(step, rules) for step in _steps(content)]
    if rules.do_lower_case is not None and not any(s["type"] == "BertNormalizer" for s in steps):
        steps = [step for step in steps if step["type"] != "Lowercase"]
        if rules.do_lower_case:
            maps = (i for i, step in enumerate(steps) if step["type"] == "Precompiled")
            steps.insert(next(maps, len(steps)), {"type": "Lowercase"})
    sequence = {"type": "Sequence", "normalizers": steps}
    return content | {"normalizer": steps[0] if len(steps) == 1 else sequence}


def _with_bert_rules(step: Content, rules: TextRules) -> Content:
    if step["type"] != "BertNormalizer":
        return step
    stated = {
        "lowercase": rules.do_lower_case,
        "strip_accents": rules.strip_accents,
        "handle_chinese_chars": rules.tokenize_chinese_chars,
    }
    return step | {key: value for key, value in stated.items() if value is not None}


def _steps(content: Content) -> list[Content]:
    normalizer = content["normalizer"]
    if normalizer is None:
        return []
    return list(normalizer["normalizers"]) if normalizer["type"] == "Sequence" else [normalizer]


def text_tokenizer(content: Content, source: str) -> Tokenizer:
    """Builds the tokenizer that takes a literal special token in a text, `[MASK]`, for text.

    Special tokens keep their ids but get names that no text has. Words that were added to the
    model's vocabulary stay words.

    Raises:
        InputError: Words were added behind special tokens, so that their ids cannot be kept.
    """
    added = content["added_tokens"]
    special = {token["content"] for token in added if token["special"]}
    model = _without(content["model"], special)
    known = _tokenizer(content | {"added_tokens": []}).get_vocab()
    words = [t for t in added if t["content"] not in known and t["content"] not in special]
    tokenizer = _tokenizer(content | {"model": model, "added_tokens": words})
    if moved := [t for t in words if tokenizer.token_to_id(t["content"]) != t["id"]]:
        raise InputError(
            f"vocab_file {source} adds the word {moved[0]['content']!r} behind special tokens; "
            "name the encoder's vocab.txt or spiece.model instead"
        )
    return tokenizer


def _without(model: Content, special: set[str]) -> Content:
    def renamed(entry: str) -> str:
        return NEVER + entry if entry in special else entry

    if model["type"] == "Unigram":
        return model | {"vocab": [[renamed(entry), score] for entry, score in model["vocab"]]}
    vocab = {renamed(entry): index for entry, index in model["vocab"].items()}
    return model | {"vocab": vocab, "unk_token": renamed(model["unk_token"])}


def _tokenizer(content: Content) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(content))
