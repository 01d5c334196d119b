"""What is told in words: why, how far, what a line means."""
