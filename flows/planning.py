"""What reconcile and rollback share."""
