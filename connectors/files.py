"""Graph-shaped JSON, the portal's users CSV and directory reports as sources."""
