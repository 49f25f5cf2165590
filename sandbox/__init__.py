"""An Entra tenant and a SCIM directory on loopback, for the demo, the tests and a first try.

``running()`` serves both in threads of this process; importing this package costs next to nothing.
"""

from __future__ import annotations

from trueup.sandbox.directory.data import DirectoryData
from trueup.sandbox.directory.weaknesses import Weaknesses
from trueup.sandbox.sandbox import Sandbox, running
from trueup.sandbox.tenant.data import Application, Assignment, Group, TenantData
from trueup.sandbox.tenant.faults import Fault, statuses

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
