"""The repository refers to nothing that its reader does not have."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ELSEWHERE = re.compile("design " + r"§|\(facts" + r": [a-z_]+(\)| §)")


def test_no_comment_sends_the_reader_to_a_document_that_is_not_here() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    texts = [CHECKOUT / name for name in listed.split("\0") if name.endswith((".py", ".sql", ".md", ".toml", ".sh"))]
    assert len(texts) > 100
    assert [str(path) for path in texts if ELSEWHERE.search(path.read_text(encoding="utf-8"))] == []
