"""The ServiceAccount every namespace has, and its tokens."""
