"""The Access page: the tokens with which programs act as the person who has signed in."""
