"""Everything that outlives a process: runs in a database, files on disk."""
