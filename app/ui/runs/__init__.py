"""The Runs page: the list of runs, and the page of one run."""
