"""The dashboard of traffic: flow logs, and what owners are told."""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import quantile, rate

_FLOWS = '{topic="onenet.flows"}'

TRAFFIC = Dashboard(
    "onenet-traffic",
    "OneNet: traffic",
    (
        Panel(
            "Records counted",
            "cps",
            "Flow records by what carries them. Many `unknown`: networks that nobody has discovered.",
            {"{{kind}}": rate("onenet_flows_records_total", "kind")},
        ),
        Panel(
            "Lines refused",
            "cps",
            "Lines of flow logs that cannot be counted, by reason. Samples are among the dead letters.",
            {"{{reason}}": f"{rate('onenet_flows_refused_total', 'reason')} > 0"},
        ),
        Panel(
            "Share refused",
            "percentunit",
            "Of all lines that are records. Near zero, but for an exporter whose format nobody knows.",
            {"refused": "onenet:flows_refused:ratio15m"},
        ),
        Panel(
            "Messages behind",
            "short",
            "Flow logs on the topic that are not counted yet.",
            {"{{group}}": f"sum by (group) (onenet_consumer_lag{_FLOWS})"},
        ),
        Panel(
            "Delay",
            "s",
            "From the topic to the sums, of the oldest message of each batch.",
            {
                "median": quantile(0.5, "onenet_flows_delay_seconds"),
                "95 %": quantile(0.95, "onenet_flows_delay_seconds"),
            },
        ),
        Panel(
            "Commits",
            "cps",
            "Batches of sums committed. None while messages are behind: counting stands still.",
            {"commits": "sum(rate(onenet_flows_commit_duration_seconds_count[$__rate_interval]))"},
        ),
        Panel(
            "Commit duration",
            "s",
            "From sums in memory to sums in the database.",
            {
                "median": quantile(0.5, "onenet_flows_commit_duration_seconds"),
                "95 %": quantile(0.95, "onenet_flows_commit_duration_seconds"),
            },
        ),
        Panel(
            "Ambiguous",
            "cps",
            "Records with an end that several networks claim, and no exporter that tells them apart.",
            {"ambiguous": "sum(rate(onenet_flows_ambiguous_total[$__rate_interval]))"},
        ),
        Panel(
            "Passed over",
            "cps",
            "Lines that are no records, by reason, and messages that were counted before. `skipdata`: the "
            "provider lost records.",
            {
                "{{reason}}": f"{rate('onenet_flows_skipped_total', 'reason')} > 0",
                "repeated messages": "sum(rate(onenet_flows_repeated_total[$__rate_interval]))",
            },
        ),
        Panel(
            "Dead letters",
            "short",
            "Messages of flow logs that no repeating can help, in the last hour.",
            {"{{group}}": f"sum by (group) (increase(onenet_messages_dead_total{_FLOWS}[1h]))"},
        ),
        Panel(
            "Files taken in",
            "cps",
            "Files of AWS's flow logs, by what became of them. All but `read` and `repeated` are in the "
            "collector's log.",
            {"{{outcome}}": f"{rate('onenet_collector_files_total', 'outcome')} > 0"},
        ),
        Panel(
            "Files waiting",
            "short",
            "Messages in the collector's queue: `waiting` for anybody, `hidden` while somebody has them in "
            "hand. Nothing where the collector's role may not ask.",
            {"{{state}}": "max by (state) (onenet_collector_queue_depth)"},
        ),
        Panel(
            "Delay of files",
            "s",
            "How long the last message taken from the queue had waited, and from a file's delivery to the "
            "topic.",
            {
                "in the queue": "max(onenet_collector_queue_age_seconds)",
                "median": quantile(0.5, "onenet_collector_delay_seconds"),
                "95 %": quantile(0.95, "onenet_collector_delay_seconds"),
            },
        ),
        Panel(
            "Findings",
            "short",
            "Opened and closed in the last hour.",
            {
                "{{kind}} {{change}}": "sum by (kind, change) ("
                "increase(onenet_findings_changed_total[1h])) > 0"
            },
        ),
        Panel(
            "Deliveries to webhooks",
            "cps",
            "Attempts by outcome. `gone` and `gave_up` disable a webhook, and its owners are told.",
            {"{{outcome}}": rate("onenet_webhooks_deliveries_total", "outcome")},
        ),
        Panel(
            "Mails",
            "cps",
            "Mails by outcome; none where there is no mail server.",
            {"{{outcome}}": rate("onenet_mails_total", "outcome")},
        ),
        Panel(
            "Open streams",
            "short",
            "Streams of events that somebody follows, by process.",
            {"{{instance}}": "sum by (instance) (onenet_api_streams)"},
        ),
    ),
)
