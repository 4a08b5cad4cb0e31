// Units, core lists, endpoints and sink URLs: what is taken, what is refused and why.
// runs: release asan
#include "engine/config/units.hpp"

#include <gtest/gtest.h>

#include <expected>
#include <span>
#include <string>

#include "engine/config/addresses.hpp"
#include "engine/config/sink_url.hpp"
#include "engine/core/host_port.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/units.hpp"

namespace sluice::config {
namespace {

using enum ValueError;

struct NumberRow {
    std::string_view text;
    std::expected<std::uint64_t, ValueError> expected;
};
constexpr auto refused = [](ValueError error) { return std::unexpected(error); };

// Comparable and readable when a test fails.
std::string outcome(const std::expected<std::uint64_t, ValueError>& number) {
    return number ? std::to_string(*number) : "error " + std::to_string(static_cast<int>(number.error()));
}

void expect_rows(auto parse, std::span<const NumberRow> rows) {
    for (const NumberRow& row : rows) {
        EXPECT_EQ(outcome(parse(row.text)), outcome(row.expected)) << row.text;
    }
}

TEST(Units, Counts) {
    const NumberRow rows[] = {
        {"0", 0},
        {"256", 256},
        {"18446744073709551615", 18446744073709551615ull},
        {"18446744073709551616", refused(out_of_range)},
        {"", refused(malformed)},
        {"-1", refused(malformed)},
        {"+1", refused(malformed)},
        {" 1", refused(malformed)},
        {"1 ", refused(malformed)},
        {"1e3", refused(malformed)},
        {"0x10", refused(malformed)},
        {"1_000", refused(malformed)},
        {std::string_view("1\0", 2), refused(malformed)},
    };
    expect_rows(parse_count, rows);
}

TEST(Units, Sizes) {
    const NumberRow rows[] = {
        {"64KiB", 65536},
        {"8MiB", 8u << 20},
        {"1GiB", 1u << 30},
        {"512B", 512},
        {"65536", 65536},
        {"17179869183GiB", 17179869183ull << 30},
        {"17179869184GiB", refused(out_of_range)},
        {"1MB", refused(unit_ambiguous)},
        {"64k", refused(unit_ambiguous)},
        {"10 bananas", refused(size_unit_unknown)},
        {"64kib", 65536},
        {"64 KiB", 65536},
        {"64  KIB", 65536},
        {"512 bytes", 512},
        {"64 KB", refused(unit_ambiguous)},
        {" 64 KiB ", 65536},
        {"64 ", 64},
        {"1.5MiB", refused(fraction)},
        {"KiB", refused(malformed)},
        {"-1KiB", refused(malformed)},
    };
    expect_rows(parse_size, rows);
}

TEST(Units, Durations) {
    const NumberRow rows[] = {
        {"100ns", 100},
        {"10us", 10'000},
        {"250ms", 250'000'000},
        {"5s", 5'000'000'000},
        {"1m", 60'000'000'000},
        {"2h", 7'200'000'000'000},
        {"0s", 0},
        {"5 sec", 5'000'000'000},
        {"5 s", 5'000'000'000},
        {"5 Seconds", 5'000'000'000},
        {"5secs", 5'000'000'000},
        {"2 min", 120'000'000'000},
        {"2 minutes", 120'000'000'000},
        {"1 hour", 3'600'000'000'000},
        {"250 msec", 250'000'000},
        {"250MS", 250'000'000},
        {"10 \xC2\xB5s", 10'000},
        {"5 ", refused(unit_missing)},
        {" ", refused(malformed)},
        {" 5s ", 5'000'000'000},
        {"10 \xCE\xBCs", 10'000},
        {"5 S", 5'000'000'000},
        {"1H", 3'600'000'000'000},
        {"5 M", refused(unit_unknown)},
        {"5", refused(unit_missing)},
        {"5parsecs", refused(unit_unknown)},
        {"1m30s", refused(unit_unknown)},
        {"1.5s", refused(fraction)},
        {"", refused(malformed)},
        {"s", refused(malformed)},
        {"99999999999999h", refused(out_of_range)},
    };
    expect_rows(parse_duration, rows);
}

TEST(Units, FormatsWithTheLargestUnitThatFits) {
    EXPECT_EQ(format_size(0), "0B");
    EXPECT_EQ(format_size(1000), "1000B");
    EXPECT_EQ(format_size(65536), "64KiB");
    EXPECT_EQ(format_size(16ull << 30), "16GiB");
    EXPECT_EQ(format_duration(0), "0s");
    EXPECT_EQ(format_duration(75'000'000'000), "75s");
    EXPECT_EQ(format_duration(60'000'000'000), "1m");
    EXPECT_EQ(format_duration(1'500'000), "1500us");
    for (const std::uint64_t value : {1ull, 999ull, 1024ull, 3'600'000'000'000ull, 18446744073709551615ull}) {
        EXPECT_EQ(parse_size(format_size(value)), value);
        EXPECT_EQ(parse_duration(format_duration(value)), value);
    }
}

TEST(Units, FractionsWhereTheyAreTaken) {
    using units::Error, units::Fractions;
    const auto duration = [](std::string_view text) {
        return units::parse(text, units::durations, Fractions::rounded);
    };
    EXPECT_EQ(duration("0.5s"), 500'000'000u);
    EXPECT_EQ(duration("1.1s"), 1'100'000'000u);
    EXPECT_EQ(duration("0.3ns"), 0u);
    EXPECT_EQ(duration("2h"), units::parse("2h", units::durations));
    const std::pair<std::string_view, Error> refused_texts[] = {
        {"", Error::malformed},         {"-1s", Error::malformed},      {"infs", Error::malformed},
        {"nans", Error::malformed},     {"s", Error::malformed},        {"1.5", Error::unit_missing},
        {"1.5 s", Error::unit_unknown}, {"1.5d", Error::unit_unknown},  {"1e300h", Error::out_of_range},
        {"9e18h", Error::out_of_range}, {"1e999s", Error::out_of_range}};
    for (const auto& [text, error] : refused_texts) EXPECT_EQ(duration(text), std::unexpected(error)) << text;
    EXPECT_EQ(units::parse("1.5s", units::durations), std::unexpected(Error::fraction));
    EXPECT_EQ(units::parse_real("0.25k", units::multiples), 250.0);
}

TEST(Units, CoreLists) {
    const auto cores = [](std::string_view text) { return parse_cores(text).value_or(std::vector<unsigned>{999'999}); };
    using List = std::vector<unsigned>;
    EXPECT_EQ(cores("auto"), List{});
    EXPECT_EQ(cores("AUTO"), List{});
    EXPECT_EQ(cores("0"), List{0});
    EXPECT_EQ(cores("0,2-3"), (List{0, 2, 3}));
    EXPECT_EQ(cores("0, 2-3 "), (List{0, 2, 3}));
    EXPECT_EQ(cores("5,1-2,0"), (List{0, 1, 2, 5}));
    EXPECT_EQ(format_cores(cores("5,1-2,0")), "0-2,5");
    EXPECT_EQ(format_cores({}), "auto");
}

TEST(Units, RefusedCoreLists) {
    const std::pair<std::string_view, ValueError> rows[] = {
        {"", malformed},          {",", malformed},       {"0,", malformed},
        {",0", malformed},        {"1-", malformed},      {"-1", malformed},
        {"3-2", malformed},       {"a", malformed},       {"0;1", malformed},
        {"0 1", malformed},       {"0--1", malformed},    {"0,0", core_twice},
        {"0-2,1", core_twice},    {"8192", out_of_range}, {"0-256", out_of_range},
        {"0-8191", out_of_range}, {"0-0,0", core_twice},  {"0-99999999999", out_of_range},
    };
    for (const auto& [text, error] : rows) {
        const auto cores = parse_cores(text);
        ASSERT_FALSE(cores) << text;
        EXPECT_EQ(static_cast<int>(cores.error()), static_cast<int>(error)) << text;
    }
}

TEST(Addresses, HostAndPort) {
    struct Row {
        std::string_view text, host;
        std::optional<std::string_view> port;
        bool is_bracketed;
    };
    const Row rows[] = {
        {"h:80", "h", "80", false},
        {"h", "h", std::nullopt, false},
        {"h:", "h", "", false},
        {":80", "", "80", false},
        {"::1:80", "::1", "80", false},
        {"[::1]:80", "::1", "80", true},
        {"[::1]", "::1", std::nullopt, true},
        {"[]", "", std::nullopt, true},
        {"", "", std::nullopt, false},
    };
    for (const Row& row : rows) {
        const auto split = split_host_port(row.text);
        ASSERT_TRUE(split) << row.text;
        EXPECT_EQ(split->host, row.host) << row.text;
        EXPECT_EQ(split->port, row.port) << row.text;
        EXPECT_EQ(split->is_bracketed, row.is_bracketed) << row.text;
    }
    for (const std::string_view text : {"[::1", "[::1]80", "[", "[::1]x:80"})
        EXPECT_FALSE(split_host_port(text)) << text;
    EXPECT_EQ(join_host_port("::1", 80), "[::1]:80");
    EXPECT_EQ(join_host_port("h", 0), "h:0");
    for (const std::string_view text : {"", "+1", "-1", "65536", "1 ", "0x1"}) EXPECT_FALSE(parse_port(text)) << text;
}

TEST(Addresses, ToListenOn) {
    const std::pair<std::string_view, std::string_view> accepted[] = {
        {"127.0.0.1:8080", "127.0.0.1:8080"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::1]:8080", "[::1]:8080"},
        {"[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"},
        {"unix:/run/sluice/data.sock", "unix:/run/sluice/data.sock"},
        {"unix:/a b:80", "unix:/a b:80"},
        {"localhost:8080", "localhost:8080"},
        {"LocalHost:8080", "localhost:8080"},
        {":8080", ":8080"},
        {"*:8080", ":8080"},
    };
    for (const auto& [text, canonical] : accepted) {
        const auto address = parse_listen_address(text);
        ASSERT_TRUE(address) << text;
        EXPECT_EQ(format_listen_address(*address), canonical);
    }
    const std::string long_path = "unix:/" + std::string(limits::unix_socket_path_bytes_max, 'a');
    EXPECT_TRUE(parse_listen_address(std::string_view(long_path).substr(0, long_path.size() - 1)));
    const std::pair<std::string_view, ValueError> rejected[] = {
        {"example.org:8080", address_not_numeric},
        {"[localhost]:8080", address_not_numeric},
        {"[]:8080", address_not_numeric},
        {":", port_invalid},
        {"localhost", port_missing},
        {"::1:8080", address_not_numeric},
        {"[127.0.0.1]:80", address_not_numeric},
        {"1.2.3:80", address_not_numeric},
        {"[fe80::1%eth0]:80", address_not_numeric},
        {std::string_view("127.0.0.1\0x:80", 14), address_not_numeric},
        {"127.0.0.1", port_missing},
        {"[::1]", port_missing},
        {"", port_missing},
        {"127.0.0.1:", port_invalid},
        {"127.0.0.1:65536", port_invalid},
        {"127.0.0.1:http", port_invalid},
        {"[::1", malformed},
        {"[::1]8080", malformed},
        {"unix:", listen_path_invalid},
        {"unix:run", listen_path_invalid},
        {"unix:/a,b", listen_path_invalid},
        {"unix:/a\nb", listen_path_invalid},
        {std::string_view("unix:/a\0b", 9), listen_path_invalid},
        {long_path, listen_path_invalid},
    };
    for (const auto& [text, error] : rejected) {
        const auto address = parse_listen_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_EQ(clause_of(address.error()), clause_of(error)) << text;
    }
}

TEST(Addresses, ThatCollide) {
    struct Row {
        std::string_view a, b;
        std::optional<ValueError> error;
    };
    const Row rows[] = {
        {"127.0.0.1:80", "127.0.0.1:80", listed_twice},
        {"127.0.0.1:80", "127.0.0.1:81", std::nullopt},
        {"127.0.0.1:80", "10.0.0.1:80", std::nullopt},
        {"127.0.0.1:0", "127.0.0.1:0", std::nullopt},
        {"0.0.0.0:80", "127.0.0.1:80", covered},
        {"0.0.0.0:80", "127.0.0.1:81", std::nullopt},
        {"[::]:80", "[::1]:80", covered},
        {"[::]:80", "0.0.0.0:80", std::nullopt},
        {"[::]:80", "127.0.0.1:80", std::nullopt},
        {"localhost:80", "localhost:80", listed_twice},
        {"localhost:80", "127.0.0.1:80", covered_by_localhost},
        {"localhost:80", "[::1]:80", covered_by_localhost},
        {"localhost:0", "localhost:0", std::nullopt},
        {":80", "[::1]:80", covered},
        {":80", "[::]:80", covered},
        {":80", "0.0.0.0:80", covered},
        {":80", ":80", listed_twice},
        {":80", "localhost:81", std::nullopt},
        {"localhost:80", "10.0.0.1:80", std::nullopt},
        {"unix:/a", "unix:/a", listed_twice},
        {"unix:/a", "unix:/b", std::nullopt},
        {"unix:/a", "127.0.0.1:80", std::nullopt},
    };
    for (const Row& row : rows) {
        const auto a = parse_listen_address(row.a), b = parse_listen_address(row.b);
        EXPECT_EQ(collision_of(*a, *b), row.error) << row.a << ' ' << row.b;
        EXPECT_EQ(collision_of(*b, *a), row.error) << row.a << ' ' << row.b;
    }
}

struct UrlRow {
    std::string_view text, host, path, user, password, display;
    std::uint16_t port;
    std::uint32_t db;
};

TEST(Addresses, SinkUrls) {
    const UrlRow rows[] = {
        {"redis://127.0.0.1:6379", "127.0.0.1", "", "", "", "redis://127.0.0.1:6379", 6379, 0},
        {"redis://redis_1.local/", "redis_1.local", "", "", "", "redis://redis_1.local:6379", 6379, 0},
        {"redis://[::1]:7000/3", "::1", "", "", "", "redis://[::1]:7000/3", 7000, 3},
        {"redis://u:p@h:1/15", "h", "", "u", "p", "redis://u:***@h:1/15", 1, 15},
        {"REDIS://H", "H", "", "", "", "redis://H:6379", 6379, 0},
        {"Redis+Unix:///A", "", "/A", "", "", "redis+unix:///A", 0, 0},
        {"redis://:p@h", "h", "", "", "p", "redis://:***@h:6379", 6379, 0},
        {"redis://u@h", "h", "", "u", "", "redis://***@h:6379", 6379, 0},
        {"redis://u%40x:p%3A%2f%25@h", "h", "", "u@x", "p:/%", "redis://u%40x:***@h:6379", 6379, 0},
        {"redis://u:a:b@h", "h", "", "u", "a:b", "redis://u:***@h:6379", 6379, 0},
        {"redis+unix:///run/redis.sock", "", "/run/redis.sock", "", "", "redis+unix:///run/redis.sock", 0, 0},
        {"redis+unix:///a%3Fb?db=2", "", "/a?b", "", "", "redis+unix:///a%3Fb?db=2", 0, 2},
    };
    for (const UrlRow& row : rows) {
        const auto url = parse_sink_url(row.text);
        ASSERT_TRUE(url) << row.text << ' ' << clause_of(url.error());
        EXPECT_EQ(url->kind, SinkKind::redis);
        EXPECT_EQ(url->host, row.host) << row.text;
        EXPECT_EQ(url->port, row.port) << row.text;
        EXPECT_EQ(url->path, row.path) << row.text;
        EXPECT_EQ(url->user, row.user) << row.text;
        EXPECT_EQ(url->password, row.password) << row.text;
        EXPECT_EQ(url->db, row.db) << row.text;
        EXPECT_EQ(url->display, row.display) << row.text;
    }
    for (const auto& [a, b, is_same] : {std::tuple{"redis://h:6379", "redis://u:***@H", true},
                                        {"redis://localhost", "redis://127.0.0.1:6379", true},
                                        {"redis://h", "redis://h:6380", false},
                                        {"redis://h", "redis://h/1", false},
                                        {"redis://h", "redis://i", false},
                                        {"redis+unix:///a", "redis+unix:///a?db=0", true},
                                        {"redis+unix:///a", "redis+unix:///b", false},
                                        {"redis-cluster://a,b", "redis-cluster://b,c", true},
                                        {"redis-cluster://a", "redis://a", false},
                                        {"redis-sentinel://a/m", "redis-sentinel://b/m", false},
                                        {"journal:a", "journal:b", false}})
        EXPECT_EQ(names_the_same(a, b), is_same) << a << ' ' << b;
    EXPECT_EQ(parse_sink_url("NULL:")->kind, SinkKind::null);
    EXPECT_EQ(parse_listen_address("UNIX:/A")->path, "/A");
    const auto null = parse_sink_url("null:");
    ASSERT_TRUE(null);
    EXPECT_EQ(null->kind, SinkKind::null);
    EXPECT_EQ(null->display, "null:");
    const auto journal = parse_sink_url("journal:/var/lib/a%20b");
    ASSERT_TRUE(journal);
    EXPECT_EQ(journal->kind, SinkKind::journal);
    EXPECT_EQ(journal->path, "/var/lib/a%20b");
    EXPECT_EQ(journal->display, "journal:/var/lib/a%20b");
}

TEST(Addresses, UrlsOfSeveralServers) {
    const auto cluster = parse_sink_url("redis-cluster://u:p@10.0.0.1:7000,node-2,[::1]:7002");
    ASSERT_TRUE(cluster);
    EXPECT_EQ(cluster->kind, SinkKind::redis_cluster);
    EXPECT_EQ(cluster->servers, (std::vector<ServerAddress>{{"10.0.0.1", 7000}, {"node-2", 6379}, {"::1", 7002}}));
    EXPECT_EQ(cluster->user + "/" + cluster->password, "u/p");
    EXPECT_EQ(cluster->display, "redis-cluster://u:***@10.0.0.1:7000,node-2:6379,[::1]:7002");
    const auto sentinel = parse_sink_url("redis-sentinel://s1,s2:26380/my%20primary/3");
    ASSERT_TRUE(sentinel);
    EXPECT_EQ(sentinel->kind, SinkKind::redis_sentinel);
    EXPECT_EQ(sentinel->servers, (std::vector<ServerAddress>{{"s1", 26379}, {"s2", 26380}}));
    EXPECT_EQ(sentinel->master, "my primary");
    EXPECT_EQ(sentinel->db, 3u);
    EXPECT_EQ(sentinel->display, "redis-sentinel://s1:26379,s2:26380/my%20primary/3");
}

TEST(Addresses, UrlsWithTls) {
    for (const auto& [text, kind, display] :
         {std::tuple{"rediss://:pen@h/2", SinkKind::redis, "rediss://:***@h:6379/2"},
          {"REDISS-CLUSTER://a,b:1", SinkKind::redis_cluster, "rediss-cluster://a:6379,b:1"},
          {"rediss-sentinel://s/main", SinkKind::redis_sentinel, "rediss-sentinel://s:26379/main"}}) {
        const auto url = parse_sink_url(text);
        ASSERT_TRUE(url) << text;
        EXPECT_TRUE(url->is_tls) << text;
        EXPECT_EQ(url->kind, kind) << text;
        EXPECT_EQ(url->display, display);
    }
    EXPECT_FALSE(parse_sink_url("redis://h")->is_tls);
}

TEST(Addresses, RefusedSinkUrls) {
    const std::string long_path = "redis+unix:///" + std::string(107, 'a');
    const std::pair<std::string_view, ValueError> rows[] = {
        {"", scheme_unknown},
        {"redis:", scheme_unknown},
        {"http://h", scheme_unknown},
        {"null", scheme_unknown},
        {"null:x", scheme_unknown},
        {"journal:", directory_invalid},
        {"journal:\n", control_character},
        {"rediss+unix:///s", scheme_unknown},
        {"rediss://h/x", database_invalid},
        {"redis+cluster://h", scheme_unknown},
        {"redis-cluster://", host_invalid},
        {"redis-cluster://a,,b", host_invalid},
        {"redis-cluster://a:1,b:0", port_invalid},
        {"redis-cluster://a/1", database_in_cluster},
        {"redis-cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", servers_too_many},
        {"redis-sentinel://a", master_missing},
        {"redis-sentinel://a/", master_missing},
        {"redis-sentinel://a/%zz", master_missing},
        {"redis-sentinel://a/m/x", database_invalid},
        {"redis-sentinel://u:%zz@a/m", credentials_invalid},
        {"redis://", host_invalid},
        {"redis://:6379", host_invalid},
        {"redis://h h", host_invalid},
        {"redis://::1:6379", host_invalid},
        {"redis://[::1", host_invalid},
        {"redis://h:", port_invalid},
        {"redis://h:0", port_invalid},
        {"redis://h:65536", port_invalid},
        {"redis://h/x", database_invalid},
        {"redis://h/65536", database_invalid},
        {"redis://h/-1", database_invalid},
        {"redis://h?db=1", query_unknown},
        {"redis://h/1#x", query_unknown},
        {"redis://u:%zz@h", credentials_invalid},
        {"redis://u:%4@h", credentials_invalid},
        {"redis://u:p/w@h", credentials_invalid},
        {"redis://u:p@w@h", credentials_invalid},
        {"redis://h\r\nX", control_character},
        {"redis+unix://relative", socket_path_invalid},
        {"redis+unix:///a%00b", socket_path_invalid},
        {"redis+unix:///a?timeout=1", query_unknown},
        {"redis+unix:///a?db=x", database_invalid},
        {long_path, socket_path_invalid},
    };
    for (const auto& [text, error] : rows) {
        const auto url = parse_sink_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(clause_of(url.error()), clause_of(error)) << text;
    }
}

TEST(Addresses, RedactsWhateverMayBeAPassword) {
    const std::pair<std::string_view, std::string_view> rows[] = {
        {"redis://host:1/0", "redis://host:1/0"},
        {"redis://u:s3cret@h", "redis://***@h"},
        {"redis:/u:s3cret@h", "redis:/***@h"},
        {"u:s3cret@h", "u:***@h"},
        {"s3cret@h", "***@h"},
        {"redis://u:s3cret?s3cret@h", "redis://***"},
        {"redis://u:s3cret@s3cret@h", "redis://***@h"},
        {"redis://h?password=s3cret", "redis://h?***"},
        {"redis://h?password=s3cret@s3cret", "redis://***"},
        {"@", "***@"},
        {":@", ":***@"},
        {"", ""},
    };
    for (const auto& [text, shown] : rows) EXPECT_EQ(redact_url(text), shown) << text;
}

}  // namespace
}  // namespace sluice::config
