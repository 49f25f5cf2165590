"""The sample tenant and directory, made by ``python -m trueup.sandbox.assembly``."""
