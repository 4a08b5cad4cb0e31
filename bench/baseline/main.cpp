// baseline-gateway: the design that Sluice replaces, to compare with. A pool of threads, one connection each for as
// long as it lives; one queue with a lock; one worker; one synchronous Redis command a sample.
//
//   baseline-gateway --listen 127.0.0.1:8080 --threads 8 --redis redis://127.0.0.1:6379 --keepalive-max 100
//   baseline-gateway --threads 128 --keepalive-max 0 --layout fields     the same with room for 128 connections
//
// The interface is the original's but for this: latest_sample of GET /status is always null, since to keep one would
// cost each request a copy under a lock; pool_jobs_queued is the queue of samples, since cpp-httplib does not show that
// of its pool; and POST /stop is no more than what /reset waits for: telemetry is taken as before.
//
// A 200 means what Sluice's `queued` means: checked, and in a bounded queue in memory.
// SIGTERM or SIGINT: no new connections, everything queued is delivered. Exit codes: 0 all accepted samples were
// stored, 1 some were not, or the address is taken; 2 wrong command line.
#include <httplib.h>
#include <signal.h>

#include <chrono>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>
#include <string>
#include <thread>

#include "bench/baseline/redis_worker.hpp"
#include "bench/baseline/routes.hpp"
#include "bench/baseline/sample_queue.hpp"
#include "bench/baseline/telemetry.hpp"
#include "engine/config/addresses.hpp"
#include "engine/config/sink_url.hpp"
#include "engine/io/stop_signals.hpp"

namespace {

using namespace sluice::baseline;

struct Options {
    std::string listen = "127.0.0.1:8080";
    std::string redis = "redis://127.0.0.1:6379";
    std::size_t threads_count = 8;
    std::size_t keepalive_max_count = 100;  // cpp-httplib's; 0: without end
    std::string layout = "list";
};

// As the original sets it up: cpp-httplib's pool, and its keep-alive timeout of 5 s and backlog of 5 as they are. One
// thing is mended, to be fair: cpp-httplib sends head and body apart, which without TCP_NODELAY can cost a delayed ACK.
void configure(httplib::Server& server, const Options& options) {
    server.new_task_queue = [count = options.threads_count] { return new httplib::ThreadPool(count); };
    const std::size_t without_end = std::numeric_limits<std::size_t>::max();
    server.set_keep_alive_max_count(options.keepalive_max_count == 0 ? without_end : options.keepalive_max_count);
    server.set_keep_alive_timeout(5);
    server.set_tcp_nodelay(true);
}

// Returns when the server has stopped after a signal.
void listen_until_signal(httplib::Server& server, sigset_t signals) {
    std::thread stopper([&server, signals] {
        int signal = 0;
        ::sigwait(&signals, &signal);
        while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // stop() would be lost
        server.stop();
    });
    server.listen_after_bind();
    stopper.join();
}

int serve(const Options& options) {
    const auto address = sluice::config::parse_listen_address(options.listen);
    const auto url = sluice::config::parse_sink_url(options.redis);
    if (!address || address->is_unix() || !url || url->kind != sluice::config::SinkKind::redis) {
        std::fprintf(stderr, "baseline-gateway: --listen takes ADDR:PORT and --redis a redis:// URL\n");
        return 2;
    }
    const sigset_t signals = sluice::block_stop_signals();  // before any thread starts
    httplib::Server server;
    configure(server, options);
    if (!server.bind_to_port(address->address, address->port)) {
        std::fprintf(stderr, "baseline-gateway: cannot listen on %s\n", options.listen.c_str());
        return 1;
    }
    const Layout layout = options.layout == "fields" ? Layout::fields : Layout::list;
    SampleQueue queue;
    RedisWorker worker(queue, *url, layout);
    Routes routes(queue, worker, layout, options.threads_count);
    routes.add_to(server);
    std::fprintf(stderr, "baseline-gateway: listening on %s with %zu threads\n", options.listen.c_str(),
                 options.threads_count);
    listen_until_signal(server, signals);
    queue.close();
    worker.join();
    std::fprintf(stderr, "baseline-gateway: stored %lu, dropped %lu\n", worker.stored_count(), worker.dropped_count());
    return worker.dropped_count() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"The thread-pool gateway that Sluice replaces, for comparison", "baseline-gateway"};
    app.add_option("--listen", options.listen, "Take telemetry here")->type_name("ADDR:PORT")->capture_default_str();
    app.add_option("--redis", options.redis, "Where samples go")->type_name("URL")->capture_default_str();
    app.add_option("--threads", options.threads_count, "Threads of the pool, hence connections served at once")
        ->check(CLI::Range(1, 4096))
        ->capture_default_str();
    app.add_option("--keepalive-max", options.keepalive_max_count, "Requests of one connection; 0: without end")
        ->capture_default_str();
    app.add_option("--layout", options.layout, "list: RPUSH of the body; fields: XADD, as Sluice's layout of that name")
        ->check(CLI::IsMember({"list", "fields"}).description(""))
        ->type_name("list|fields")
        ->capture_default_str();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    return serve(options);
}
