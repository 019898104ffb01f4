import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers

from components.errors import InputError
from components.tokenization import TextTokenizer, read_tokenizer
from components.tokenization.wordpiece import SPECIAL_TOKENS, tokenizer_from_vocab

ENTRIES = [*SPECIAL_TOKENS, "café", "Café", "cafe", "手", "##机", "机", "mask", "[", "]"]
IDS = {entry: index for index, entry in enumerate(ENTRIES)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "encoder"
    path.mkdir()
    (path / "vocab.txt").write_text("".join(f"{entry}\n" for entry in ENTRIES), encoding="utf-8")
    return path


def tokens(tokenizer: TextTokenizer, text: str) -> list[str]:
    return [tokenizer.entries[i] for i in tokenizer.encode([text])[0]]


def state(folder: Path, **rules: Any) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps(rules))


def test_a_folder_with_vocab_txt(folder: Path) -> None:
    tokenizer = read_tokenizer(folder, "bert")
    assert tokens(tokenizer, "Café 手机 [MASK]") == ["cafe", "手", "机", "[", "mask", "]"]
    assert (tokenizer.cls, tokenizer.sep, tokenizer.unknown) == (2, 3, 1)
    assert tokenizer.source == str(folder / "vocab.txt")
    assert tokenizer.vocab_text == (folder / "vocab.txt").read_text(encoding="utf-8")
    assert tokenizer.vocab_size == len(ENTRIES)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param({"do_lower_case": False}, ["Café", "手", "机"], id="cased"),
        pytest.param({"do_lower_case": True, "strip_accents": False}, ["café", "手", "机"],
                     id="accents"),
        pytest.param({"tokenize_chinese_chars": False}, ["cafe", "手", "##机"], id="chinese-words"),
        pytest.param({"do_lower_case": None, "model_max_length": 512}, ["cafe", "手", "机"],
                     id="nothing-stated"),
    ],
)  # fmt: skip
def test_tokenizer_config_is_honoured(
    rules: dict[str, Any], expected: list[str], folder: Path
) -> None:
    state(folder, **rules)
    assert tokens(read_tokenizer(folder, "bert"), "Café 手机") == expected


@pytest.mark.parametrize(
    ("name", "rules", "do_lower_case", "lowercase", "source"),
    [
        pytest.param("encoder", {}, None, True, "the default for vocab.txt", id="default"),
        pytest.param("cased_L-12_H-768_A-12", {}, None, False, "the name cased_L-12_H-768_A-12",
                     id="cased"),
        pytest.param("bert-BASE-Cased", {}, None, False, "the name bert-BASE-Cased", id="any-case"),
        pytest.param("uncased_L-12_H-768_A-12", {}, None, True, "the default for vocab.txt",
                     id="uncased"),
        pytest.param("cased", {"do_lower_case": True}, None, True, "tokenizer_config.json",
                     id="config-before-name"),
        pytest.param("cased", {"do_lower_case": False}, True, True, "do_lower_case",
                     id="given-before-config"),
        pytest.param("encoder", {}, False, False, "do_lower_case", id="given"),
    ],
)  # fmt: skip
def test_who_states_the_case(
    name: str, rules: dict[str, Any], do_lower_case: bool | None, lowercase: bool, source: str,
    folder: Path,
) -> None:  # fmt: skip
    folder = folder.rename(folder.with_name(name))
    state(folder, **rules)
    tokenizer = read_tokenizer(folder, "bert", do_lower_case=do_lower_case)
    assert (tokenizer.lowercase, tokenizer.lowercase_source) == (lowercase, source)


def test_the_name_of_a_checkpoint_states_the_case(folder: Path) -> None:
    (folder / "bert_cased.ckpt.index").touch()
    tokenizer = read_tokenizer(folder, "bert")
    assert (tokenizer.lowercase, tokenizer.lowercase_source) == (False, "the name bert_cased.ckpt")


def test_what_the_user_called_it_states_the_case(folder: Path) -> None:
    tokenizer = read_tokenizer(folder, "bert", named="models/cased_L-2.zip")
    assert (tokenizer.lowercase, tokenizer.lowercase_source) == (False, "the name cased_L-2.zip")


@pytest.mark.parametrize(("family", "lowercase"), [("albert", True), ("xlnet", False)])
def test_the_case_of_sentencepiece_by_family(
    family: str, lowercase: bool, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(f"{family}_folder")
    tokenizer = read_tokenizer(folder, "bert" if family == "albert" else "xlnet")
    assert tokenizer.lowercase is lowercase
    assert tokenizer.lowercase_source == "the default for spiece.model"


def test_other_names_of_the_originals(folder: Path, albert_folder: Path) -> None:
    (folder / "vocab.txt").rename(folder / "vocab_chinese.txt")
    assert read_tokenizer(folder, "bert").source.endswith("vocab_chinese.txt")
    (folder / "vocab_chinese.txt").unlink()
    shutil.copy(albert_folder / "spiece.model", folder / "30k-clean.model")
    (folder / "30k-clean.vocab").touch()
    assert read_tokenizer(folder, "bert").source.endswith("30k-clean.model")


def test_vocab_file_wins_and_the_folder_states_the_rules(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "words.txt"
    (folder / "vocab.txt").rename(other)
    state(folder, do_lower_case=False)
    tokenizer = read_tokenizer(folder, "bert", vocab_file=str(other))
    assert (tokenizer.source, tokenizer.lowercase) == (str(other), False)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(["config.json"], r"no vocabulary: expected .*, found config.json; name",
                     id="none"),
        pytest.param([], "found no file; name the encoder's own with vocab_file", id="empty"),
        pytest.param([f"{i:02}" for i in range(12)], "found 00, .*, 09 …; name", id="many"),
        pytest.param(["a.model", "b.model"], "several vocabularies: a.model, b.model; name",
                     id="models"),
        pytest.param(["vocab.txt", "spiece.model"], "vocabularies: vocab.txt, spiece.model; name",
                     id="kinds"),
        pytest.param(["vocab_a.txt", "vocab_b.txt"], "vocab_a.txt, vocab_b.txt; name", id="texts"),
    ],
)  # fmt: skip
def test_no_vocabulary_or_several(files: list[str], message: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=message):
        read_tokenizer(tmp_path, "bert")


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the vocabulary in .*none: No such file"):
        read_tokenizer(tmp_path / "none", "bert")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "tokenizer_config.json cannot be used: Input data was truncated",
                     id="no-json"),
        pytest.param('{"do_lower_case": "no"}', r"Expected `bool \| null`, got `str`.*state do_low",
                     id="no-boolean"),
    ],
)  # fmt: skip
def test_a_bad_tokenizer_config_is_refused(content: str, message: str, folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(content)
    with pytest.raises(InputError, match=message):
        read_tokenizer(folder, "bert")


def save(folder: Path, tokenizer: Tokenizer, **rules: Any) -> Path:
    path = folder / "json"
    path.mkdir(exist_ok=True)
    tokenizer.save(str(path / "tokenizer.json"))
    state(path, **rules)
    return path


def as_transformers_saves_it() -> Tokenizer:
    tokenizer = tokenizer_from_vocab(IDS)
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL_TOKENS])
    tokenizer.enable_padding(length=16)
    tokenizer.enable_truncation(2)
    return tokenizer


@pytest.mark.parametrize(
    ("rules", "expected", "source"),
    [
        pytest.param({}, ["cafe", "手", "机", "[", "mask", "]"], "tokenizer.json", id="its-own"),
        pytest.param({"do_lower_case": False, "tokenize_chinese_chars": False},
                     ["Café", "手", "##机", "[", "[UNK]", "]"], "tokenizer_config.json",
                     id="stated"),
    ],
)  # fmt: skip
def test_tokenizer_json_is_read_where_there_is_nothing_else(
    rules: dict[str, Any], expected: list[str], source: str, tmp_path: Path
) -> None:
    tokenizer = read_tokenizer(save(tmp_path, as_transformers_saves_it(), **rules), "bert")
    assert tokens(tokenizer, "Café 手机 [MASK]") == expected
    assert tokenizer.lowercase_source == source
    assert tokenizer.entries == tuple(ENTRIES)
    assert tokenizer.lowercase is rules.get("do_lower_case", True)


def unigram(*added: AddedToken) -> Tokenizer:
    vocab = [("<unk>", 0.0), ("[CLS]", 0.0), ("[SEP]", 0.0), ("A", -1.0), ("a", -1.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, 0, False))
    tokenizer.add_tokens(list(added))
    return tokenizer


@pytest.mark.parametrize("own", [None, normalizers.Lowercase()], ids=["cased", "lower"])
@pytest.mark.parametrize("stated", [None, True, False], ids=["own", "to-lower", "to-cased"])
def test_the_case_of_a_tokenizer_json(
    own: normalizers.Normalizer | None, stated: bool | None, tmp_path: Path
) -> None:
    tokenizer = unigram()
    if own:
        tokenizer.normalizer = own
    lowercase = bool(own) if stated is None else stated
    read = read_tokenizer(save(tmp_path, tokenizer), "bert", do_lower_case=stated)
    assert read.lowercase is lowercase
    assert tokens(read, "A") == ["a" if lowercase else "A"]


def test_words_that_were_added_to_a_vocabulary_are_words(tmp_path: Path) -> None:
    read = read_tokenizer(
        save(tmp_path, unigram(AddedToken("bc"), AddedToken("[E]", special=True))), "bert"
    )
    assert read.entries[5:] == ("bc", "[E]")
    assert read.encode(["abc", "[E]"]) == [[4, 5], [0]]


def with_gap() -> Tokenizer:
    return tokenizer_from_vocab({**IDS, "last": len(IDS) + 1})


def unknown_unigram() -> Tokenizer:
    return Tokenizer(models.Unigram([("[CLS]", 0.0), ("[SEP]", 0.0)], None, False))


@pytest.mark.parametrize(
    ("tokenizer", "message"),
    [
        pytest.param(Tokenizer(models.BPE()), "a tokenizer of type BPE, read are WordPiece and Uni",
                     id="bpe"),
        pytest.param(with_gap(), "has 15 entries but none of the id 14", id="gap"),
        pytest.param(unknown_unigram(), "has no unknown token", id="unigram-without-unknown"),
        pytest.param(Tokenizer(models.WordPiece({"[CLS]": 0, "[SEP]": 1}, unk_token="[UNK]")),
                     "has no unknown token", id="wordpiece-without-unknown"),
        pytest.param(Tokenizer(models.WordPiece({"<unk>": 0}, unk_token="<unk>")),
                     r"lacks \[CLS\], \[SEP\], .* it has no such tokens", id="no-specials"),
        pytest.param(unigram(AddedToken("[E]", special=True), AddedToken("bc")),
                     "adds the word 'bc' behind special tokens", id="word-behind-special"),
    ],
)  # fmt: skip
def test_a_tokenizer_json_that_cannot_be_used(
    tokenizer: Tokenizer, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read_tokenizer(save(tmp_path, tokenizer), "bert")


def test_a_file_that_is_no_tokenizer_json(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match=r"is no tokenizer.json that tokenizers \d.* reads: "):
        read_tokenizer(tmp_path, "bert")


UNREADABLE = Path("/proc/self/mem")  # a file that even root cannot read from its start


@pytest.mark.skipif(not UNREADABLE.exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vocab.txt", "cannot read vocab_file .*vocab.txt: Input/output error"),
        ("tokenizer_config.json", "cannot read .*tokenizer_config.json: Input/output error"),
    ],
)
def test_files_that_cannot_be_read(name: str, message: str, folder: Path) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(UNREADABLE)
    with pytest.raises(InputError, match=message):
        read_tokenizer(folder, "bert")


def test_something_must_be_named() -> None:
    with pytest.raises(ValueError, match="a folder or a vocab_file is needed"):
        read_tokenizer(None, "bert")
