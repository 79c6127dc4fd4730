"""Run a program that is told to stop when its parent dies: ``leash.py PARENT_PID SIGNAL PROGRAM [ARGUMENT …]``.

The kernel sends the signal (Linux, ``PR_SET_PDEATHSIG``), so it arrives even when the parent was killed with
SIGKILL. The setting outlives the exec. It is made here and not in the parent between fork and exec, where a process
with threads must not run Python.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, signal_number, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):  # the parent died before the request was made
        sys.exit("the parent process is gone")
    os.execvp(command[0], command)  # noqa: S606  the point of this file


if __name__ == "__main__":
    main()
