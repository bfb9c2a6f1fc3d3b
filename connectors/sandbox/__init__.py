"""A small company in a SQLite file of its own: the outside system Foyer has before it is given real ones."""
