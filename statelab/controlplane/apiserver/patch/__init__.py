"""What an object becomes when it is patched or applied, and which manager owns which field."""
