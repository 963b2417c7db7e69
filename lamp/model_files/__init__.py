"""What the files of a backbone say of it; nothing here loads weights or imports torch."""
