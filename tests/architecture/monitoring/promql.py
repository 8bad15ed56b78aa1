"""Which series an expression reads, and which labels its result has; what does not fit together is refused."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import promql_parser as ql

Labels = frozenset[str]
_NONE: Labels = frozenset()
# Of a series: raises KeyError when nobody exports it.
LabelsOf = Callable[[str], Collection[str]]
# These answer one of their arguments, changed in its values alone.
_KEEPING = {"rate", "increase", "changes", "max_over_time"}


class Misfit(AssertionError):
    """A label that is not there, or two sides that match nothing."""


@dataclass(frozen=True)
class Matcher:
    """`values`: of an alternation each."""

    series: str
    label: str
    values: tuple[str, ...]


def parsed(expression: str) -> ql.Expr:
    """Raises `Misfit`. Grafana's own interval is taken for one."""
    try:
        return ql.parse(expression.replace("$__rate_interval", "5m"))
    except ValueError as fault:
        raise Misfit(f"{fault}: {expression}") from None


def selectors(expression: str) -> list[ql.VectorSelector]:
    """Each once, as it is written."""
    return list({str(one): one for one, _ in _within(parsed(expression), "")}.values())


def aggregated(expression: str) -> set[tuple[str, str]]:
    """Each series that is read, with what adds it up first: `max`, `sum`, ..., `absent`, or nothing."""
    return {(str(one.name), taken_by) for one, taken_by in _within(parsed(expression), "")}


def _within(node: ql.Expr, taken_by: str) -> Iterator[tuple[ql.VectorSelector, str]]:
    if isinstance(node, ql.VectorSelector):
        yield node, taken_by
    elif isinstance(node, ql.MatrixSelector):
        yield node.vector_selector, taken_by
    elif isinstance(node, ql.AggregateExpr):
        yield from _within(node.expr, str(node.op))
    elif isinstance(node, ql.ParenExpr):
        yield from _within(node.expr, taken_by)
    elif isinstance(node, ql.Call):
        for argument in node.args:
            yield from _within(argument, "absent" if node.func.name == "absent" else taken_by)
    elif isinstance(node, ql.BinaryExpr):
        yield from _within(node.lhs, taken_by)
        yield from _within(node.rhs, taken_by)


def series_of(expression: str) -> set[str]:
    return {str(selector.name) for selector in selectors(expression)}


def matchers_of(expression: str) -> Iterator[Matcher]:
    for selector in selectors(expression):
        for matcher in selector.matchers.matchers:
            several = matcher.op in (ql.MatchOp.Re, ql.MatchOp.NotRe)
            values = tuple(matcher.value.split("|")) if several else (matcher.value,)
            yield Matcher(str(selector.name), matcher.name, values)


def labels_of(expression: str, of_series: LabelsOf) -> Labels:
    """Raises `Misfit` where a label is asked for that is not there."""
    return _Reader(of_series).read(parsed(expression))


def _want(labels: Collection[str], among: Labels, where: ql.Expr) -> None:
    if missing := set(labels) - among:
        raise Misfit(f"{sorted(missing)} not among {sorted(among)}: {where}")


@dataclass(frozen=True)
class _Reader:
    of_series: LabelsOf

    def read(self, node: ql.Expr) -> Labels:
        readers: Mapping[type[ql.Expr], Callable[..., Labels]] = {
            ql.VectorSelector: self._selector,
            ql.MatrixSelector: lambda node: self._selector(node.vector_selector),
            ql.ParenExpr: lambda node: self.read(node.expr),
            ql.NumberLiteral: lambda _: _NONE,
            ql.AggregateExpr: self._aggregate,
            ql.Call: self._call,
            ql.BinaryExpr: self._binary,
        }
        return readers[type(node)](node)

    def _selector(self, node: ql.VectorSelector) -> Labels:
        try:
            labels = frozenset(self.of_series(str(node.name)))
        except KeyError:
            raise Misfit(f"nobody exports {node.name}") from None
        _want([matcher.name for matcher in node.matchers.matchers], labels, node)
        return labels

    def _aggregate(self, node: ql.AggregateExpr) -> Labels:
        inner = self.read(node.expr)
        if node.modifier is None:
            return _NONE
        if node.modifier.type != ql.AggModifierType.By:
            raise Misfit(f"say which labels stay, not which go: {node}")
        _want(node.modifier.labels, inner, node)
        return frozenset(node.modifier.labels)

    def _call(self, node: ql.Call) -> Labels:
        name, arguments = node.func.name, list(node.args)
        if name in {"time", "vector"}:
            return _NONE
        if name == "histogram_quantile":
            inner = self.read(arguments[1])
            _want(["le"], inner, node)
            return inner - {"le"}
        inner = self.read(arguments[0])
        if name == "absent":
            return _given(arguments[0])
        if name == "label_replace":
            return inner | {str(arguments[1]).strip('"')}
        if name not in _KEEPING:
            raise Misfit(f"{name} is not known here: {node}")
        return inner

    def _binary(self, node: ql.BinaryExpr) -> Labels:
        left, right = self.read(node.lhs), self.read(node.rhs)
        operator = str(node.op)
        if operator == "or":
            return left & right
        if node.modifier is not None and node.modifier.matching is not None:
            _want(node.modifier.matching.labels, left & right, node)
        elif _is_vector(node.lhs) and _is_vector(node.rhs) and left != right:
            raise Misfit(f"{sorted(left)} never match {sorted(right)}: {node}")
        return left if _is_vector(node.lhs) else right


def _is_vector(node: ql.Expr) -> bool:
    if isinstance(node, ql.ParenExpr):
        return _is_vector(node.expr)
    if isinstance(node, ql.BinaryExpr):
        return _is_vector(node.lhs) or _is_vector(node.rhs)
    return not isinstance(node, ql.NumberLiteral) and not (
        isinstance(node, ql.Call) and node.func.name == "time"
    )


def _given(node: ql.Expr) -> Labels:
    """What `absent` knows of what is not there: the labels that are asked for by one value."""
    found = selectors(str(node))
    return frozenset(
        matcher.name
        for selector in found
        for matcher in selector.matchers.matchers
        if matcher.op == ql.MatchOp.Equal
    )
