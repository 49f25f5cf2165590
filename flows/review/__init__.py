"""The page a team reviews on: sign-in, sessions and rights, what is decided there, and what everybody sees of it live.

Nothing here can reach the SCIM writer: an apply that is begun from the page is a process of its own.
"""
