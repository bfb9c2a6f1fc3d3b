"""The local web chat: a channel of its own with a JSON API and a page; `foyer chat` is a client of the same API."""
