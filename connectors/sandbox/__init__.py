"""An Entra tenant and a SCIM directory on loopback, for the demo, the tests and a first try."""
