"""``onenet``: loads the command, then runs it."""

from __future__ import annotations

from onenet_common.loading import loading


def main() -> None:
    """Run one command and end the process with its exit code."""
    with loading():
        from onenet_client.cli import main as run
    run()


if __name__ == "__main__":
    main()
