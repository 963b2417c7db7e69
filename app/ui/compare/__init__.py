"""The Compare page: a few runs side by side."""
