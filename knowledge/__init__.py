"""Articles, index, retrieval and answers."""
