"""What specialists can do: one folder a skill. `specialists/loader.py` reads them; a skill imports no other skill."""
