"""What kubectl describe tells, kind by kind. Source: pkg/describe/describe.go."""
