"""The tokenizer that all steps use: texts → ids → rows."""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tokenizers import Tokenizer

from components.errors import InputError
from components.tokenization import tokenizer_json
from components.tokenization.packing import PACKINGS, PackedRows, pack
from components.tokenization.rules import TextRules
from components.tokenization.runs import RunTokenizer, encoded
from components.tokenization.token_ids import TokenIds
from components.tokenization.unigram import SPACE
from components.tokenization.wordpiece import tokenizer_from_texts

ROWS_AT_ONCE = 8192
"""So many that calls cost nothing, so few that their arrays stay in the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTokenizer:
    """Makes ids of texts, and rows of ids.

    Attributes:
        tokenizer_json: The tokenizer as `tokenizers` stores it, special tokens named and marked.
        entries: The vocabulary in the order of the ids.
        packing: How rows are packed: a name of `PACKINGS`.
        source: Where the vocabulary came from.
        lowercase: Whether texts become lower case.
        lowercase_source: Who stated that.
        unknown: Id of the unknown token.
        cls: Id of the token whose state is classified.
        sep: Id of the token that ends a text.
    """

    tokenizer_json: str = field(repr=False)
    entries: tuple[str, ...] = field(repr=False)
    packing: str
    source: str
    lowercase: bool
    lowercase_source: str
    unknown: int
    cls: int
    sep: int
    _tokenizer: Tokenizer = field(repr=False)
    _runs: RunTokenizer | None = field(repr=False)
    _digit_commas: Mapping[int, tuple[int, ...]] = field(repr=False)

    @classmethod
    def of(
        cls,
        text: str,
        packing: str,
        *,
        source: str,
        lowercase_source: str,
        rules: TextRules | None = None,
    ) -> "TextTokenizer":
        """Builds it of a tokenizer.json, such as lies in a tokens or model folder.

        Args:
            text: The content of the file.
            packing: How rows are packed: a name of `PACKINGS`.
            source: Where it came from, for messages and facts.
            lowercase_source: Who stated the rule for case.
            rules: Rules to use instead of the tokenizer's own.

        Raises:
            InputError: It cannot be read, or lacks the special tokens of this packing.
        """
        content = tokenizer_json.parse(text, source)
        if rules:
            content = tokenizer_json.with_rules(content, rules)
        ids = tokenizer_json.entries_of(content, source)
        unknown = ids[tokenizer_json.unknown_of(content, source)]
        cls_id, sep_id = _special_ids(ids, packing, source)
        tokenizer = tokenizer_json.text_tokenizer(content, source)
        unigram = content["model"]["type"] == "Unigram"
        return cls(
            tokenizer_json=json.dumps(content, ensure_ascii=False),
            entries=tuple(sorted(ids, key=ids.__getitem__)),
            packing=packing,
            source=source,
            lowercase=tokenizer_json.lowercases(content),
            lowercase_source=lowercase_source,
            unknown=unknown,
            cls=cls_id,
            sep=sep_id,
            _tokenizer=tokenizer,
            _runs=RunTokenizer(tokenizer) if tokenizer_json.cuts_runs(content) else None,
            _digit_commas=digit_commas(tokenizer, unknown) if unigram else {},
        )

    @property
    def vocab_size(self) -> int:
        """Number of entries of the vocabulary, special tokens included."""
        return len(self.entries)

    @property
    def vocab_text(self) -> str:
        """The vocabulary as `vocab.txt`: one entry a line, in the order of the ids."""
        return "".join(f"{entry}\n" for entry in self.entries)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns the ids of each text, without special tokens."""
        return self.token_ids(texts).lists()

    def token_ids(self, texts: Sequence[str]) -> TokenIds:
        """Returns the ids of each text, without special tokens, in one flat array."""
        if self._runs:
            return self._runs.encode(texts)
        ids = encoded(self._tokenizer, texts)
        found = np.flatnonzero(np.isin(ids.values, list(self._digit_commas)))
        if not len(found):
            return ids
        parts = [self._digit_commas[index] for index in ids.values[found].tolist()]
        return ids.replaced(found, TokenIds.of(parts))

    def rows(
        self, texts_a: Sequence[str], texts_b: Sequence[str] | None, max_seq_length: int
    ) -> Iterator[PackedRows]:
        """Yields the rows of texts (`texts_b` is None) or pairs, `ROWS_AT_ONCE` at a time.

        They are made by one thread a core. No row is longer than `max_seq_length` tokens.
        """

        def packed(start: int) -> PackedRows:
            part = slice(start, start + ROWS_AT_ONCE)
            texts = list(texts_a[part])
            if texts_b is not None:
                texts = [text for pair in zip(texts, texts_b[part], strict=True) for text in pair]
            return self._packed(self.token_ids(texts), texts_b is not None, max_seq_length)

        with ThreadPoolExecutor(_cores()) as threads:
            yield from threads.map(packed, range(0, len(texts_a), ROWS_AT_ONCE))

    def pack(
        self, ids_a: Sequence[int], ids_b: Sequence[int] | None, max_seq_length: int
    ) -> tuple[list[int], list[int]]:
        """Returns `input_ids` and `token_type_ids` of a text or a pair, cut to `max_seq_length`."""
        ids = TokenIds.of([ids_a] if ids_b is None else [ids_a, ids_b])
        row = self._packed(ids, ids_b is not None, max_seq_length)
        return row.input_ids.tolist(), row.token_type_ids.tolist()

    def _packed(self, ids: TokenIds, pairs: bool, max_seq_length: int) -> PackedRows:
        packing = PACKINGS[self.packing]
        return pack(packing, ids, pairs, self.cls, self.sep, self.unknown, max_seq_length)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def train_tokenizer(
    texts: Sequence[str], vocab_size: int, do_lower_case: bool | None
) -> TextTokenizer:
    """Trains a WordPiece vocabulary of at most `vocab_size` entries, for encoders from scratch.

    Letters become lower case where `do_lower_case` is None.
    """
    rules = TextRules(do_lower_case=do_lower_case is not False)
    return TextTokenizer.of(
        tokenizer_from_texts(texts, vocab_size, rules).to_str(),
        "bert",
        source="trained on the train texts",
        lowercase_source="the default" if do_lower_case is None else "do_lower_case",
    )


def _special_ids(ids: Mapping[str, int], packing: str, source: str) -> tuple[int, int]:
    """Returns the ids of the packing's cls and sep."""
    wanted = PACKINGS[packing]
    if missing := [name for name in (wanted.cls, wanted.sep) if name not in ids]:
        alike = [name for p in PACKINGS.values() for name in (p.cls, p.sep) if name in ids]
        raise InputError(
            f"vocab_file {source} lacks {', '.join(missing)}, which rows in the style of {packing} "
            f"need; it has {', '.join(alike) or 'no such tokens'}: name the encoder's own "
            "vocabulary with vocab_file"
        )
    return ids[wanted.cls], ids[wanted.sep]


def digit_commas(tokenizer: Tokenizer, unknown: int) -> dict[int, tuple[int, ...]]:
    """Returns what stands for each SentencePiece entry that ends in a digit and a comma.

    ALBERT and XLNet cut the comma off and tokenize the rest by itself: `encode_pieces` of
    zihangdai/xlnet's `prepro_utils.py`, and of google-research/albert's `tokenization.py`.
    """
    vocab = tokenizer.get_vocab()
    found = {}
    for piece, index in vocab.items():
        if len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit():
            number = tokenizer.encode(piece[:-1].replace(SPACE, ""), add_special_tokens=False)
            parts = _continued(number.tokens) if piece[0] != SPACE else number.tokens
            found[index] = tuple(vocab.get(part, unknown) for part in [*parts, ","])
    return found


def _continued(tokens: list[str]) -> list[str]:
    """Takes the space off the start of a text's tokens."""
    if not tokens or tokens[0][0] != SPACE:
        return tokens
    return tokens[1:] if tokens[0] == SPACE else [tokens[0][1:], *tokens[1:]]
