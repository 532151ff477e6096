"""What holds for all tests."""

from hypothesis import settings

settings.register_profile("hubkiln", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("hubkiln")
