"""A SCIM 2.0 directory on loopback: ``scim2-server`` behind waitress, with the weaknesses real servers have."""
