"""``onenet-api``: loads the service, then runs it."""

from __future__ import annotations

from onenet_common.loading import loading


def main() -> None:
    """Run until SIGTERM, or do what the command line says."""
    with loading():
        from onenet_api.main import main as run
    run()


if __name__ == "__main__":
    main()
