"""`--fail-if`: conditions on a comparison's figures under which a command ends with exit code 1.

A condition is written as in Python: `albert.accuracy < bert.accuracy - 0.01`, `bert.failed`,
`albert.latency_p50_ms > 20 and not albert.best`. It is read as a syntax tree of which only figures,
numbers, `+ - * /`, comparisons, `and`, `or` and `not` are allowed; nothing in it is ever run.
"""

import ast
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from components.compare.facts import ComparisonFacts, ModelFacts
from components.errors import InputError, did_you_mean

FIGURES: dict[str, Callable[[ModelFacts], float]] = {
    "accuracy": lambda m: m.accuracy.mean,
    "accuracy_min": lambda m: m.accuracy.min,
    "accuracy_lower": lambda m: m.accuracy_interval.lower,
    "macro_f1": lambda m: m.macro_f1.mean,
    "calibration_error": lambda m: m.runs[0].calibration.expected_calibration_error,
    "failed": lambda m: float(m.failed),
    "learning_rate": lambda m: m.learning_rate,
    "parameters": lambda m: m.cost.parameters,
    "weights_bytes": lambda m: m.cost.weights_bytes,
    "train_seconds": lambda m: m.cost.train_seconds,
    "train_examples_per_second": lambda m: m.cost.train_examples_per_second,
    "predict_examples_per_second": lambda m: m.cost.predict_examples_per_second,
    "latency_p50_ms": lambda m: m.cost.latency_p50_ms,
    "latency_p95_ms": lambda m: m.cost.latency_p95_ms,
    "peak_memory_bytes": lambda m: m.cost.peak_memory_bytes,
}
"""Figures of a model that a condition may name, of the split measured on; means over its runs, but
`accuracy_min` (the worst run), `accuracy_lower` (lower end of the interval), `calibration_error`
(the first run)."""

BEST = "best"
"""1 for the model that is better than every other, else 0."""

_LONGEST = 500  # characters
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Not: operator.not_,
    ast.USub: operator.neg,
}  # fmt: skip
_ALLOWED = (
    "figures such as albert.accuracy, numbers, + - * /, < <= > >= == !=, and, or, not and brackets"
)

Figures = Mapping[str, Mapping[str, float]]


def check_conditions(conditions: Sequence[str]) -> None:
    """Checks conditions as far as that is possible before there is a comparison.

    Raises:
        InputError: One is not a condition, or names a figure that models do not have.
    """
    for condition in conditions:
        for node in _figures_named(_parsed(condition)):
            _check_figure(node.attr, condition)


def conditions_met(conditions: Sequence[str], comparison: ComparisonFacts) -> list[str]:
    """Returns the conditions that hold, each with the figures that it names.

    Raises:
        InputError: One is not a condition, or names a model or figure that there is not.
    """
    figures = {
        model.key: {name: read(model) for name, read in FIGURES.items()}
        | {BEST: float(model.name == comparison.best)}
        for model in comparison.models
    }
    return [
        f"{condition} ({_named(condition, figures)})"
        for condition in conditions
        if _value(_parsed(condition).body, condition, figures)
    ]


def _parsed(condition: str) -> ast.Expression:
    if len(condition) > _LONGEST:
        raise InputError(
            f"a --fail-if condition may have {_LONGEST} characters, got {len(condition):,}"
        )
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError(
            f"--fail-if {condition!r} is no condition: write {_ALLOWED}, for example "
            "'albert.accuracy < bert.accuracy - 0.01'"
        ) from None
    for node in ast.walk(tree):
        if not _is_allowed(node):
            raise InputError(
                f"--fail-if {condition!r}: {ast.unparse(node) or type(node).__name__!r} is not "
                f"allowed; write {_ALLOWED}"
            )
    named = _figures_named(tree)
    if lone := [n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not _is_of(n, named)]:
        raise InputError(
            f"--fail-if {condition!r}: {lone[0]} is no figure; write MODEL.FIGURE, for example "
            f"{lone[0]}.accuracy; figures are {', '.join((*FIGURES, BEST))}"
        )
    if not named:
        raise InputError(
            f"--fail-if {condition!r} names no figure, so it is always the same; write for example "
            "'albert.accuracy < bert.accuracy - 0.01'"
        )
    return tree


def _figures_named(tree: ast.AST) -> list[ast.Attribute]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]


def _is_of(name: ast.Name, figures: Sequence[ast.Attribute]) -> bool:
    return any(figure.value is name for figure in figures)


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        # 1e309 would be infinite, and whole numbers beyond it cannot be compared with figures.
        value = node.value
        return type(value) in (int, float) and cast(float, value) <= sys.float_info.max
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name)
    grammar = (
        ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.BinOp, ast.Compare, ast.Name,
        ast.Load,
    )  # fmt: skip
    return isinstance(node, (*grammar, *_OPERATORS))


def _check_figure(name: str, condition: str) -> None:
    known = (*FIGURES, BEST)
    if name not in known:
        raise InputError(
            f"--fail-if {condition!r}: models have no figure {name!r}{did_you_mean(name, known)}; "
            f"there are {', '.join(known)}"
        )


def _value(node: ast.AST, condition: str, figures: Figures) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Attribute(value=ast.Name(id=model), attr=figure):
            return _figure(model, figure, condition, figures)
        case ast.UnaryOp(op=op, operand=operand):
            return float(_OPERATORS[type(op)](_value(operand, condition, figures)))
        case ast.BinOp(left=left, op=op, right=right):
            ends = (_value(side, condition, figures) for side in (left, right))
            return float(_applied(op, condition, *ends))
        case ast.BoolOp(op=op, values=values):
            held = [bool(_value(value, condition, figures)) for value in values]
            return float(all(held) if isinstance(op, ast.And) else any(held))
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            terms = [_value(term, condition, figures) for term in (left, *comparators)]
            pairs = zip(ops, terms, terms[1:], strict=False)
            return float(all(_OPERATORS[type(op)](a, b) for op, a, b in pairs))
    raise AssertionError(f"{ast.dump(node)} passed the check of {condition!r}")


def _applied(op: ast.operator, condition: str, left: float, right: float) -> float:
    try:
        return float(_OPERATORS[type(op)](left, right))
    except ZeroDivisionError:
        raise InputError(f"--fail-if {condition!r} divides {left:g} by zero") from None


def _figure(model: str, figure: str, condition: str, figures: Figures) -> float:
    _check_figure(figure, condition)
    if model not in figures:
        raise InputError(
            f"--fail-if {condition!r}: no model is called {model!r}{did_you_mean(model, figures)}; "
            f"this comparison has {', '.join(figures)}"
        )
    return figures[model][figure]


def _named(condition: str, figures: Figures) -> str:
    """Says what the figures of a condition are."""
    nodes = _figures_named(_parsed(condition))
    values = {ast.unparse(n): _value(n, condition, figures) for n in nodes}
    return ", ".join(f"{name} is {value:.6g}" for name, value in values.items())
