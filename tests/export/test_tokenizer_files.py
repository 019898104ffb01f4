"""What an export's `tokenizer.json` makes of texts by itself: the rows of `TextTokenizer`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.normalizers import Replace

from components.artifacts.model import TrainedModel, read_model
from components.export.tokenizer_files import (
    special_tokens,
    write_original_tokenizer,
    write_tokenizer,
)
from components.tokenization import TextTokenizer

PIECES = ["<unk>", "<cls>", "<sep>", "<pad>", "<mask>", "▁red", "▁blue", "▁", "r", "e"]


@pytest.fixture(scope="module")
def bert(random_model: Callable[..., Path]) -> TrainedModel:
    return read_model(random_model("bert"))


@pytest.fixture(scope="module")
def xlnet(bert: TrainedModel) -> TrainedModel:
    """A model with SentencePiece's tokenizer and XLNet's rows of at most 8 tokens."""
    tokenizer = Tokenizer(Unigram([(piece, -float(i)) for i, piece in enumerate(PIECES)], 0))
    tokenizer.normalizer = Replace(" ", "▁")
    return dataclasses.replace(
        bert,
        training=dataclasses.replace(bert.training, packing="xlnet", max_seq_length=8),
        tokenizer_json=tokenizer.to_str(),
        vocab="".join(f"{piece}\n" for piece in PIECES),
    )


@pytest.mark.parametrize("family", ["bert", "xlnet"])
def test_rows_are_the_models_own(
    family: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    trained: TrainedModel = request.getfixturevalue(family)
    training = trained.training
    write_tokenizer(tmp_path, trained)
    theirs = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ours = TextTokenizer.of(
        trained.tokenizer_json, training.packing, source="", lowercase_source=""
    )
    for a, b in [(" red", " blue"), (" red" * 40, " blue"), (" red", None), (" blue" * 40, None)]:
        ids_a, ids_b = ours.encode([a])[0], None if b is None else ours.encode([b])[0]
        row = ours.pack(ids_a, ids_b, training.max_seq_length)
        found = theirs.encode(a, b)
        assert (found.ids, found.type_ids) == row


def test_short_rows_are_padded_on_the_families_side(
    bert: TrainedModel, xlnet: TrainedModel, tmp_path: Path
) -> None:
    masks = {}
    for trained in (bert, xlnet):
        write_tokenizer(tmp_path, trained)
        tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
        short, _ = tokenizer.encode_batch([" red", " red red"])
        masks[trained.training.packing] = short.attention_mask
    assert masks == {"bert": [1, 1, 1, 0], "xlnet": [0, 1, 1, 1]}


def test_special_tokens_are_named_as_the_vocabulary_has_them(
    bert: TrainedModel, xlnet: TrainedModel
) -> None:
    assert special_tokens(bert) == {
        "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]", "pad_token": "[PAD]",
        "mask_token": "[MASK]",
    }  # fmt: skip
    assert special_tokens(xlnet)["pad_token"] == "<pad>"


def test_sentencepiece_has_no_vocab_txt(xlnet: TrainedModel, tmp_path: Path) -> None:
    write_original_tokenizer(tmp_path, xlnet)
    assert [path.name for path in tmp_path.iterdir()] == ["tokenizer.json"]
    assert (tmp_path / "tokenizer.json").read_text() == xlnet.tokenizer_json
