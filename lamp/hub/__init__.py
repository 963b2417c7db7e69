"""Describes backbones before they are loaded, from their files or the Hub; downloads them; has the offline backbone."""
