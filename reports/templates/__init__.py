"""The page: template, style and script."""
