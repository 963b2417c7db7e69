"""LAMP: low-parameter prompt tuning of frozen language models.

The method and nothing else: no job, no page and no table is known here.
"""
