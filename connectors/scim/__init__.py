"""Any SCIM 2.0 directory, read only."""
