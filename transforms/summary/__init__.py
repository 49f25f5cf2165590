"""A run in figures: what stays of it when its people are pruned."""

from trueup.transforms.summary.directory import COLUMNS, directory, directory_of, word_macro
from trueup.transforms.summary.summaries import write_apply_summary, write_plan_summary

__all__ = ["COLUMNS", "directory", "directory_of", "word_macro", "write_apply_summary", "write_plan_summary"]
