"""What panels ask Prometheus for, over the interval that Grafana chooses."""

from __future__ import annotations


def rate(counter: str, by: str, where: str = "") -> str:
    """A counter's increase each second.

    Args:
        by: labels, separated by commas.
        where: a selector in braces.
    """
    return f"sum by ({by}) (rate({counter}{where}[$__rate_interval]))"


def quantile(share: float, histogram: str, by: str = "", where: str = "") -> str:
    """A histogram's quantile.

    Args:
        share: from 0 to 1.
        histogram: its name without ``_bucket``.
        by: labels, separated by commas.
        where: a selector in braces.
    """
    labels = f"le, {by}" if by else "le"
    return (
        f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{where}[$__rate_interval])))"
    )
