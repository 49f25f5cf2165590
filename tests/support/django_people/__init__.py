"""People of a django-scim2 server: a directory built on other people's reading of the RFC."""
