import struct
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from components.compare.curves import curves_png
from components.compare.drawing import DARK, LIGHT, Theme, drawable
from components.compare.facts import CalibrationBin, CalibrationFacts, ComparisonFacts
from components.compare.pictures import (
    accuracy_png,
    data_uri,
    draw,
    pooled_bins,
    quality_and_cost_png,
)

ALL = {
    "accuracy.png", "differences.png", "quality_and_cost.png", "calibration.png",
    "loss_curves.png",
}  # fmt: skip


Picture = Callable[[ComparisonFacts, Theme], bytes]


def pixels(png: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def test_every_picture_is_drawn_and_small(built: ModuleType) -> None:
    pictures = draw(built.comparison(built.FOUR))
    assert set(pictures) == ALL
    for name, picture in pictures.items():
        assert struct.unpack(">II", picture[16:24])[0] == 840, name
        assert len(picture) < 60_000, name


def test_without_pairs_no_differences_are_drawn(built: ModuleType) -> None:
    facts = built.comparison((built.ALBERT, built.FAILED_BERT))
    assert set(draw(facts)) == ALL - {"differences.png"}


@pytest.mark.parametrize("picture", [accuracy_png, curves_png, quality_and_cost_png])
def test_the_same_facts_give_the_same_bytes(built: ModuleType, picture: Picture) -> None:
    assert picture(built.comparison(), LIGHT) == picture(built.comparison(), LIGHT)


def test_dark_pictures_stand_on_dark_paper(built: ModuleType) -> None:
    facts = built.comparison()
    for theme in (LIGHT, DARK):
        corner = pixels(accuracy_png(facts, theme))[0, 0]
        assert "#" + bytes(corner).hex().upper() == theme.paper


def test_hostile_names_are_drawn_without_warnings(built: ModuleType) -> None:
    assert set(draw(built.hostile())) == ALL


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("BERT", "BERT"),
        ("_x", "x"),
        ("模型 a\nb", "?? a b"),
        ("x" * 29, "x" * 27 + "…"),
        ("$\\frac{1}{2}$", "$\\frac{1}{2}$"),
    ],
)
def test_names_are_made_drawable(name: str, drawn: str) -> None:
    assert drawable(name) == drawn


def test_a_loss_that_broke_down_is_drawn(built: ModuleType) -> None:
    """Infinite and huge losses are cut, so that the other model's curve is still seen."""
    facts = built.comparison()
    run = facts.models[0].runs[0]
    curve = run.evaluation.training.curve
    broken = tuple(
        replace(point, loss=loss)
        for point, loss in zip(curve, [1e6, float("nan"), float("inf")] * 20, strict=False)
    )
    training = replace(run.evaluation.training, curve=broken)
    run = replace(run, evaluation=replace(run.evaluation, training=training))
    models = (replace(facts.models[0], runs=(run,)), facts.models[1])
    assert curves_png(replace(facts, models=models), LIGHT) != curves_png(facts, LIGHT)


def test_a_cost_of_zero_can_be_drawn(built: ModuleType) -> None:
    facts = built.comparison()
    models = tuple(replace(m, cost=replace(m.cost, train_seconds=0.0)) for m in facts.models)
    assert quality_and_cost_png(replace(facts, models=models), LIGHT).startswith(b"\x89PNG")


def test_bins_of_several_runs_are_pooled_by_rows(built: ModuleType) -> None:
    (model, *_) = built.comparison(built.FOUR).models
    bins = [
        CalibrationBin(lower=0.5, upper=1.0, rows=rows, confidence=0.8, accuracy=accuracy)
        for rows, accuracy in ((10, 0.5), (30, 0.9))
    ]
    runs = tuple(
        replace(run, calibration=CalibrationFacts(expected_calibration_error=0.1, bins=(one,)))
        for run, one in zip(model.runs, bins, strict=False)
    )
    (pooled,) = pooled_bins(replace(model, runs=runs))
    # (10 * 0.5 + 30 * 0.9) / 40
    assert (pooled.rows, round(pooled.accuracy, 10)) == (40, 0.8)


def test_a_picture_can_be_an_address() -> None:
    assert data_uri(b"\x89P") == "data:image/png;base64,iVA="
