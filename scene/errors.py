"""The one error that is meant for the user."""


class UserError(Exception):
    """Something the user can mend, told in one sentence that names the file and the remedy.

    Command-line tools print it without a traceback and exit with status 2 (``scene.runlog.run_cli``).
    """
