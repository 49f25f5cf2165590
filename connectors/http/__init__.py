"""What connections over HTTP share: how long to wait before trying again, whose turn it is, trusted certificates."""
