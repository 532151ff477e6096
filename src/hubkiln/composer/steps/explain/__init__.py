"""Failed builds in plain words: what is known of tools' output, and of the rest the lines that matter."""
