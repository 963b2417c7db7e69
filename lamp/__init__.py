"""LAMP: low-parameter prompt tuning of frozen language models. It knows nothing of jobs, pages or the database."""
