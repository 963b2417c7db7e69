"""The Tune page: examples, backbone, recipe, start."""
