"""A large class graded as an Indexed Job: submissions in and results out over one volume, no queue but Kubernetes'."""
