"""People signing in with the company's identity provider, and what of their rights can be asked for later."""
