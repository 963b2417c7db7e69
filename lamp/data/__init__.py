"""From a file to batches of token ids: tables, columns, splits, chat templates, encoding."""
