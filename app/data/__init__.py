"""The data sets that runs learn from: listed, opened, and checked."""
