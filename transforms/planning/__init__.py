"""From desired and actual to decisions, changes and limits."""
