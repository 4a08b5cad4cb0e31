// `sluice doctor`: each check that reads /proc and /sys on files of a test, the others on facts of a test; and what
// becomes of a check that cannot be made.
// runs: release asan
#include "engine/doctor/doctor.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/tls/certificate.hpp"
#include "tests/support/fake_machine.hpp"
#include "tests/support/tls_files.hpp"

namespace sluice::doctor {
namespace {

using Files = std::map<std::string, std::string>;

struct FileRow {
    const char* id;
    const char* state;
    Files files;
};

const std::string ipv4 = "/proc/sys/net/ipv4/", cpu = "/sys/devices/system/cpu/", card = "/sys/class/net/eth0/";

const FileRow file_rows[] = {
    {"kernel.io_uring_disabled", "ok", {{"/proc/sys/kernel/io_uring_disabled", "0\n"}}},
    {"kernel.io_uring_disabled", "warn", {{"/proc/sys/kernel/io_uring_disabled", "2\n"}}},
    {"kernel.seccomp", "ok", {{"/proc/self/status", "Name:\tx\nSeccomp:\t0\n"}}},
    {"memory.huge_pages", "ok", {{"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"}}},
    {"memory.huge_pages", "warn", {{"/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"}}},
    {"memory.swap", "ok", {{"/proc/meminfo", "SwapTotal:  10 kB\nSwapFree:  10 kB\n"}}},
    {"memory.swap", "warn", {{"/proc/meminfo", "SwapTotal:  10 kB\nSwapFree:  8 kB\n"}}},
    {"memory.swappiness", "ok", {{"/proc/sys/vm/swappiness", "1\n"}}},
    {"memory.swappiness", "warn", {{"/proc/sys/vm/swappiness", "60\n"}}},
    {"memory.limit", "ok", {{"/sys/fs/cgroup/memory.max", "max\n"}}},
    {"clock.source", "ok", {{"/sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"}}},
    {"clock.source", "warn", {{"/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"}}},
    {"cpu.governor", "ok", {{cpu + "cpu0/cpufreq/scaling_governor", "performance\n"}}},
    {"cpu.governor", "warn", {{cpu + "cpu1/cpufreq/scaling_governor", "powersave\n"}}},
    {"cpu.allowed", "ok", {{"/proc/self/status", "Cpus_allowed_list:\t0-3\n"}}},
    {"cpu.allowed", "fault", {{"/proc/self/status", "Cpus_allowed_list:\t1-3\n"}}},
    {"cpu.isolated", "ok", {{cpu + "isolated", "0-1\n"}}},
    {"cpu.siblings", "ok", {{cpu + "cpu0/topology/thread_siblings_list", "0,2\n"}}},
    {"cpu.siblings", "warn", {{cpu + "cpu0/topology/thread_siblings_list", "0-1\n"}}},
    {"cpu.quota", "ok", {{"/sys/fs/cgroup/cpu.max", "200000 100000\n"}}},
    {"cpu.quota", "warn", {{"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}},
    {"cpu.throttled", "ok", {{"/sys/fs/cgroup/cpu.stat", "usage_usec 5\nnr_throttled 0\n"}}},
    {"cpu.throttled", "warn", {{"/sys/fs/cgroup/cpu.stat", "nr_throttled 3\n"}}},
    {"cpu.irqbalance", "ok", {{"/proc/7/comm", "irqbalance\n"}}},
    {"nic.queues",
     "ok",
     {{card + "device/numa_node", "0"}, {card + "queues/rx-0/rps_cpus", "0"}, {card + "queues/rx-1/rps_cpus", "0"}}},
    {"nic.queues", "warn", {{card + "device/numa_node", "0"}, {card + "queues/rx-0/rps_cpus", "0"}}},
    {"nic.steering", "ok", {{card + "device/numa_node", "0"}, {card + "queues/rx-0/rps_cpus", "f"}}},
    {"nic.interrupts",
     "ok",
     {{card + "device/msi_irqs/30", ""},
      {card + "device/msi_irqs/31", ""},
      {"/proc/irq/30/smp_affinity_list", "0"},
      {"/proc/irq/31/smp_affinity_list", "1"}}},
    {"nic.interrupts",
     "warn",
     {{card + "device/msi_irqs/30", ""},
      {card + "device/msi_irqs/31", ""},
      {"/proc/irq/30/smp_affinity_list", "0"},
      {"/proc/irq/31/smp_affinity_list", "0"}}},
    {"nic.numa", "ok", {{card + "device/numa_node", "1"}, {"/sys/devices/system/node/node1/cpulist", "0-1"}}},
    {"nic.numa", "warn", {{card + "device/numa_node", "1"}, {"/sys/devices/system/node/node1/cpulist", "1-2"}}},
    {"net.somaxconn", "ok", {{"/proc/sys/net/core/somaxconn", "4096\n"}}},
    {"net.somaxconn", "warn", {{"/proc/sys/net/core/somaxconn", "128\n"}}},
    {"net.syn_backlog", "ok", {{ipv4 + "tcp_max_syn_backlog", "4096"}}},
    {"net.syn_backlog", "warn", {{ipv4 + "tcp_max_syn_backlog", "512"}}},
    {"net.syncookies", "ok", {{ipv4 + "tcp_syncookies", "1"}}},
    {"net.syncookies", "warn", {{ipv4 + "tcp_syncookies", "0"}}},
    {"net.port_range", "ok", {{ipv4 + "ip_local_port_range", "32768\t60999\n"}}},
    {"net.port_range", "warn", {{ipv4 + "ip_local_port_range", "50000\t60999\n"}}},
    {"net.time_wait", "ok", {{"/proc/net/sockstat", "sockets: used 9\nTCP: inuse 4 orphan 0 tw 7 alloc 9\n"}}},
    {"net.time_wait", "warn", {{"/proc/net/sockstat", "TCP: inuse 4 orphan 0 tw 25000 alloc 9\n"}}},
    {"net.tcp_rmem", "ok", {{ipv4 + "tcp_rmem", "4096\t131072\t6291456"}}},
    {"net.tcp_rmem", "warn", {{ipv4 + "tcp_rmem", "4096\t8192\t6291456"}}},
    {"net.tcp_wmem", "ok", {{ipv4 + "tcp_wmem", "4096\t16384\t4194304"}}},
    {"net.tcp_wmem", "warn", {{ipv4 + "tcp_wmem", "4096\t4096\t4194304"}}},
    {"net.tcp_mem", "ok", {{ipv4 + "tcp_mem", "1\t2\t32000"}}},
    {"net.tcp_mem", "warn", {{ipv4 + "tcp_mem", "1\t2\t31999"}}},
    {"net.migrate_req", "ok", {{ipv4 + "tcp_migrate_req", "1"}}},
    {"net.migrate_req", "warn", {{ipv4 + "tcp_migrate_req", "0"}}},
    {"net.conntrack",
     "ok",
     {{"/proc/sys/net/netfilter/nf_conntrack_max", "100"}, {"/proc/sys/net/netfilter/nf_conntrack_count", "79"}}},
    {"net.conntrack",
     "warn",
     {{"/proc/sys/net/netfilter/nf_conntrack_max", "100"}, {"/proc/sys/net/netfilter/nf_conntrack_count", "80"}}},
    {"limits.open_max", "ok", {{"/proc/sys/fs/nr_open", "3024"}}},
    {"limits.open_max", "warn", {{"/proc/sys/fs/nr_open", "3023"}}},
    {"limits.file_max", "ok", {{"/proc/sys/fs/file-max", "9223372036854775807"}}},
    {"limits.file_max", "warn", {{"/proc/sys/fs/file-max", "1000"}}},
    {"listen.ports", "ok", {{"/proc/net/tcp", "sl local rem st\n0: 0100007F:1F90 00000000:0000 01\n"}}},
    {"listen.ports", "fault", {{"/proc/net/tcp", "sl local rem st\n0: 0100007F:1F90 00000000:0000 0A\n"}}},
    {"listen.ports",
     "ok",
     {{"/proc/net/tcp", "0: 0100007F:1F90 00000000:0000 0A\n"},
      {"/proc/7/comm", "sluice\n"},
      {"/proc/7/cmdline", "sluice serve"}}},
};

TEST(Doctor, EachCheckOfFilesJudgesThem) {
    for (const FileRow& row : file_rows) {
        const FakeMachine machine;
        EXPECT_TRUE(machine.state_of(row.id) == "unknown") << row.id << " without its files";
        for (const auto& [path, text] : row.files) machine.write(path, text);
        EXPECT_EQ(machine.state_of(row.id), row.state) << row.id;
    }
}

// A check on the journal, which lies below /data.
struct JournalRow {
    const char* id;
    const char* state;
    const char* path;
    const char* text;
};
const JournalRow journal_rows[] = {
    {"journal.file_system", "ok", "/proc/self/mounts", "a / tmpfs rw 0 0\n/dev/sda1 /data ext4 rw 0 0\n"},
    {"journal.file_system", "fault", "/proc/self/mounts", "a / ext4 rw 0 0\nb /data tmpfs rw 0 0\n"},
    {"journal.file_system", "warn", "/proc/self/mounts", "a / ext4 rw 0 0\nb /data nfs4 rw 0 0\n"},
    {"journal.mount_options", "ok", "/proc/self/mounts", "b /data ext4 rw,relatime 0 0\n"},
    {"journal.mount_options", "fault", "/proc/self/mounts", "b /data ext4 rw,nobarrier 0 0\n"},
    {"journal.mount_options", "warn", "/proc/self/mounts", "b /data ext4 rw,data=writeback 0 0\n"},
    {"journal.lock", "ok", "/proc/locks", "1: FLOCK  ADVISORY  WRITE 44 08:01:78 0 EOF\n"},
    {"journal.lock", "warn", "/proc/locks", "1: FLOCK  ADVISORY  WRITE 44 08:01:77 0 EOF\n"},
};

TEST(Doctor, EachCheckOfTheJournalsDiskJudgesIt) {
    for (const JournalRow& row : journal_rows) {
        FakeMachine machine;
        machine.facts.config.journal.directory = "/data/sluice";
        machine.facts.host.journal_disk = DiskFigures{.inode_number = 77, .device_major = 8, .device_minor = 1};
        machine.write(row.path, row.text);
        EXPECT_EQ(machine.state_of(row.id), row.state) << row.id << row.text;
    }
}

TEST(Doctor, ALockOfTheSameInodeOnAnotherDiskIsNotTheJournals) {
    FakeMachine machine;
    machine.facts.config.journal.directory = "/data/sluice";
    machine.facts.host.journal_disk = DiskFigures{.inode_number = 77, .device_major = 8, .device_minor = 1};
    machine.write("/proc/locks", "1: FLOCK  ADVISORY  WRITE 44 08:02:77 0 EOF\n");
    EXPECT_EQ(machine.state_of("journal.lock"), "ok");
}

TEST(Doctor, TheDisksCacheIsTold) {
    FakeMachine machine;
    machine.facts.config.journal.directory = "/data/sluice";
    machine.write("/proc/self/mounts", "/dev/sda /data ext4 rw 0 0\n");
    EXPECT_EQ(machine.state_of("journal.write_cache"), "unknown");
    machine.write("/sys/class/block/sda/queue/write_cache", "write back\n");
    EXPECT_EQ(machine.state_of("journal.write_cache"), "ok");
}

struct FactRow {
    const char* id;
    const char* state;
    std::function<void(Facts&)> change;
};

void has_redis(Facts& facts) {
    facts.redis.is_wanted = true;
    facts.redis.is_local = true;
}
std::function<void(Facts&)> info(std::string name, std::string value) {
    return [=](Facts& facts) { has_redis(facts), facts.redis.info[name] = value; };
}
std::function<void(Facts&)> setting(std::string name, std::string value) {
    return [=](Facts& facts) { has_redis(facts), facts.redis.settings[name] = value; };
}
std::function<void(Facts&)> release(const char* text) {
    return [=](Facts& facts) { facts.host.kernel_release = text; };
}
std::function<void(Facts&)> with_journal_disk(DiskFigures disk) {
    return [=](Facts& facts) {
        facts.config.journal = {.directory = "/data", .total_bytes_max = 1000};
        facts.host.journal_disk = disk;
    };
}
std::function<void(Facts&)> cluster(const char* state, const char* slots) {
    return [=](Facts& facts) {
        has_redis(facts);
        facts.redis.is_cluster = true;
        facts.redis.cluster = {{"cluster_state", state}, {"cluster_slots_ok", slots}};
        facts.redis.settings["cluster-require-full-coverage"] = state[0] == 'o' ? "no" : "yes";
    };
}

const FactRow fact_rows[] = {
    {"kernel.version", "ok", release("6.1.0-18-amd64")},
    {"kernel.version", "warn", release("5.19.0")},
    {"kernel.version", "fault", release("5.15.0-generic")},
    {"kernel.version", "unknown", release("")},
    {"kernel.io_uring", "ok", [](Facts&) {}},
    {"kernel.io_uring", "warn", [](Facts& facts) { facts.host.io_uring_problem = "forbidden"; }},
    {"kernel.io_uring", "fault",
     [](Facts& facts) {
         facts.host.io_uring_problem = "forbidden";
         facts.config.io.backend = config::IoBackend::io_uring;
     }},
    {"kernel.entropy", "fault", [](Facts&) {}},
    {"kernel.entropy", "ok", [](Facts& facts) { facts.host.has_entropy = true; }},
    {"clock.synchronised", "unknown", [](Facts&) {}},
    {"clock.synchronised", "warn", [](Facts& facts) { facts.host.clock = ClockState{false, 10}; }},
    {"clock.synchronised", "warn", [](Facts& facts) { facts.host.clock = ClockState{true, 200'000}; }},
    {"clock.synchronised", "ok", [](Facts& facts) { facts.host.clock = ClockState{true, 2000}; }},
    {"limits.descriptors", "warn", [](Facts& facts) { facts.host.descriptors_count_max = 3023; }},
    {"limits.descriptors", "ok", [](Facts& facts) { facts.host.descriptors_count_max = 3024; }},
    {"limits.locked_memory", "warn", [](Facts& facts) { facts.host.locked_bytes_max = 4096; }},
    {"limits.locked_memory", "ok", [](Facts& facts) { facts.host.may_lock_memory = true; }},
    {"limits.locked_memory", "ok",
     [](Facts& facts) { facts.host.locked_bytes_max = std::numeric_limits<std::uint64_t>::max(); }},
    {"journal.directory", "fault", [](Facts& facts) { facts.config.journal.directory = "/none/there/x"; }},
    {"journal.free_space", "ok", with_journal_disk({.free_bytes = 1100})},
    {"journal.free_space", "warn", with_journal_disk({.free_bytes = 1099})},
    {"journal.free_inodes", "ok", with_journal_disk({.free_inodes_count = 1000, .inodes_count = 9000})},
    {"journal.free_inodes", "warn", with_journal_disk({.free_inodes_count = 999, .inodes_count = 9000})},
    {"journal.sync_time", "unknown", with_journal_disk({})},
    {"redis.reachable", "fault", [](Facts& facts) { has_redis(facts), facts.redis.problem = "cannot connect"; }},
    {"redis.version", "unknown", [](Facts& facts) { has_redis(facts), facts.redis.problem = "cannot connect"; }},
    {"redis.reachable", "ok", has_redis},
    {"redis.round_trip", "ok", [](Facts& facts) { has_redis(facts), facts.redis.round_trip_ns = 999'999; }},
    {"redis.round_trip", "warn", [](Facts& facts) { has_redis(facts), facts.redis.round_trip_ns = 1'000'000; }},
    {"redis.version", "fault", info("redis_version", "6.0.16")},
    {"redis.version", "warn", info("redis_version", "6.2.7")},
    {"redis.version", "ok", info("redis_version", "7.0.15")},
    {"redis.role", "fault", info("role", "slave")},
    {"redis.role", "ok", info("role", "master")},
    {"redis.maxmemory", "warn", info("maxmemory", "0")},
    {"redis.maxmemory", "ok", info("maxmemory", "1000")},
    {"redis.eviction", "fault", info("maxmemory_policy", "allkeys-lru")},
    {"redis.eviction", "ok", info("maxmemory_policy", "noeviction")},
    {"redis.appendonly", "warn", info("aof_enabled", "0")},
    {"redis.appendonly", "ok", info("aof_enabled", "1")},
    {"redis.appendfsync", "warn",
     [](Facts& facts) { info("aof_enabled", "1")(facts), setting("appendfsync", "no")(facts); }},
    {"redis.appendfsync", "ok", setting("appendfsync", "everysec")},
    {"redis.append_status", "fault", info("aof_last_write_status", "err")},
    {"redis.append_status", "ok", info("aof_last_write_status", "ok")},
    {"redis.save", "ok", setting("save", "")},
    {"redis.snapshot_status", "warn", info("rdb_last_bgsave_status", "err")},
    {"redis.snapshot_status", "ok", info("rdb_last_bgsave_status", "ok")},
    {"redis.stop_writes", "ok", setting("stop-writes-on-bgsave-error", "yes")},
    {"redis.stop_writes", "fault",
     [](Facts& facts) {
         info("rdb_last_bgsave_status", "err")(facts), setting("stop-writes-on-bgsave-error", "yes")(facts);
     }},
    {"redis.stream_node_bytes", "ok", setting("stream-node-max-bytes", "4096")},
    {"redis.stream_node_bytes", "warn",
     [](Facts& facts) {
         setting("stream-node-max-bytes", "4096")(facts);
         facts.config.sink.redis.layout = RedisLayout::packed;
     }},
    {"redis.stream_node_entries", "ok", setting("stream-node-max-entries", "100")},
    {"redis.stream_node_entries", "warn", setting("stream-node-max-entries", "1")},
    {"redis.output_buffer", "ok", setting("client-output-buffer-limit", "normal 0 0 0 slave 1 1 60 pubsub 1 1 60")},
    {"redis.output_buffer", "warn", setting("client-output-buffer-limit", "normal 1 1 60 slave 1 1 60")},
    {"redis.timeout", "ok", setting("timeout", "0")},
    {"redis.timeout", "warn", setting("timeout", "60")},
    {"redis.keepalive", "ok", setting("tcp-keepalive", "300")},
    {"redis.keepalive", "warn", setting("tcp-keepalive", "0")},
    {"redis.maxclients", "ok", setting("maxclients", "12")},
    {"redis.maxclients", "warn", setting("maxclients", "11")},
    {"redis.io_threads", "ok", setting("io-threads", "1")},
    {"redis.io_threads", "warn", setting("io-threads", "4")},
    {"redis.replicas", "ok", info("connected_slaves", "0")},
    {"redis.replicas", "fault",
     [](Facts& facts) {
         info("connected_slaves", "1")(facts);
         facts.config.sink.redis.replicas_count = 2;
     }},
    {"redis.min_replicas", "ok", setting("min-replicas-to-write", "0")},
    {"redis.min_replicas", "fault", setting("min-replicas-to-write", "1")},
    {"redis.latency_monitor", "warn", setting("latency-monitor-threshold", "0")},
    {"redis.latency_monitor", "ok", setting("latency-monitor-threshold", "10")},
    {"redis.slow_writes", "unknown", has_redis},
    {"redis.slow_writes", "warn", [](Facts& facts) { has_redis(facts), facts.redis.has_slow_writes = true; }},
    {"redis.slow_writes", "ok", [](Facts& facts) { has_redis(facts), facts.redis.has_slow_writes = false; }},
    {"redis.permissions", "unknown", has_redis},
    {"redis.permissions", "ok", [](Facts& facts) { has_redis(facts), facts.redis.forbidden.emplace(); }},
    {"redis.permissions", "fault",
     [](Facts& facts) { has_redis(facts), facts.redis.forbidden = std::vector<std::string>{"XADD"}; }},
    {"redis.secrets", "ok", has_redis},
    {"redis.secrets", "warn",
     [](Facts& facts) {
         has_redis(facts);
         facts.config.sink.url.is_tls = true;
         facts.config.sink.redis.is_tls_verified = false;
     }},
    {"redis.tls", "fault",
     [](Facts& facts) {
         has_redis(facts);
         facts.config.sink.url = {.is_tls = true, .host = "a", .port = 1};
         facts.config.sink.redis.tls_ca = "/none/there.pem";
     }},
    {"cluster.slots", "ok", cluster("ok", "16384")},
    {"cluster.slots", "fault", cluster("fail", "16000")},
    {"cluster.coverage", "ok", cluster("ok", "16384")},
    {"cluster.coverage", "warn", cluster("fail", "16384")},
    {"config.valid", "ok", [](Facts&) {}},
    {"config.valid", "fault", [](Facts& facts) { facts.config_problem = "no such key"; }},
    {"config.warnings", "ok", [](Facts&) {}},
    {"config.warnings", "warn", [](Facts& facts) { facts.config_warnings = {"core 9 is not here"}; }},
    {"config.start", "ok", [](Facts&) {}},
    {"config.start", "warn", [](Facts& facts) { facts.machine_warnings = {"no address"}; }},
    {"listen.exposed", "ok", [](Facts&) {}},
    {"listen.exposed", "warn", [](Facts& facts) { facts.config.listen = {{.address = "0.0.0.0", .port = 80}}; }},
    {"listen.exposed", "ok",
     [](Facts& facts) {
         facts.config.listen = {{.address = "0.0.0.0", .port = 80}};
         facts.config.tenants.file = "tenants.toml";
     }},
    {"listen.plain", "ok", [](Facts&) {}},
    {"listen.plain", "warn", [](Facts& facts) { facts.config.listen = {{.address = "0.0.0.0", .port = 80}}; }},
    {"admin.exposed", "ok", [](Facts&) {}},
    {"admin.exposed", "warn", [](Facts& facts) { facts.config.admin.listen.address = "0.0.0.0"; }},
    {"admin.token_mode", "unknown", [](Facts&) {}},
    {"tls.files", "fault",
     [](Facts& facts) {
         facts.config.tls.listen = {{.address = "127.0.0.1", .port = 1}};
         facts.config.tls.certificate = facts.config.tls.key = "/none/there.pem";
     }},
    {"tenants.file", "unknown", [](Facts&) {}},
    {"tenants.file", "fault",
     [](Facts& facts) { facts.config.tenants.file = "x", facts.access_problem = "x: no such file"; }},
    {"tenants.file", "warn", [](Facts& facts) { facts.config.tenants.file = "x", facts.tenant_warnings = {"old"}; }},
    {"tenants.mode", "unknown", [](Facts& facts) { facts.config.tenants.file = "/none/there"; }},
    {"redis.overcommit", "unknown", has_redis},
    {"tls.expiry", "unknown", [](Facts&) {}},
    {"tls.key_mode", "unknown", [](Facts&) {}},
};

TEST(Doctor, EachCheckOfFactsJudgesThem) {
    for (const FactRow& row : fact_rows) {
        FakeMachine machine;
        row.change(machine.facts);
        EXPECT_EQ(machine.state_of(row.id), row.state) << row.id;
    }
}

TEST(Doctor, ASecretThatOthersMayReadIsWarnedOf) {
    FakeMachine machine;
    machine.write("/token", "x");
    const std::string file = machine.facts.config.admin.token_file = machine.facts.host.root + "/token";
    machine.facts.config.tenants.file = machine.facts.config.tls.key = file;
    machine.facts.config.tls.listen = {{.address = "127.0.0.1", .port = 1}};
    for (const char* const id : {"admin.token_mode", "tenants.mode", "tls.key_mode"}) {
        std::filesystem::permissions(file, std::filesystem::perms{0644});
        EXPECT_EQ(machine.state_of(id), "warn") << id;
        std::filesystem::permissions(file, std::filesystem::perms{0640});
        EXPECT_EQ(machine.state_of(id), "ok") << id;
    }
}

TEST(Doctor, CertificatesEndInTime) {
    const tests::TlsFiles files;
    FakeMachine machine;
    machine.facts.config.tls.listen = {{.address = "127.0.0.1", .port = 1}};
    machine.facts.config.tls.certificate = files.settings().pair.certificate;
    machine.facts.config.tls.key = files.settings().pair.key;
    machine.facts.config.tls.ciphers = files.settings().ciphers;
    machine.facts.config.tls.groups = files.settings().groups;
    EXPECT_EQ(machine.state_of("tls.files"), "ok");
    const auto pair = tls::load_pair(files.settings().pair);
    ASSERT_TRUE(pair) << pair.error();
    constexpr std::int64_t day_s = 86'400;
    for (const auto& [left_s, state] : {std::pair(15 * day_s, "ok"), {14 * day_s, "warn"}, {0 * day_s, "fault"}}) {
        machine.facts.host.now_s = pair->info.not_after_s - left_s;
        EXPECT_EQ(machine.state_of("tls.expiry"), state) << left_s;
    }
}

TEST(Doctor, ForkOfRedisIsLookedAtOnItsOwnMachine) {
    FakeMachine machine;
    has_redis(machine.facts);
    machine.write("/proc/sys/vm/overcommit_memory", "0\n");
    EXPECT_EQ(machine.state_of("redis.overcommit"), "warn");
    machine.write("/proc/sys/vm/overcommit_memory", "1\n");
    EXPECT_EQ(machine.state_of("redis.overcommit"), "ok");
    machine.facts.redis.is_local = false;
    EXPECT_EQ(machine.state_of("redis.overcommit"), "unknown");
}

TEST(Doctor, AMemoryLimitIsComparedWithTheNeed) {
    FakeMachine machine;
    machine.facts.config.http.body_memory_bytes = 1000;  // two reactors: 2000 bytes, and half of it more
    machine.write("/sys/fs/cgroup/memory.max", "3000\n");
    EXPECT_EQ(machine.state_of("memory.limit"), "ok");
    machine.write("/sys/fs/cgroup/memory.max", "2999\n");
    EXPECT_EQ(machine.state_of("memory.limit"), "warn");
}

TEST(Doctor, AFilterThatForbidsIoUringIsWarnedOf) {
    FakeMachine machine;
    machine.write("/proc/self/status", "Seccomp:\t2\n");
    EXPECT_EQ(machine.state_of("kernel.seccomp"), "ok");
    machine.facts.host.io_uring_problem = "forbidden";
    EXPECT_EQ(machine.state_of("kernel.seccomp"), "warn");
}

TEST(Doctor, NoCheckIsLeftOutWhereNothingCanBeRead) {
    FakeMachine machine;
    machine.facts.config_problem = "no such key";
    const std::vector<Row> rows = examine(machine.facts);
    EXPECT_GE(rows.size(), 45u);
    std::set<std::string> ids;
    for (const Row& row : rows) {
        EXPECT_TRUE(ids.insert(row.check->id).second) << row.check->id;
        EXPECT_FALSE(row.finding.found.empty() || row.finding.wanted.empty()) << row.check->id;
        EXPECT_TRUE(row.check->needs == Needs::nothing || row.finding.state == State::unknown) << row.check->id;
    }
    EXPECT_EQ(exit_code_of(rows), 2);
}

// A new check has a row in one of the tables above, or a test of its own.
TEST(Doctor, EachCheckIsTested) {
    std::set<std::string> tested;
    for (const FileRow& row : file_rows) tested.insert(row.id);
    for (const JournalRow& row : journal_rows) tested.insert(row.id);
    for (const FactRow& row : fact_rows) tested.insert(row.id);
    tested.insert("journal.write_cache");
    const FakeMachine machine;
    for (const Row& row : examine(machine.facts)) EXPECT_TRUE(tested.contains(row.check->id)) << row.check->id;
}

TEST(Doctor, TheWorstCheckIsTheExitCode) {
    const Check check{"a", "A", "w", "y", "h", Needs::nothing, nullptr};
    const auto code = [&](std::vector<State> states) {
        std::vector<Row> rows;
        for (const State state : states) rows.push_back({&check, {state, "f", "w"}});
        return exit_code_of(rows);
    };
    EXPECT_EQ(code({State::ok, State::unknown}), 0);
    EXPECT_EQ(code({State::warn, State::ok}), 1);
    EXPECT_EQ(code({State::fault, State::warn}), 2);
}

TEST(Doctor, JsonHasTheContractsMembersAndSurvivesAnyByte) {
    const Check check{"a.b", "A", "w", "y", "h", Needs::nothing, nullptr};
    const auto json = nlohmann::ordered_json::parse(json_of({{&check, {State::fault, "\xff\n\"", "w"}}}));
    EXPECT_EQ(json.dump(),
              R"({"checks":[{"id":"a.b","state":"fault","found":"�\n\"","wanted":"w","why":"y","how":"h"}]})");
}

TEST(Doctor, InfoOfRedisIsReadLineByLine) {
    const auto fields = fields_of_info("# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\n");
    EXPECT_EQ(fields.at("redis_version"), "7.0.15");
    EXPECT_EQ(fields.at("executable"), "/a:b");
}

}  // namespace
}  // namespace sluice::doctor
