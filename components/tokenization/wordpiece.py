"""WordPiece tokenizers: read from a vocabulary file or trained on texts."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, WhitespaceSplit
from tokenizers.trainers import WordPieceTrainer

from components.errors import InputError
from components.tokenization.files import read_text
from components.tokenization.rules import TextRules
from components.tokenization.runs import RunTokenizer

PAD, UNKNOWN, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNKNOWN, CLS, SEP, MASK)

UNCASED = TextRules(do_lower_case=True)
MAX_INPUT_CHARS_PER_WORD = 200
"""Longer words become the unknown token; google-research/bert `tokenization.py`."""

TEXTS_AT_ONCE = 16_384
"""Of those that a vocabulary is trained on; the arrays of all would fill the memory."""


def read_vocab(path: Path) -> dict[str, int]:
    """Reads a `vocab.txt`: one entry a line, its id the line number from 0.

    Raises:
        InputError: The file is missing or unreadable, repeats an entry or lacks a special token.
    """
    entries = _read_lines(path)
    vocab = {entry: index for index, entry in enumerate(entries)}
    if len(vocab) < len(entries):
        first = next(i for i, entry in enumerate(entries) if vocab[entry] != i)
        raise InputError(
            f"{path} line {first + 1}: entry {entries[first]!r} occurs again on line "
            f"{vocab[entries[first]] + 1}; a vocabulary lists each entry once"
        )
    if missing := [token for token in SPECIAL_TOKENS if token not in vocab]:
        raise InputError(
            f"{path} lacks {', '.join(missing)}: it is no WordPiece vocabulary; "
            "name the vocab.txt of the encoder"
        )
    return vocab


def _read_lines(path: Path) -> list[str]:
    lines = [line.removesuffix("\r") for line in read_text(path).split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def tokenizer_from_vocab(vocab: dict[str, int], rules: TextRules = UNCASED) -> Tokenizer:
    """Builds google-research/bert's tokenizer; without `rules` for uncased and Chinese models.

    It adds no special tokens and recognises none: a literal `[MASK]` in a text is split into its
    parts, as the original does, not taken for the mask.
    """
    model = WordPiece(vocab, unk_token=UNKNOWN, max_input_chars_per_word=MAX_INPUT_CHARS_PER_WORD)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = BertNormalizer(
        clean_text=True,
        handle_chinese_chars=rules.tokenize_chinese_chars is not False,
        strip_accents=rules.strip_accents,  # None: where letters become lower case
        lowercase=bool(rules.do_lower_case),
    )
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    return tokenizer


def tokenizer_from_texts(
    texts: Sequence[str], vocab_size: int, rules: TextRules = UNCASED
) -> Tokenizer:
    """Trains a WordPiece vocabulary of at most `vocab_size` entries on texts.

    The same texts give the same vocabulary. The trainer by itself does not: it numbers the
    `##` characters in the order of a hash map and breaks ties by number. Naming them, and the
    alphabet, beforehand leaves it no choice.
    """
    words = _count_words(tokenizer_from_vocab({UNKNOWN: 0}, rules), texts)
    continuing = {character for word in words for character in word[1:]}
    room = max(1, vocab_size - len(SPECIAL_TOKENS) - len(continuing))
    alphabet = _most_frequent_characters(words, room)
    trainer = WordPieceTrainer(
        vocab_size=vocab_size,
        special_tokens=[*SPECIAL_TOKENS, *(f"##{c}" for c in sorted(continuing & set(alphabet)))],
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    learner = Tokenizer(WordPiece(unk_token=UNKNOWN))
    learner.pre_tokenizer = WhitespaceSplit()  # the words are normalized already
    # A word of one character has no pair to join, and the alphabet is given.
    longer = {word: count for word, count in words.items() if len(word) > 1}
    learner.train_from_iterator((f"{word} " * count for word, count in longer.items()), trainer)
    return tokenizer_from_vocab(learner.get_vocab(with_added_tokens=False), rules)


def _count_words(tokenizer: Tokenizer, texts: Sequence[str]) -> Counter[str]:
    """Counts the words that the tokenizer cuts texts into before it looks for pieces."""
    cutter, units, words = RunTokenizer(tokenizer), Counter[str](), Counter[str]()
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        units.update(cutter.units(texts[start : start + TEXTS_AT_ONCE]))
    for unit, count in units.items():
        normalized = tokenizer.normalizer.normalize_str(unit)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized):
            words[word] += count
    return words


def _most_frequent_characters(words: Counter[str], limit: int) -> list[str]:
    """Returns at most `limit` characters, the most frequent first, ties by code point."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    return sorted(counts, key=lambda character: (-counts[character], character))[:limit]
