"""What a lesson leaves to its learner: an empty cell with a live check, and helpers that keep plumbing off the page."""
