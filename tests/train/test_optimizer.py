from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops

from components.train.config import TrainConfig
from components.train.optimizer import NOT_DECAYED, BertAdam, WarmupLinearDecay, build_optimizer

GOLDEN = Path(__file__).parent / "golden_optimizer.npz"


def test_bert_adam_matches_the_original() -> None:
    """12 steps on sum(((X @ k + b) * g - Y)²), lr 0.05, 3 steps of warm-up, as the original ran."""
    golden = np.load(GOLDEN)
    k = keras.Variable(golden["K"], name="kernel")
    b = keras.Variable(np.full(2, 0.5, "float32"), name="bias")
    g = keras.Variable(np.ones(2, "float32"), name="gamma")
    optimizer = BertAdam(WarmupLinearDecay(0.05, 12, 0.25), decay=0.01)
    for step in range(12):
        x, y = golden["X"][step], golden["Y"][step]
        kernel, bias, gamma = (ops.convert_to_numpy(v) for v in (k, b, g))
        linear = x @ kernel + bias
        residual = 2 * (linear * gamma - y)
        gradients = [
            x.T @ (residual * gamma),
            (residual * gamma).sum(axis=0),
            (residual * linear).sum(axis=0),
        ]
        optimizer.apply(gradients, [k, b, g])
        for variable, name in ((k, "k"), (b, "b"), (g, "g")):
            np.testing.assert_allclose(
                ops.convert_to_numpy(variable), golden[name][step], rtol=0, atol=1e-6
            )


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(0, 0.0, id="first-step-of-warm-up-is-zero"),
        pytest.param(1, 0.5, id="warm-up"),
        pytest.param(2, 0.8, id="after-warm-up-on-the-line-to-zero"),
        pytest.param(9, 0.1, id="last-step"),
    ],
)
def test_schedule(step: int, expected: float) -> None:
    schedule = WarmupLinearDecay(1.0, total_steps=10, warmup_proportion=0.2)
    assert float(schedule(step)) == pytest.approx(expected)


def test_schedule_without_warmup_starts_at_the_peak() -> None:
    assert float(WarmupLinearDecay(0.1, 10, 0.0)(0)) == pytest.approx(0.1)


@pytest.mark.parametrize("optimizer", ["adamw", "bert_adam"])
def test_gradient_norms_are_added_up_before_clipping(optimizer: str) -> None:
    with keras.name_scope("classifier"):
        head = keras.Variable(np.zeros(1, "float32"), name="kernel")
    variables = [keras.Variable(np.zeros(1, "float32"), name=name) for name in ("a", "b")] + [head]
    chosen = build_optimizer(TrainConfig(optimizer=optimizer), variables, total_steps=4)
    for gradients in ([3.0, 4.0, 12.0], [0.6, 0.8, 0.0]):  # of the first, 13 is clipped to 1
        chosen.apply([np.array([g], "float32") for g in gradients], variables)
    assert chosen.take_gradient_norms() == pytest.approx((13 + 1, 5 + 1))  # all, the encoder's
    assert chosen.take_gradient_norms() == (0.0, 0.0)


@pytest.mark.parametrize("optimizer", ["adamw", "bert_adam"])
def test_only_kernels_decay(optimizer: str) -> None:
    config = TrainConfig(
        optimizer=optimizer, learning_rate=0.1, weight_decay=0.5, warmup_proportion=0.0
    )
    variables = [keras.Variable(np.ones(1, "float32"), name=n) for n in ("kernel", *NOT_DECAYED)]
    optimizer_of_them = build_optimizer(config, variables, total_steps=1)
    optimizer_of_them.apply([np.zeros(1, "float32")] * 4, variables)
    after = [float(ops.convert_to_numpy(v)[0]) for v in variables]
    assert after == pytest.approx([0.95, 1, 1, 1])  # 1 - 0.1 * 0.5; the gradients are zero
