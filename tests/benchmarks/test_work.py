import numpy as np
import pytest

from benchmarks.speed.work import forward_gflop, training_gflop
from components.encoders.sizes import scratch_config


def test_bert_base_is_half_a_gflop_a_token() -> None:
    config = scratch_config("scratch:bert-base", 21128)
    assert training_gflop(config, np.array([28])) / 28 == pytest.approx(0.51, abs=0.005)


def test_work_of_one_row_counted_by_hand() -> None:
    # 2 layers of width 128 and feed-forward 512, 3 tokens, 2 labels.
    dense = 2 * 3 * (4 * 128 * 128 + 2 * 128 * 512)
    attention = 2 * (2 * 3 * 3 * 128)  # scores and weighted mean: 3 x 128 x 3 multiply-adds each
    head = 2 * (128 * 128 + 128 * 2)
    bert = forward_gflop(scratch_config("scratch:bert-tiny", 100), np.array([3]))
    assert bert * 1e9 == pytest.approx(2 * (dense + attention) + head)
    albert = forward_gflop(scratch_config("scratch:albert-tiny", 100), np.array([3]))
    assert (albert - bert) * 1e9 == pytest.approx(2 * 3 * 128 * 128)  # the widening alone


def test_what_nobody_reads_of_the_last_layer_counts_as_no_work() -> None:
    config = scratch_config("scratch:bert-tiny", 100)
    first = 2 * 3 * (4 * 128 * 128 + 2 * 128 * 512) + 2 * (2 * 3 * 3 * 128)
    keys_and_values = 2 * 3 * (2 * 128 * 128)
    of_one_token = 2 * (2 * 128 * 128 + 2 * 128 * 512) + 2 * (2 * 3 * 128)
    head = 2 * (128 * 128 + 128 * 2)
    found = forward_gflop(config, np.array([3]), first_only=True)
    assert found * 1e9 == pytest.approx(first + keys_and_values + of_one_token + head)
    base = scratch_config("scratch:bert-base", 21128)
    rows = np.array([28])
    share = training_gflop(base, rows, first_only=True) / training_gflop(base, rows)
    assert share == pytest.approx(1 - 0.81 / 12, abs=0.005)


def test_long_rows_weigh_more_than_their_mean() -> None:
    config = scratch_config("scratch:bert-tiny", 100)
    assert forward_gflop(config, np.array([10, 50])) > forward_gflop(config, np.array([30, 30]))
