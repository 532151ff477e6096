"""``hubkiln``, and ``python -m hubkiln``."""

import signal


def main() -> None:
    """
    Load the command line, which takes a third of a second, and do what was asked.

    Until then Ctrl-C ends us as it ends any program, without a word: there is nothing to stop or to tidy up.
    """
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not in the background of a script
    if heard:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hubkiln.cli import main

    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    main()
