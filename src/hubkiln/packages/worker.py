"""A process that answers each line of JSON with a line of JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any


class Worker:
    """
    Runs `words`, with `env` as its whole environment, when it is first asked; it should end with its standard input.
    If `quiet`, what it writes to standard error goes nowhere.

    Not for two threads at once, but another may end it.
    """

    def __init__(self, words: Sequence[str], env: Mapping[str, str], *, quiet: bool = False) -> None:
        self._words, self._env, self._errors = words, env, subprocess.DEVNULL if quiet else None
        self._process: subprocess.Popen[str] | None = None

    @property
    def runs(self) -> bool:
        """Whether it has been asked since it was made or ended."""
        return self._process is not None

    def ask(self, question: Any) -> Any:
        """
        What it answers.

        Raises:
            EOFError: it ended over this, or said no JSON. The next question is for a new process.
        """
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            self.close()
            raise EOFError from error

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with suppress(BrokenPipeError), process:  # half a question may still be in the pipe
                pass

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=self._env,
            cwd="/",
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
