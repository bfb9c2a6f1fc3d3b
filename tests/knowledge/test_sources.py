"""The key of an article: a file's own name, or its path from the chosen folder on."""

import pytest

from knowledge.loading.registry import source_name
from knowledge.sources import source_path


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("index.md", "index.md"),
        ("handbook/a/index.md", "handbook/a/index.md"),
        ("handbook\\a\\index.md", "handbook/a/index.md"),
        ("/handbook//./a/../index.md", "handbook/a/index.md"),
        ("hand\x00book/ in\ndex.md ", "handbook/index.md"),
    ],
)
def test_a_path_is_read_on_any_platform(path: str, key: str) -> None:
    assert source_path(path) == key


def test_a_file_that_came_alone_has_the_key_that_it_always_had() -> None:
    for name in ("policy.md", "Über uns.pdf", "x" * 300 + ".md"):
        assert source_path(name) == source_name(name)


def test_long_paths_are_cut_and_stay_apart() -> None:
    one, other = (f"{folder}/{'deep/' * 60}index.md" for folder in "ab")
    assert source_path(one) != source_path(other)
    assert {len(source_path(one)), len(source_path(other))} == {200}
    assert source_path(one).endswith("deep/index.md")
