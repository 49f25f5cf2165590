"""Keeps a people directory true to Microsoft Entra ID."""
