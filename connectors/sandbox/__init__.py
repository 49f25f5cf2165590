"""An Entra tenant and a SCIM directory on loopback, for the demo, the tests and a first try.

``running()`` serves both in threads of this process; importing this package costs next to nothing.
"""

from __future__ import annotations

from connectors.sandbox.directory.data import DirectoryData
from connectors.sandbox.directory.weaknesses import Weaknesses
from connectors.sandbox.tenant.data import Application, Assignment, Group, TenantData
from connectors.sandbox.tenant.faults import Fault, statuses
from connectors.sandbox.world import Sandbox, running

__all__ = [
    "Application",
    "Assignment",
    "DirectoryData",
    "Fault",
    "Group",
    "Sandbox",
    "TenantData",
    "Weaknesses",
    "running",
    "statuses",
]
