"""The studio: pages, jobs and the door between them."""
