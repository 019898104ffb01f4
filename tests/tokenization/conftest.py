import io
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

WORDS = (
    "the", "quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "café", "naïve", "résumé",
    "straße", "phone", "battery", "charge", "price", "how", "much", "does", "it", "cost", "where",
    "can", "one", "buy", "a", "new", "screen", "today",
)  # fmt: skip
CHARACTERS = (
    "手机怎么激活定位服务如何开通背包在哪里买多少钱今天天气很好我想去北京上海旅游请问电脑坏了"
)
NUMBERS = ("9,", "1,000", "12,345,678", "1999,", "3.14", "99,9", " 7 ,", "5,a", "x9,", "２０，")
MARKS = ("，", "。", "！", "``hi''", "(ok)", "–", "£5", "it's", "a-b", '"q"', "??", "…")


def words_of(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.35:
        word = rng.choice(WORDS)
        return rng.choice([word, word.title(), word.upper()])
    if kind < 0.6:
        return "".join(rng.sample(CHARACTERS, k=rng.randint(1, 8)))
    return rng.choice(NUMBERS if kind < 0.8 else MARKS)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Chinese and English, numbers with commas, accents, full width, quotes, several spaces."""
    rng = random.Random(1)
    lengths = (rng.randint(1, 12) for _ in range(2500))
    return [
        rng.choice([" ", "  ", ""]).join(words_of(rng) for _ in range(length)) for length in lengths
    ]


TRAINING: dict[str, dict[str, Any]] = {
    # As the released models were trained, but for the size and the symbols that users define.
    "albert": {
        "pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1,
        "control_symbols": ["[CLS]", "[SEP]", "[MASK]"],
    },
    "xlnet": {
        "unk_id": 0, "bos_id": 1, "eos_id": 2,
        "control_symbols": ["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"],
    },
}  # fmt: skip
SYMBOLS = ["(", ")", '"', "-", ".", "–", "£", "€"]

TrainModel = Callable[..., Path]


@pytest.fixture(scope="session")
def train_model(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> TrainModel:
    """Trains a SentencePiece model and returns the folder of its `spiece.model`."""

    def train(family: str, **settings: Any) -> Path:
        given: dict[str, Any] = {"vocab_size": 700, "user_defined_symbols": SYMBOLS}
        given |= TRAINING[family] | settings
        plain = (unicodedata.normalize("NFKD", text).lower() for text in texts)
        content = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(plain), model_writer=content, minloglevel=2,
            hard_vocab_limit=False, **given,
        )  # fmt: skip
        folder = tmp_path_factory.mktemp(family)
        (folder / "spiece.model").write_bytes(content.getvalue())
        return folder

    return train


@pytest.fixture(scope="session")
def albert_folder(train_model: TrainModel) -> Path:
    return train_model("albert")


@pytest.fixture(scope="session")
def xlnet_folder(train_model: TrainModel) -> Path:
    return train_model("xlnet", user_defined_symbols=["<eop>", *SYMBOLS])
