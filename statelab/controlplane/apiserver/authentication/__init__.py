"""Who somebody is: the server's own token, tokens of ServiceAccounts, and whom a user may act as."""
