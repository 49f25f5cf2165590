"""The sample tenant and directory, made by ``python -m connectors.sandbox.assembly``."""
