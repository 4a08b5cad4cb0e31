// What --help says below the options. Start-up; literals.
#pragma once

namespace sluice::config {

inline constexpr const char* main_help = R"(Examples:
  sluice serve                                    defaults: 127.0.0.1:8080 to redis://127.0.0.1:6379
  sluice serve --config sluice.toml --log-level debug
  sluice check-config sluice.toml                 is this file right?
  sluice doctor --config sluice.toml              what on this machine would hurt?
  sluice print-config > sluice.toml               a file to start from
  sluice print-config --effective                 what counts here, and where each value is from
  sluice print-metrics                            what /metrics and /status show, as Markdown
  sluice journal cat DIR                          the samples of a journal
  sluice token new --tenant acme                  a token, and its line for the file of tenants
  sluice dead ls --config sluice.toml             the refused records that were kept of tenants

Configuration:
  The command line beats the environment, which beats the file.
  Key sink.redis.layout is SLUICE_SINK_REDIS_LAYOUT in the environment; SLUICE_CONFIG names the file.
  Other variables that begin with SLUICE_ are refused, except those that Kubernetes makes of Services.

Exit codes:
  0  everything accepted was delivered, or is in the journal
  1  accepted samples were lost when the engine stopped, or it failed while it ran
  2  wrong command line or configuration
  3  io_uring is not available, and --backend io_uring asks for it)";

inline constexpr const char* serve_help = R"(Examples:
  sluice serve --listen 0.0.0.0:8080 --cores 2-5 --sink redis://ingest:secret@10.0.0.7:6379
  sluice serve --sink redis+unix:///run/redis/redis.sock --set sink.redis.layout=packed --set batch.size=256KiB
  sluice serve --sink null: --ack queued           measures the engine alone

SIGTERM or Ctrl-C stops taking requests, delivers what was accepted, and exits; a second one exits at once.
All keys of --set: sluice print-config)";

inline constexpr const char* check_config_help = R"(Examples:
  sluice check-config /etc/sluice.toml && systemctl restart sluice
  sluice check-config --connect /etc/sluice.toml  asks Redis, too

The environment and --set count as in `serve`. What the file asks for and this machine lacks is a warning.
Exits 0 if the file is right, else 2 with one sentence that says what is wrong, where, and what is allowed.
With --connect: 1 if Redis cannot be asked, or takes no samples.)";

inline constexpr const char* doctor_help = R"(Examples:
  sluice doctor                                   this machine, and the default configuration
  sluice doctor --config /etc/sluice.toml --json | jq '.checks[] | select(.state != "ok")'

Looks at the kernel, cores, network, limits, Redis, the configuration and its files. Changes nothing.
A check that cannot be made here is unknown.
Exits 0 if all is well, 1 with warnings, 2 with faults or for a wrong command line.)";

inline constexpr const char* print_config_help = R"(Examples:
  sluice print-config --format toml > sluice.toml
  sluice print-config --effective --config /etc/sluice.toml

toml is a commented file that can be loaded, markdown is the table of docs/configuration.md, json is for programs.
--effective shows what counts here, after file, environment and --set, and where each value is from.)";

inline constexpr const char* journal_help = R"(Examples:
  sluice serve --sink journal:/var/lib/sluice           writes it
  sluice journal cat /var/lib/sluice | jq .device_id
  sluice journal verify /var/lib/sluice                 exits with 1 if anything in it is damaged
  sluice journal replay /var/lib/sluice --to redis://10.0.0.7:6379 --set sink.redis.layout=json

All but replay only read, and may run while an engine writes. replay continues where the last one stopped.)";

inline constexpr const char* replay_help = R"(Examples:
  sluice journal replay /var/lib/sluice --to redis://10.0.0.7:6379
  sluice journal replay /var/lib/sluice --to redis://10.0.0.8:6379 --all
  sluice journal replay /var/lib/sluice --to redis://10.0.0.8:6379 --since 2h

Delivers in order, at least once, what was not delivered yet. SIGTERM or Ctrl-C stops it; the next run continues.
--all, --from and --since deliver samples again, whatever was delivered before. They are for a second Redis or for one
that was lost; what counts as delivered stays as it is.
Exits 0 if everything was delivered, 1 if not, 2 for a wrong command line. Settings: the keys sink.redis.*)";

inline constexpr const char* token_help = R"(Examples:
  sluice token new --tenant acme
  sluice token new --tenant acme --expires 90d --scopes write,query

The first line of the output is the token. It is shown only here. The second line goes into the list `tokens` of the
tenant in the file that the key tenants.file names.)";

inline constexpr const char* dead_help = R"(Examples:
  sluice dead ls --config sluice.toml
  sluice dead show --config sluice.toml --tenant acme | jq .raw
  sluice dead replay --config sluice.toml --tenant acme --token-file acme.token --to http://127.0.0.1:8080

Records that a tenant with dead_letter sent, and that were refused. ls counts them, show prints them as NDJSON. replay
sends them again, as the tenant whose token is in the file, and deletes what is taken. What is refused again stands
behind, with its new reason; all else stays.
Exits 0 if all went well, 1 if not, 2 for a wrong command line, configuration or token.)";

}  // namespace sluice::config
