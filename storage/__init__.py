"""What outlives a process: job records in a database, artifacts on disk."""
