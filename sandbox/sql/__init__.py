"""SQL of the sandbox, one statement per file."""
