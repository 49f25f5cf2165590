"""The user model django-scim2 asks for."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django_scim.models import AbstractSCIMUserMixin


class Person(AbstractSCIMUserMixin, AbstractUser):  # type: ignore[misc]  # Django comes without types
    """One profile."""

    class Meta:
        app_label = "django_people"

    @property
    def scim_groups(self) -> Any:
        """What django-scim2 calls a user's groups."""
        return self.groups
