"""Messages leave here: a webhook, a command, and every address Apprise knows. None of them can hold up a night."""

from __future__ import annotations

from trueup.connectors.notify.channels import Channel, channel_names, channels, deliver, examine
from trueup.connectors.notify.ledger import Failing, Ledger
from trueup.connectors.notify.shared_ledger import SharedLedger

__all__ = ["Channel", "Failing", "Ledger", "SharedLedger", "channel_names", "channels", "deliver", "examine"]
