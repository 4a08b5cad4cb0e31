// The options' names and help: what `sluice-load --help` shows.
#include "tools/load/command/run_options.hpp"

namespace sluice::load {
namespace {

// A shell's variable that is not set must not pass for an option that is not given.
std::string not_empty(const std::string& value) { return value.empty() ? "must not be empty" : ""; }

// Options of one value that stand under one heading.
struct Group {
    CLI::App& app;
    const char* heading;

    // `value` outlives the parsing: CLI11 keeps a reference to it. Checks of the values come later, in plan_of().
    void operator()(const char* name, std::string& value, const char* type, const char* help) const {
        app.add_option(name, value, help)->type_name(type)->group(heading)->check(not_empty);
    }
};

void declare_request(CLI::App& app, RunOptions& options) {
    const Group request{app, "Request"};
    request("--method", options.method, "METHOD", "GET, or POST if there is a body");
    // Exactly one value for each --header, so that a URL behind it is not taken for another header.
    app.add_option("--header", options.headers, "NAME: VALUE; may be given several times")
        ->type_name("LINE")
        ->take_all()
        ->expected(1)
        ->allow_extra_args(false)
        ->group("Request");
    request("--header-file", options.header_file, "FILE",
            "Such lines from a file: for secrets, which then stand neither in reports nor in ps(1)");
    request("--tenants", options.tenants, "FILE",
            "Tokens, a line each: connection i sends the (i mod n)-th of n as Authorization: Bearer");
    request("--body", options.body, "TEMPLATE",
            "{device} {seq} {ts} {ts:ms} {ts:ns} {float:15:35} {choice:a|b} are filled in for each request, also in "
            "path, query and headers; {{word} sends {word}");
    request("--body-file", options.body_file, "FILE", "The template is in a file");
    app.add_flag("--sample", options.is_sample, "POST a built-in telemetry sample, as JSON")->group("Request");
    request(
        "--format", options.format, "FORMAT",
        "POST that sample as json, ndjson, influx, influx-v2, remote-write, remote-write-2, otlp, otlp-json, protobuf "
        "or protobuf-delimited, with the headers of such senders; a URL without a path gets the format's (see below)");
    request("--batch", options.batch, "N", "N samples in a request, all of one device; of JSON, as an array");
    app.add_flag("--ndjson", options.is_ndjson, "Batches are lines (application/x-ndjson); the path stays as it is")
        ->group("Request");
    request("--encoding", options.encoding, "CODING",
            "Compress bodies: gzip, zstd, deflate, snappy, or identity: not (default; of remote write snappy)");
    app.add_flag("--gzip", options.is_gzip, "The same as --encoding gzip")->group("Request");
    app.add_flag("--chunked", options.is_chunked, "Send bodies in chunks of 32 KiB, without their length")
        ->group("Request");
    request("--devices", options.devices, "N", "How many devices there are (default 1000)");
    request("--device-prefix", options.device_prefix, "TEXT",
            "{device} is this and a number (default device-, with --ledger device-RUN-: another RUN each time)");
    request("--zipf", options.zipf, "S",
            "Devices are drawn by rank^-S instead of uniformly, e.g. 1.0; with --threads or --ledger, within each "
            "thread's or connection's share, so that the whole is flatter");
}

}  // namespace

void declare(CLI::App& app, RunOptions& options) {
    const Group load{app, "Load"};
    load("--rate", options.rate, "RATE",
         "Open loop: requests fall due at this rate, e.g. 20000/s, 5k, 600/m (default 1000/s)");
    load("--stages", options.stages, "STAGES", "Open loop: DURATION@RATE, linear in between, e.g. 30s@5k,1m@50k,10s@0");
    load("--arrivals", options.arrivals, "KIND", "constant (default) or poisson");
    load("--users", options.users, "N", "Closed loop: N users, each waits for its answer before it sends again");
    load("--user-stages", options.user_stages, "STAGES", "Closed loop: DURATION@USERS, e.g. 10s@50,20s@100,10s@0");
    load("--think", options.think, "TIME",
         "How long a user waits between answer and next request: 0.5s, or uniform 1s-3s");
    load("--duration", options.duration, "TIME", "How long is measured (default 10s)");
    load("--requests", options.requests, "N", "End after this many requests instead");
    load("--warmup", options.warmup, "TIME",
         "Load before the measurement: auto (default: a tenth, 5s at most), or e.g. 5s, 0");
    load("--timeout", options.timeout, "TIME", "Count a request as failed after this time (default 10s)");
    load("--seed", options.seed, "N", "Of all random draws (default 1)");

    const Group connections{app, "Connections"};
    connections("--connections", options.connections, "N", "Open loop: keep N open (default 10); users have one each");
    connections("--threads", options.threads, "N", "Load threads, each with its own ring (default 1)");
    connections("--cores", options.cores, "LIST", "Pin the threads to these cores, e.g. 2-3 (default: the last ones)");
    connections("--pipeline", options.pipeline, "N", "Requests in flight on a connection (default 1)");
    connections("--requests-per-connection,--reconnect-every", options.requests_per_connection_max, "N",
                "Requests on a connection; then close it and open another (churn; of https:// a handshake each)");
    connections(
        "--spin", options.spin, "TIME",
        "Before a request is due, poll this long instead of sleeping (default 50us; 0: never); stops where others "
        "want the core");

    declare_request(app, options);
    declare(app, options.tls);

    const Group judging{app, "Judging"};
    // Takes every word that follows, a URL among them: parse_command_line() puts that right.
    app.add_option("--threshold", options.thresholds,
                   "p95<200ms, avg<…, max<…, errors<1%, rate>1000/s; several may follow. Latencies are those of "
                   "successes. Without one on errors a run fails if more than half of its requests do")
        ->type_name("BOUND")
        ->take_all()
        ->group("Judging");
    judging("--status", options.status, "LIST", "What counts as success (default any 2xx), e.g. 200,204");
    judging("--check", options.check, "MEMBER=JSON", "The response's JSON object must have this member, e.g. ok=true");
    judging("--max-lag", options.max_lag, "TIME", "INVALID if the generator's own lag p99 is above (default 2ms)");
    judging("--max-cpu", options.max_cpu, "SHARE", "INVALID if a load thread uses more of a core (default 95%)");
    judging("--min-sent", options.min_sent, "SHARE", "INVALID if less of the plan was sent (default 99%)");
    judging("--min-rate", options.min_rate, "SHARE",
            "INVALID if less of the planned rate is achieved (default 95%); not with --requests");
    judging("--min-open", options.min_open, "SHARE",
            "INVALID if fewer connections are open at the start, or fewer users ever get one (default 100%)");
}

// Options of a run that compare does not have.
void declare_search(CLI::App& app, RunOptions& options) {
    app.add_option("URL", options.url, "Where to send: http[s]://host[:port][/path]")->type_name("");
    const Group load{app, "Load"}, searching{app, "Searching"}, output{app, "Output"};
    load("--scenario", options.scenario, "FILE",
         "Read load, endpoints and thresholds from TOML (see below); options of load and judging override it");
    load("--time-scale", options.time_scale, "N", "Shorten durations N times; think times stay");
    searching("--sweep", options.sweep, "RATES",
              "A run at each rate, e.g. 1k,2k,5k, instead of at --rate: latency against rate");
    searching("--slo", options.slo, "BOUNDS", "Find the highest rate that holds, e.g. 'p99<5ms,errors<0.1%'");
    searching("--rate-max", options.rate_max, "RATE", "Where the search ends (default 10M/s); it begins at --rate");
    output("--ledger", options.ledger, "FILE",
           "Record durably what was acknowledged; each device keeps to one connection then. See verify --help");
}

// What is not given keeps the default that VerifyPlan has.
void declare(CLI::App& app, VerifyPlan& plan) {
    const auto add = [&](const char* name, std::string& value, const char* type, const char* help) {
        return app.add_option(name, value, help)->type_name(type)->check(not_empty);
    };
    add("--ledger", plan.ledger_path, "FILE", "The file that sluice-load --ledger wrote")->required();
    add("--redis", plan.redis_url, "URL",
        "As the engine's sink.url, also rediss:// (default redis://127.0.0.1:6379); SLUICE_SINK_REDIS_USER and "
        "SLUICE_SINK_REDIS_PASSWORD are taken too");
    add("--redis-ca", plan.redis_ca, "FILE",
        "With rediss://: who signs Redis' certificate, in PEM (default: whom the system trusts)");
    add("--redis-cert", plan.redis_certificate, "FILE", "With rediss://: the certificate that Redis wants, in PEM");
    add("--redis-key", plan.redis_key, "FILE", "Its key, in PEM");
    add("--redis-server-name", plan.redis_server_name, "NAME",
        "With rediss://: the name that Redis' certificate must be for (default: the host of the URL)");
    app.add_flag("--redis-insecure", plan.is_redis_unverified, "With rediss://: do not verify Redis' certificate");
    add("--stream", plan.stream, "KEY",
        "The stream; its partitions KEY:{0} and so on are read too (default telemetry)");
    add("--list", plan.list_key, "KEY", "The list of layout `list` (default telemetry_queue)");
    add("--json", plan.json_path, "FILE", "The verdict for each device");
}

void declare(CLI::App& app, Outputs& outputs) {
    const Group output{app, "Output"};
    output("--json", outputs.json, "FILE",
           "The whole result; of a sweep or search, each run's. Here and below, - is standard output, for one of "
           "them; the summary goes to standard error then");
    output("--csv", outputs.csv, "FILE", "A line each second");
    output("--hgrm", outputs.hgrm, "FILE",
           "Percentiles of the corrected latency; FILE with .uncorrected, .lag and .endpoint_N_NAME for the others");
    output("--hlog", outputs.hlog, "FILE", "HdrHistogram's log (V2), each second");
    output("--html", outputs.html, "FILE", "The report as one offline page");
    output("--influx", outputs.influx_url, "URL", "Send each second to InfluxDB, e.g. http://127.0.0.1:8086, live");
    output("--influx-database", outputs.influx_database, "NAME", "InfluxDB 1: the database (default sluice_load)");
    output("--influx-bucket", outputs.influx_bucket, "NAME", "InfluxDB 2: the bucket, with --influx-org and a token");
    output("--influx-org", outputs.influx_organization, "NAME", "InfluxDB 2: the organization");
    output("--influx-token", outputs.influx_token, "TOKEN", "InfluxDB 2; better in the environment as INFLUX_TOKEN");
    app.add_flag("--quiet", outputs.is_quiet, "No progress, no summary; only what is wrong, on standard error")
        ->group("Output");
}

}  // namespace sluice::load
