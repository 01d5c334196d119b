"""How a request is answered: to the registry and back, and what the server says of itself."""
