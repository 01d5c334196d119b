"""How each kind is stored: defaults, admission, what may change, deletion, lists and watches."""
