"""One person's data out of the archive: who that is, what is rewritten, whether it may go, what the act states.

Pure; the archive stages files and writes the act (``trueup.connectors.archive.erasing``).
"""
