"""The tokenizer of a checkpoint folder, whatever form its vocabulary has."""

from pathlib import Path

from components.storage import fetch
from components.tokenization.files import SENTENCEPIECE, TOKENIZER_JSON, find_vocabulary, read_text
from components.tokenization.rules import TextRules, cased_name, read_rules
from components.tokenization.sentencepiece_model import read_sentencepiece
from components.tokenization.tokenizer import TextTokenizer
from components.tokenization.unigram import tokenizer_from_sentencepiece
from components.tokenization.wordpiece import read_vocab, tokenizer_from_vocab


def read_tokenizer(
    folder: Path | None,
    packing: str,
    *,
    vocab_file: str = "",
    do_lower_case: bool | None = None,
    named: str = "",
) -> TextTokenizer:
    """Reads the tokenizer of a checkpoint folder, or that of a vocabulary file.

    Args:
        folder: Folder of the checkpoint; its `tokenizer_config.json` is honoured. None: that of
            `vocab_file`.
        packing: How rows are packed: a name of `PACKINGS`.
        vocab_file: Vocabulary to use instead of the folder's own: a `.model` of SentencePiece, a
            `tokenizer.json`, or a WordPiece `vocab.txt` under any other name.
        do_lower_case: Whether letters become lower case; None: as the checkpoint says.
        named: What the user called the checkpoint; `cased` in it counts as in the folder's name.

    Raises:
        InputError: There is no vocabulary or more than one, or it cannot be used.
    """
    if vocab_file:
        path = fetch(vocab_file).path
    elif folder:
        path = find_vocabulary(folder)
    else:
        raise ValueError("a folder or a vocab_file is needed")
    home = folder or path.parent
    rules = read_rules(home, do_lower_case)
    if path.suffix == Path(TOKENIZER_JSON).suffix:
        return TextTokenizer.of(
            read_text(path),
            packing,
            source=str(path),
            lowercase_source=rules.lowercase_source or path.name,
            rules=rules,
        )
    sentencepiece = path.suffix == Path(SENTENCEPIECE).suffix
    name = cased_name(home, named)
    rules = _with_lower_case(rules, name, path, sentencepiece and packing == "xlnet")
    if sentencepiece:
        tokenizer = tokenizer_from_sentencepiece(read_sentencepiece(path), rules)
    else:
        tokenizer = tokenizer_from_vocab(read_vocab(path), rules)
    return TextTokenizer.of(
        tokenizer.to_str(), packing, source=str(path), lowercase_source=rules.lowercase_source
    )


def _with_lower_case(rules: TextRules, name: str, path: Path, cased: bool) -> TextRules:
    """States the rule for case that the originals have where nobody else does."""
    if name:
        return rules.with_lower_case(False, f"the name {name}")
    return rules.with_lower_case(not cased, f"the default for {path.name}")
