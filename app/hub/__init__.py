"""The Hugging Face Hub: publishing prompts and fetching data sets."""
