"""What is known of a backbone before it is loaded: from its files, the Hub, or the offline copy."""
