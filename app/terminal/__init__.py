"""The command line of a running studio."""
