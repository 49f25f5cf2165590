"""What every connection over HTTP shares: how long to wait before trying again, whose turn it is, whom TLS trusts."""
