"""What cannot be composed: images that repo2docker and a container engine make, taken in and pushed like any other."""
