"""Child processes: their environment and limits, and the work on people's files that is done in them."""
