"""An Entra tenant on loopback: the token endpoint and the part of Microsoft Graph v1.0 that Trueup reads."""
