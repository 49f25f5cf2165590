"""The quick look for a mark of damage misses nothing that the slow one finds."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from trueup.expectations.patterns import BROKEN_MARK, BROKEN_TEXT
from trueup.transforms.damage import NO_VALUE, NO_VALUE_MARK

PIECES = (
    *"aZé Ñ?&#@{}[]()\\.,;:!=+-_/019xuEe\n\t",
    "System.", "Object", "String[]", "Collections.List`1[x]", "Deserialized.", "Microsoft.", "Graph.User", "[x]",
    "@{a=1}", "@{Name", "#NAME?", "#REF!", "#N/A", "#DIV/0!", "####", "#NV", "Err:502", "Err:", "1E+10", "1,5e-07",
    "E+10", "&amp;", "&#228;", "&#xE4;", "\\u00e4", "\ufffd", "Ã¤", "Â\u00a0", "Ð\u0091", "Ñ\u0192", "â€", "â€™", "??",
    "Mü?er", "?a", "Château", "Muñoz", "R&D", "C#", "e-mail", "Anne-Sophie", "https://x.example/?a=1",
)  # fmt: skip
TEXTS = 30_000


def found(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(texts, pattern)


@pytest.mark.parametrize(
    ("slow", "quick"),
    [(NO_VALUE, NO_VALUE_MARK), (BROKEN_TEXT, BROKEN_MARK)],
    ids=["texts that no person wrote", "texts that lost letters"],
)
def test_whatever_is_damaged_bears_a_mark(slow: str, quick: str) -> None:
    chance = random.Random(20261129)  # noqa: S311 - texts to try, the same each time
    texts = pa.array("".join(chance.choices(PIECES, k=chance.randint(1, 5))) for _ in range(TEXTS))
    damaged, marked = found(texts, slow), found(texts, quick)
    assert TEXTS / 50 < pc.sum(damaged).as_py() < TEXTS, "enough are damaged for this to say something"
    assert pc.sum(pc.invert(marked)).as_py() > TEXTS / 50
    missed = pc.and_(damaged, pc.invert(marked))
    assert texts.filter(missed).to_pylist() == []
    assert found(pa.array([piece for piece in PIECES if len(piece) > 1]), slow).true_count > 8
