"""Runs on machines that are rented by the minute: Jobs of the Hugging Face Hub."""
