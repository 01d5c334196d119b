"""Who may: users, what they ask for, and RBAC's answer. Below the registry, which asks before a role is widened."""
