"""Draws Vega-Lite specifications from standard input; a program of its own, started by ``trueup.reports.pictures``."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """A JSON list of specifications in, a JSON list of SVG texts out; nothing is fetched."""
    import vl_convert

    specifications = json.load(sys.stdin)
    drawn = [vl_convert.vegalite_to_svg(one, allowed_base_urls=[]) for one in specifications]
    json.dump(drawn, sys.stdout)


if __name__ == "__main__":
    main()
