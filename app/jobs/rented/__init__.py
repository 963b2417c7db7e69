"""Runs on machines that are rented by the minute as Jobs of the Hugging Face Hub."""
