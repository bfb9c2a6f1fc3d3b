"""Files to Markdown: one module a family of formats, chosen by suffix and by content."""
