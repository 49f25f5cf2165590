"""One statement per file, named for its result; values are parameters."""
