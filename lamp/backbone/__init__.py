"""The frozen model: loading it, how it computes, and how a soft prompt is put before its input."""
