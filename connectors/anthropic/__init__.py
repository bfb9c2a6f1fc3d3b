"""Claude, behind the port of a language model. Nothing outside this folder knows the vendor's words."""
