"""The program that ``trueup.flows.review.building`` starts for what is heavy."""

from __future__ import annotations

from trueup.flows.review.building import main

if __name__ == "__main__":
    main()
