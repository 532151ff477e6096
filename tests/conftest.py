"""What holds for all tests."""

import signal

from hypothesis import settings

settings.register_profile("hubkiln", deadline=None)  # a busy machine is slow, not wrong
settings.load_profile("hubkiln")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background by a shell; children would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)
