"""SQL of the checks: one statement per file, named for its result."""
