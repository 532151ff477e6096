"""The files of repositories as they are delivered: kept once, read as a tree, brought into a home."""
