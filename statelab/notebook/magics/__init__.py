"""What a learner types in a cell after a percent sign."""
