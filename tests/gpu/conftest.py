"""Tests that need a CUDA device: where there is none, nothing of this folder is collected."""

import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["test_*.py"]
