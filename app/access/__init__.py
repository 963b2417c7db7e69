"""Who the people of a studio are, how they sign in, and how much each of them may take."""
