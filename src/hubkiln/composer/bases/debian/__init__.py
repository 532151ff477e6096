"""The base image that the project builds itself, from Debian packages, without root."""
