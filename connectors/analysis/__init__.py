"""The archive as data: views over all nights, read-only, for SQL and Python.

May import ``connectors.archive`` and ``transforms``; nothing here writes anything but its cache and what is asked to be
exported.
"""
