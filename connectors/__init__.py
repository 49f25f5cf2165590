"""Entra, SCIM, the archive and the sandbox: says how."""
