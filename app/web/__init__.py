"""What stands between the network and the pages: who may ask, how much, and how the server is run."""
