"""Entra ID through Microsoft Graph, read only."""
