"""Functions whose answer is not the row's alone: chance, the tenant, and values already used elsewhere.

Chance comes from the run's seed and the person's key, so that the same run always gives the same answer.
"""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from trueup.transforms.duck.quoting import literal
from trueup.transforms.mapping.errors import WrongExpression
from trueup.transforms.mapping.values import Kind, Value, constant_text, failure, first_flow

if TYPE_CHECKING:
    from trueup.transforms.mapping.builder import Builder
    from trueup.transforms.mapping.tree import Call

_SPECIAL = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
_LONGEST = 256


def default_domain(compiler: Builder, call: Call) -> Value:
    """``DefaultDomain``: the tenant's default verified domain."""
    if not compiler.default_domain:
        raise WrongExpression(
            "DefaultDomain() is not known: it needs the tenant's list of domains, which Trueup does not read",
            at=call.at,
            remedy='Write the domain as text, e.g. "contoso.com".',
        )
    return constant_text(compiler.default_domain)


def guid(compiler: Builder, call: Call) -> Value:  # noqa: ARG001 - every function is called alike
    """``Guid``: a version 4 GUID in small letters, per person and run."""
    digest, level = compiler.step(f"md5({compiler.draw()})", 0)
    pieces = (
        f"{digest}[1:8]",
        f"{digest}[9:12]",
        f"'4' || {digest}[14:16]",
        f"substr('89ab', (ord({digest}[17:17]) % 4) + 1, 1) || {digest}[18:20]",
        f"{digest}[21:32]",
    )
    return Value(f"concat_ws('-', {', '.join(pieces)})", Kind.TEXT, level=level)


def random_string(compiler: Builder, call: Call) -> Value:
    """``RandomString``: of a given length with at least so many of each class."""
    figures = [compiler.constant_number(call, n, "a number") or 0 for n in range(5)]
    total, minima = figures[0], figures[1:]
    avoid = set(compiler.constant(call, 5, "the characters to avoid") or "")
    classes = [
        "".join(c for c in pool if c not in avoid)
        for pool in (string.digits, _SPECIAL, string.ascii_uppercase, string.ascii_lowercase)
    ]
    if min(figures) < 0 or total < 1 or total > _LONGEST or sum(minima) > total:
        raise WrongExpression(f"RandomString needs a length of 1 to {_LONGEST} and minima that fit into it", at=call.at)
    used = [n for n, least in enumerate(minima) if least] or [0, 3]
    rest = "".join(classes[n] for n in used)
    pools = [pool for pool, least in zip(classes, minima, strict=True) for _ in range(least)]
    pools += [rest] * (total - len(pools))
    if not all(pools):
        raise WrongExpression("RandomString may use no character of a kind that it must have", at=call.at)
    draw = compiler.draw()
    runs = "list_concat(" + ", ".join(_repeated(pool, pools.count(pool)) for pool in dict.fromkeys(pools)) + ")"
    picked = (
        f"list_transform({runs}, lambda pool, place: {{'order': md5({draw} || '|o' || place), "
        f"'sign': substr(pool, ('0x' || md5({draw} || '|c' || place)[1:8])::BIGINT % length(pool) + 1, 1)}})"
    )
    return Value(f"array_to_string(list_transform(list_sort({picked}), lambda s: s.sign), '')", Kind.TEXT)


def _repeated(pool: str, times: int) -> str:
    return f"list_transform(range({times}), lambda i: {literal(pool)})"


def select_unique_value(compiler: Builder, call: Call) -> Value:
    """``SelectUniqueValue``: the first candidate nobody else has, in the target or in this plan.

    Case is ignored, as user names do. Candidates are given out in rounds: everybody's first, then the second of those
    who got none, and so on; within a round the lowest key comes first. Who gets none is set aside.
    """
    if not compiler.is_root(call):
        raise WrongExpression("SelectUniqueValue must be the outermost function", at=call.at)
    if compiler.taken is None:
        raise WrongExpression(
            "SelectUniqueValue works on creation only",
            at=call.at,
            remedy='Give the attribute apply = "create"; it cannot be one that profiles are matched by.',
        )
    given = [compiler.text(node) for node in call.arguments if node is not None]
    if len(given) < 2:
        raise WrongExpression("SelectUniqueValue needs at least two candidates", at=call.at)
    level = max(candidate.level for candidate in given)
    names = [compiler.step(f"nullif({candidate.sql}, '')", level)[0] for candidate in given]
    column = f"unique {len(compiler.uniques) + 1}"
    compiler.uniques.append(_rounds(names, compiler.taken, column, compiler.own_names()))
    value = f'"{column}"'
    flow = f"CASE WHEN {value} IS NULL THEN {failure('SelectUniqueValue: every candidate is taken')} END"
    return Value(value, Kind.TEXT, first_flow(*(candidate.flow for candidate in given), flow), level + 1)


def _rounds(names: list[str], taken: str, column: str, own_names: list[str]) -> str:
    """CTEs ending in ``"<column> given"``: ``key`` and ``value`` of everybody who got one; reads ``stepped``."""
    others = f"SELECT lower(v) AS v, id, lower(name) AS name FROM ({taken}) AS t(v, id, name) WHERE v IS NOT NULL"
    ctes = [f'"{column} taken" AS (\n  {others}\n)']
    own = " OR ".join(['t.id = s."key"', *(f"t.name = lower(s.{name})" for name in own_names)])
    earlier: list[str] = []
    for number, name in enumerate(names, 1):
        free = (
            f'NOT EXISTS (SELECT 1 FROM "{column} taken" AS t '
            f"WHERE t.v = lower(s.{name}) AND NOT coalesce({own}, FALSE))"
        )
        used = "".join(
            f' AND s."key" NOT IN (SELECT "key" FROM "{done}")'
            f' AND lower(s.{name}) NOT IN (SELECT lower(value) FROM "{done}")'
            for done in earlier
        )
        ctes.append(
            f'"{column} round {number}" AS (\n'
            f'  SELECT s."key", s.{name} AS value FROM stepped AS s\n'
            f"  WHERE s.{name} IS NOT NULL AND {free}{used}\n"
            f'  QUALIFY row_number() OVER (PARTITION BY lower(s.{name}) ORDER BY s."key") = 1\n)'
        )
        earlier.append(f"{column} round {number}")
    union = " UNION ALL ".join(f'SELECT * FROM "{done}"' for done in earlier)
    ctes.append(f'"{column} given" AS ({union})')
    return ",\n".join(ctes)
