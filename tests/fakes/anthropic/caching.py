"""What a prompt costs in tokens, with the cache of prefixes that the API keeps."""

import json
from dataclasses import dataclass
from hashlib import sha256

from tests.fakes.anthropic.rules import Json, blocks

MINIMUM = 512
"""Tokens of the shortest prefix that is kept, on the models of today."""
CHARACTERS = 4
"""A token's, about."""


@dataclass(frozen=True)
class Cost:
    input: int
    read: int
    written: int


def tokens(body: Json) -> int:
    """Of all that is read."""
    return sum(map(_size, blocks(body))) + _size(body.get("output_config", {}))


class Cache:
    """Prefixes of prompts up to a mark; each model has its own, and nothing is forgotten within a test."""

    def __init__(self) -> None:
        self._kept: set[str] = set()

    def cost(self, body: Json) -> Cost:
        whole, read, marked = tokens(body), 0, 0
        prefix, size = sha256(json.dumps([body["model"], body.get("output_config", {}).get("format")]).encode()), 0
        for block in blocks(body):
            prefix.update(json.dumps({name: value for name, value in block.items() if name != "cache_control"}).encode())
            size += _size(block)
            if block.get("cache_control") is None or size < MINIMUM:
                continue
            marked = size
            if (key := prefix.hexdigest()) in self._kept:
                read = size
            self._kept.add(key)
        return Cost(whole - marked, read, marked - read)


def _size(value: Json) -> int:
    plain = {name: one for name, one in value.items() if name != "cache_control"}
    return -(-len(json.dumps(plain, ensure_ascii=False)) // CHARACTERS) if plain else 0
