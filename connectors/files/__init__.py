"""Graph-shaped JSON, the portal's users CSV and directory reports as sources."""

from trueup.connectors.files.everything_report import Report, read_everything_report
from trueup.connectors.files.snapshot import examine_file, read_file

__all__ = ["Report", "examine_file", "read_everything_report", "read_file"]
