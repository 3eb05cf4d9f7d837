"""What one can see of a running gateway: the snapshot, and its renderings as metrics and logs."""
