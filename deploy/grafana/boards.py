"""What the dashboards show. Labels are few on purpose: no connection, account or user is one.

Replicas of one service share their work, so that counters are summed; figures that every replica
reads from the same tables are taken at their maximum.
"""

from __future__ import annotations

from deploy.grafana.panels import Dashboard, Panel
from deploy.grafana.queries import quantile, rate
from deploy.grafana.traffic import TRAFFIC

CONNECTIONS = Dashboard(
    "onenet-connections",
    "OneNet: connections",
    (
        Panel(
            "Connections by state",
            "short",
            "How many connections stand where. REQUESTED, PROVISIONING and DELETING should drain.",
            {"{{state}}": "max by (state) (sum by (state, instance) (onenet_connections))"},
        ),
        Panel(
            "Established by ctype",
            "short",
            "Which ways the established connections are built.",
            {"{{ctype}}": 'max by (ctype) (onenet_connections{state="ESTABLISHED"})'},
        ),
        Panel(
            "Health",
            "short",
            "Verdicts of the monitor. DOWN: packets do not pass. UNKNOWN: nobody has looked lately.",
            {"{{health}}": "max by (health) (onenet_connections_health)"},
        ),
        Panel(
            "Time to establish",
            "s",
            "From the request to the connection, without the wait for consent.",
            {
                "median {{ctype}}": quantile(0.5, "onenet_connections_time_to_establish_seconds", "ctype"),
                "95 % {{ctype}}": quantile(0.95, "onenet_connections_time_to_establish_seconds", "ctype"),
            },
        ),
        Panel(
            "Established a minute",
            "short",
            "Connections that came to be, each minute.",
            {"{{ctype}}": f"60 * {rate('onenet_connections_time_to_establish_seconds_count', 'ctype')}"},
        ),
        Panel(
            "Failures a minute by reason",
            "short",
            "What came to nothing. `rejected` is an answer to the user, not a fault of OneNet.",
            {"{{code}}": f"60 * {rate('onenet_connections_failures_total', 'code')}"},
        ),
        Panel(
            "Oldest under way",
            "s",
            "Since the oldest unfinished connection of a state was asked for. New ones give up after 15 min.",
            {"{{state}}": "max by (state) (onenet_connections_oldest_under_way_seconds)"},
        ),
        Panel(
            "Drift and repairs a minute",
            "short",
            "Established links found changed by somebody else, and put right. Repairs should follow drift.",
            {
                "drifted {{ctype}}": f"60 * {rate('onenet_drifts_total', 'ctype')}",
                "repaired": "60 * sum(rate("
                'onenet_reconciliations_total{outcome="repaired"}[$__rate_interval]))',
            },
        ),
        Panel(
            "Former paths",
            "short",
            "Tries in the last hour to remove what a change of ctype has left of another path. All but "
            "`removed` and `wait` are tried again at the next look.",
            {"{{outcome}}": "sum by (outcome) (increase(onenet_former_paths_total[1h])) > 0"},
        ),
        Panel(
            "Decisions a minute",
            "short",
            "What the evaluator chose, and what it rejected.",
            {"{{outcome}} {{ctype}}": f"60 * {rate('onenet_evaluations_total', 'outcome, ctype')}"},
        ),
    ),
)

PIPELINE = Dashboard(
    "onenet-pipeline",
    "OneNet: pipeline",
    (
        Panel(
            "Consumer lag",
            "short",
            "Records behind the end of the topic. Peaks are bursts; a rising line is too slow a consumer.",
            {"{{group}} {{topic}}": "onenet:consumer_lag:sum"},
        ),
        Panel(
            "Messages handled",
            "cps",
            "Records by consumer group and outcome.",
            {"{{group}} {{outcome}}": rate("onenet_messages_handled_total", "group, outcome")},
        ),
        Panel(
            "Messages published",
            "cps",
            "Records that the broker has acknowledged.",
            {"{{topic}}": rate("onenet_messages_sent_total", "topic")},
        ),
        Panel(
            "Batches",
            "cps",
            "Batches handled; messages handled by batches gives their size.",
            {
                "{{messaging_consumer_group_name}}": rate(
                    "messaging_process_duration_seconds_count", "messaging_consumer_group_name"
                )
            },
        ),
        Panel(
            "Batches to be tried again",
            "cps",
            "Batches that met a transient error, such as a database that is away. Nothing behind them moves.",
            {
                "{{messaging_consumer_group_name}} {{error_type}}": rate(
                    "messaging_process_duration_seconds_count",
                    "messaging_consumer_group_name, error_type",
                    '{error_type!=""}',
                )
            },
        ),
        Panel(
            "Dead letters",
            "short",
            "Records that no repeating can help, in the last hour. Each one wants to be looked at.",
            {"{{group}} {{topic}}": "sum by (group, topic) (increase(onenet_messages_dead_total[1h]))"},
        ),
        Panel(
            "Outbox depth",
            "short",
            "Rows that wait to be published; near zero whenever the broker is there.",
            {"{{schema}}": "max by (schema) (onenet_outbox_depth)"},
        ),
        Panel(
            "Outbox lag",
            "s",
            "How long rows waited when published (95 %), and how long the oldest one waits now.",
            {
                "published {{schema}}": quantile(0.95, "onenet_outbox_lag_seconds", "schema"),
                "waiting {{schema}}": "max by (schema) (onenet_outbox_oldest_age_seconds)",
            },
        ),
        Panel(
            "Relays that lead",
            "short",
            "One for each schema. None: nothing is published.",
            {"{{schema}}": "sum by (schema) (onenet_relay_leading)"},
        ),
        Panel(
            "Published again",
            "cps",
            "Wishes that made no progress and were published again. More than a trickle: events get lost.",
            {"{{type}}": rate("onenet_api_republished_total", "type")},
        ),
        Panel(
            "Events in the read model",
            "cps",
            "What the API made of events: `history` is late, `refused` contradicts the state.",
            {"{{verdict}}": rate("onenet_api_events_projected_total", "verdict")},
        ),
        Panel(
            "Loops that crashed",
            "short",
            "Background loops that ended by an error and began anew, in the last quarter of an hour.",
            {"{{job}} {{name}}": "sum by (job, name) (increase(onenet_background_crashes_total[15m])) > 0"},
        ),
    ),
)

_CALLS = "rpc_client_call_duration_seconds"

PROVIDERS = Dashboard(
    "onenet-providers",
    "OneNet: provider APIs",
    (
        Panel(
            "Calls",
            "cps",
            "Calls of providers' APIs.",
            {"{{rpc_service}} {{rpc_method}}": rate(f"{_CALLS}_count", "rpc_service, rpc_method")},
        ),
        Panel(
            "Errors",
            "cps",
            "Calls refused or not answered, by what the error means. `missing`, `present` and `not_ready` "
            "are part of looking before acting.",
            {
                "{{error_type}}": rate(f"{_CALLS}_count", "error_type", '{error_type!=""}'),
            },
        ),
        Panel(
            "Share throttled",
            "percentunit",
            "Calls that the provider asked to slow down, of all. Calls slow down by themselves above zero.",
            {"{{rpc_service}}": "onenet:provider_throttled:ratio5m"},
        ),
        Panel(
            "Latency, 95 %",
            "s",
            "How long the provider takes to answer.",
            {"{{rpc_service}} {{rpc_method}}": quantile(0.95, _CALLS, "rpc_service, rpc_method")},
        ),
        Panel(
            "Steps by outcome",
            "cps",
            "Steps of plans applied. `done` and `wait` are progress.",
            {"{{action}} {{outcome}}": rate("onenet_steps_total", "action, outcome")},
        ),
        Panel(
            "Links worked on",
            "cps",
            "Reconciliations by phase and outcome. WATCHED goes on for as long as links stand.",
            {"{{phase}} {{outcome}}": rate("onenet_reconciliations_total", "phase, outcome")},
        ),
        Panel(
            "Work in hand",
            "short",
            "Links and providers worked on now. At its limit all the time: more provisioners would help.",
            {"{{kind}} {{instance}}": "sum by (kind, instance) (onenet_work_running)"},
        ),
        Panel(
            "Looks at providers",
            "cps",
            "Discoveries by outcome; `access_denied` means that an owner does not let OneNet in any more.",
            {"{{outcome}}": rate("onenet_discoveries_total", "outcome")},
        ),
    ),
)

_HTTP = "http_server_request_duration_seconds"

SERVICES = Dashboard(
    "onenet-services",
    "OneNet: services",
    (
        Panel(
            "Requests",
            "reqps",
            "HTTP requests by method and route.",
            {
                "{{http_request_method}} {{http_route}}": rate(
                    f"{_HTTP}_count", "http_request_method, http_route"
                )
            },
        ),
        Panel(
            "Answers by status",
            "reqps",
            "5xx is ours to explain; 4xx is the caller's.",
            {"{{http_response_status_code}}": rate(f"{_HTTP}_count", "http_response_status_code")},
        ),
        Panel(
            "Request duration, 99 %",
            "s",
            "By route. GET of one connection may wait up to a minute because the caller asked it to.",
            {
                "{{http_request_method}} {{http_route}}": quantile(
                    0.99, _HTTP, "http_request_method, http_route"
                )
            },
        ),
        Panel(
            "Requests in hand",
            "short",
            "HTTP requests that wait for their answer.",
            {"{{instance}}": "sum by (instance) (http_server_active_requests)"},
        ),
        Panel(
            "Messages",
            "cps",
            "Records handled, by consumer group.",
            {"{{group}}": rate("onenet_messages_handled_total", "group")},
        ),
        Panel(
            "Batch duration, 95 %",
            "s",
            "How long one batch of messages takes, by consumer group.",
            {
                "{{messaging_consumer_group_name}}": quantile(
                    0.95, "messaging_process_duration_seconds", "messaging_consumer_group_name"
                )
            },
        ),
        Panel(
            "CPU",
            "percentunit",
            "Share of one core that each process uses. A service is one thread: 1 is all it can get.",
            {
                "{{job}} {{instance}}": "sum by (job, instance) ("
                'rate(process_cpu_seconds_total{job=~"onenet-.*"}[$__rate_interval]))'
            },
        ),
        Panel(
            "Memory",
            "bytes",
            "Resident memory of each process.",
            {
                "{{job}} {{instance}}": "sum by (job, instance) ("
                'process_resident_memory_bytes{job=~"onenet-.*"})'
            },
        ),
        Panel(
            "Event loop delay, 99 %",
            "s",
            "How late the event loop is. More than a few tens of milliseconds: it is blocked.",
            {"{{job}}": quantile(0.99, "onenet_event_loop_delay_seconds", "job")},
        ),
        Panel(
            "Ready",
            "short",
            "Processes whose parts have all started.",
            {"{{job}}": "sum by (job) (onenet_service_ready)"},
        ),
        Panel(
            "Database answers",
            "short",
            "1 while every process got an answer from its schema's database.",
            {"{{schema}}": "min by (schema) (onenet_database_up)"},
        ),
        Panel(
            "Uptime",
            "s",
            "Since each process started. A saw's teeth are restarts.",
            {
                "{{job}} {{instance}}": "time() - max by (job, instance) ("
                'process_start_time_seconds{job=~"onenet-.*"})'
            },
        ),
    ),
)

DASHBOARDS = (CONNECTIONS, PIPELINE, PROVIDERS, SERVICES, TRAFFIC)
