"""WordPiece over arrays: many texts are cut at once, and each distinct word is looked up once.

BERT's rules look at one character after another: a character stands alone (Chinese, punctuation),
parts words (white space), is dropped (control characters, accents) or belongs to a run of letters.
What a character does is asked of `tokenizers` once and kept in a table; so are the ids of each
distinct run.
"""

import threading
from collections.abc import Sequence

import numpy as np
from tokenizers import Tokenizer

from components.tokenization.token_ids import Array, TokenIds, joined, lengths_of, offsets_of

CHARACTERS = 0x110000
ALONE, PARTS, RUNS, DROPPED, UNSEEN = 0, -1, -2, -3, -4
"""What a character does; one that stands alone has its id, which is 0 or more, in the table."""
ASCII, ANY = "ascii", "utf-32-le"
REMEMBERED_RUNS = 1 << 20
"""Enough for any language; words that are numbers of a document would grow without end."""


class RunTokenizer:
    """Makes the ids that a tokenizer of BERT's normalizer, pre-tokenizer and WordPiece makes."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Takes the tokenizer, which must have no added words."""
        self._tokenizer = tokenizer
        self._does = np.full(CHARACTERS, UNSEEN, np.int32)
        self._ids = TokenIds.of([])
        self._places: dict[str, dict[bytes, int]] = {ASCII: {}, ANY: {}}
        self._learning = threading.Lock()

    def encode(self, texts: Sequence[str]) -> TokenIds:
        """Returns the ids of each text, without special tokens."""
        codes, does, offsets = self._characters(texts)
        if does.min(initial=ALONE) >= ALONE:
            return TokenIds(does, offsets)
        begins = _begins(does, offsets)
        units = np.flatnonzero(begins)
        ids = TokenIds(does[units], np.searchsorted(units, offsets))
        runs = np.flatnonzero(ids.values == RUNS)
        if not len(runs):
            return ids
        return ids.replaced(runs, self._ids_of_runs(*_distinct(codes, does == RUNS, begins)))

    def units(self, texts: Sequence[str]) -> dict[str, int]:
        """Counts runs, and characters that stand alone, in the order of their first places."""
        codes, does, offsets = self._characters(texts)
        distinct, coding, which = _distinct(codes, does != PARTS, _begins(does, offsets))
        units = [unit.decode(coding) for unit in distinct]
        return dict(zip(units, np.bincount(which).tolist(), strict=True))

    def _characters(self, texts: Sequence[str]) -> tuple[Array, Array, Array]:
        """Returns code and doing of each character that is not dropped, and each text's offset."""
        codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
        does, offsets = self._looked_up(codes), offsets_of(lengths_of(texts))
        if (kept := does != DROPPED).all():
            return codes, does, offsets
        return codes[kept], does[kept], offsets_of(kept)[offsets]

    def _looked_up(self, codes: Array) -> Array:
        """Returns what each character does, int32, after learning those not seen before."""
        does: Array = self._does[codes]
        if (does == UNSEEN).any():
            with self._learning:  # another thread may have learned them meanwhile
                self._learn_characters(np.unique(codes[self._does[codes] == UNSEEN]))
            does = self._does[codes]
        return does

    def _learn_characters(self, codes: Array) -> None:
        """Asks `tokenizers` what each of these characters does between two letters."""
        does = [self._between_letters(chr(code)) for code in codes.tolist()]
        alone = [place for place, doing in enumerate(does) if doing == ALONE]
        ids = encoded(self._tokenizer, [chr(code) for code in codes[alone].tolist()])
        learned = np.array(does, np.int32)
        learned[alone] = ids.values
        self._does[codes] = learned

    def _between_letters(self, character: str) -> int:
        normalized = self._tokenizer.normalizer.normalize_str(f"a{character}b")
        words = [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]
        if words == ["ab"]:
            return DROPPED
        if words == ["a", "b"]:
            return PARTS
        return RUNS if len(words) == 1 else ALONE

    def _ids_of_runs(self, distinct: Sequence[bytes], coding: str, which: Array) -> TokenIds:
        """Returns the ids of runs, after learning the distinct ones that are new."""
        with self._learning:
            if len(self._ids) > REMEMBERED_RUNS:
                self._ids, self._places = TokenIds.of([]), {ASCII: {}, ANY: {}}
            known = self._places[coding]
            places = list(map(known.get, distinct))
            if None in places:
                self._learn([run for run in distinct if run not in known], coding)
                places = list(map(known.get, distinct))
            ids = self._ids
        return ids.chosen(np.array(places, np.int64)[which])

    def _learn(self, runs: Sequence[bytes], coding: str) -> None:
        """Remembers the ids of runs that are new."""
        learned = encoded(self._tokenizer, [run.decode(coding) for run in runs])
        places = range(len(self._ids), len(self._ids) + len(runs))
        self._places[coding] |= zip(runs, places, strict=True)
        self._ids = joined(self._ids, learned)


def _begins(does: Array, offsets: Array) -> Array:
    """Says of each character whether it stands alone or is the first one of a run."""
    runs = does == RUNS
    begins = does >= ALONE
    begins[1:] |= runs[1:] & ~runs[:-1]
    firsts = offsets[:-1][offsets[:-1] < len(does)]
    begins[firsts] |= runs[firsts]  # a run ends with its text
    return begins


def _distinct(codes: Array, kept: Array, begins: Array) -> tuple[list[bytes], str, Array]:
    """Cuts the characters that are kept into parts, where `begins` is true.

    Returns:
        The distinct parts in the order of their first places, their coding, and which of them each
        part is.
    """
    import pyarrow as pa  # here: what only names a tokenizer need not load it

    places = np.flatnonzero(kept)
    codes, starts = codes[places], np.flatnonzero(begins[places])
    coding = ASCII if codes.max(initial=0) < 128 else ANY
    content = codes.astype(np.uint8) if coding == ASCII else codes
    offsets = np.append(starts, len(codes)) * content.itemsize
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(content)]
    found = pa.Array.from_buffers(pa.large_binary(), len(starts), buffers).dictionary_encode()
    return found.dictionary.to_pylist(), coding, found.indices.to_numpy()


def encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenIds:
    """Returns the ids that `tokenizers` makes, without special tokens; it uses all cores."""
    found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    return TokenIds.of([encoding.ids for encoding in found])
