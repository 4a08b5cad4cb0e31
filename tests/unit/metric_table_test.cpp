// The table of metrics: its rows keep the rules of names, docs/metrics.md is made from it, and no counter of the engine
// is missing in it.
// runs: release asan
#include "engine/admin/metric_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/admin/metrics_markdown.hpp"

namespace sluice {
namespace {

struct Row {
    const MetricGroup& group;
    const Metric& metric;
};

std::vector<Row> all_rows() {
    std::vector<Row> rows;
    for (const MetricGroup& group : metric_groups())
        std::visit(
            [&](const auto& metrics) {
                for (const Metric& metric : metrics) rows.push_back({group, metric});
            },
            group.metrics);
    return rows;
}

std::string_view last_part(std::string_view member) { return member.substr(member.rfind('.') + 1); }

// --- the rules of a row --------------------------------------------------------------------------------------------

TEST(MetricTable, EveryRowIsShownSomewhereAndExplained) {
    for (const auto& [group, metric] : all_rows()) {
        SCOPED_TRACE(std::string(metric.name) + " " + std::string(metric.member));
        EXPECT_FALSE(metric.name.empty() && metric.member.empty());
        EXPECT_TRUE(metric.help.ends_with('.'));
        EXPECT_EQ(metric.help.find_first_of("\n|\\"), std::string_view::npos)
            << "it stands in one line, and in a table";
        if (!metric.member.empty()) {
            EXPECT_TRUE(!group.status.empty() || group.title == "Engine");
        }
    }
}

TEST(MetricTable, NamesSayKindAndUnit) {
    for (const auto& [group, metric] : all_rows()) {
        if (metric.name.empty()) continue;
        SCOPED_TRACE(metric.name);
        EXPECT_TRUE(metric.name.starts_with(group.title == "Process" ? "process_" : "sluice_"));
        EXPECT_EQ(metric.kind == MetricKind::counter, metric.name.ends_with("_total"));
        if (metric.unit == MetricUnit::bytes) {
            EXPECT_NE(metric.name.find("_bytes"), std::string_view::npos);
        }
        if (metric.unit == MetricUnit::seconds) {
            EXPECT_NE(metric.name.find("_seconds"), std::string_view::npos);
        }
    }
}

TEST(MetricTable, TimesOfStatusSayTheirUnit) {
    for (const auto& [group, metric] : all_rows()) {
        if (metric.unit != MetricUnit::seconds || metric.kind == MetricKind::histogram || metric.member.empty())
            continue;
        const std::string_view member = last_part(metric.member);
        EXPECT_TRUE(member.ends_with("_s") || member.find("_us") != std::string_view::npos) << member;
    }
}

TEST(MetricTable, TheRowsOfAFamilyStandTogetherAndAgree) {
    std::set<std::string_view> seen;
    const Metric* previous = nullptr;
    for (const auto& [group, metric] : all_rows()) {
        if (metric.name.empty()) continue;
        SCOPED_TRACE(metric.name);
        if (previous != nullptr && previous->name == metric.name) {
            EXPECT_EQ(previous->kind, metric.kind);
            EXPECT_EQ(previous->unit, metric.unit);
            EXPECT_EQ(previous->help, metric.help);
            EXPECT_NE(previous->label, metric.label);
        } else {
            EXPECT_TRUE(seen.insert(metric.name).second) << "twice, and not together";
        }
        previous = &metric;
    }
}

TEST(MetricTable, MembersOfOneObjectAreDistinct) {
    std::map<std::string_view, std::set<std::string_view>> members;
    for (const auto& [group, metric] : all_rows())
        if (!metric.member.empty()) {
            EXPECT_TRUE(members[group.status].insert(metric.member).second) << group.status << " " << metric.member;
        }
}

TEST(MetricTable, TheFilesThatCountAreThere) {
    for (const MetricGroup& group : metric_groups()) {
        EXPECT_FALSE(group.counted_by.empty()) << group.title;
        EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(SLUICE_SOURCE_DIR) / group.counted_in))
            << group.title;
    }
}

TEST(MetricTable, TheDocumentIsTheGeneratedOne) {
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/metrics.md");
    ASSERT_TRUE(file.is_open()) << "docs/metrics.md is missing";
    const std::string document{std::istreambuf_iterator<char>(file), {}};
    const std::string begin_marker = "<!-- metrics:begin -->\n", end_marker = "<!-- metrics:end -->";
    const std::size_t begin = document.find(begin_marker), end = document.find(end_marker);
    ASSERT_NE(begin, std::string::npos) << "docs/metrics.md has no marker " << begin_marker;
    ASSERT_NE(end, std::string::npos) << "docs/metrics.md has no marker " << end_marker;
    const std::size_t first = begin + begin_marker.size();
    EXPECT_EQ(document.substr(first, end - first), print_metrics())
        << "run: sluice print-metrics, and put the result between the markers";
}

// --- no counter is missing -----------------------------------------------------------------------------------------

struct TextOf {
    std::string operator()(Unknown) const { return "unknown"; }
    std::string operator()(Absent) const { return "absent"; }
    std::string operator()(const OneOf& choice) const { return std::to_string(choice.index); }
    std::string operator()(const ByWord& counts) const {
        std::string text;
        for (const std::uint64_t count : counts.counts) text += std::to_string(count) + " ";
        return text;
    }
    std::string operator()(const Info& info) const { return std::to_string(info.words.size()); }
    std::string operator()(const Histograms& all) const {
        std::string text;
        for (const LatencyHistogram& histogram : all.histograms) text += std::to_string(histogram.count()) + " ";
        return text;
    }
    template <typename Number>
    std::string operator()(Number number) const {
        return std::to_string(number);
    }
};

template <typename Source>
std::vector<std::string> values_of(const Source& source) {
    std::vector<std::string> values;
    for (const MetricOf<Source>& metric : metrics_of<Source>())
        values.push_back(std::visit(TextOf{}, metric.read(source)));
    return values;
}

struct Range {
    std::size_t begin, end;
};
bool contains(const std::vector<Range>& ranges, std::size_t offset) {
    return std::ranges::any_of(ranges, [&](const Range& range) { return range.begin <= offset && offset < range.end; });
}
#define BYTES_OF(type, member)                                                                                         \
    Range { offsetof(type, member), offsetof(type, member) + sizeof(type::member) }

// What pads the last member to whole cache lines.
template <typename Counters>
Range after(const Range& last) {
    return {(last.end + 7) / 8 * 8, sizeof(Counters)};
}

// Sets one word of the counters after the other: some row must change, but for the words of `unshown`.
template <typename Counters>
void expect_each_word_has_a_row(auto&& values, const std::vector<Range>& unshown = {}) {
    constexpr std::uint64_t number = 1;
    static_assert(sizeof(Counters) % sizeof number == 0);
    const Counters zero{};
    for (std::size_t offset = 0; offset < sizeof(Counters); offset += sizeof number) {
        Counters counters{};
        std::memcpy(reinterpret_cast<char*>(&counters) + offset, &number, sizeof number);
        EXPECT_NE(values(counters) == values(zero), !contains(unshown, offset))
            << "byte " << offset << " of " << sizeof(Counters)
            << ": a counter without a row in metric_table.cpp, or one "
            << "that has a row and is listed here as unshown";
    }
}

TEST(MetricTable, EverySampleCounterHasARow) {
    expect_each_word_has_a_row<SampleCounters>(
        [](const SampleCounters& counters) { return values_of(SampleFigures{counters, 0}); });
    EXPECT_NE(values_of(SampleFigures{{}, 0}), values_of(SampleFigures{{}, 1}));
}

TEST(MetricTable, EveryHttpCounterHasARow) {
    constexpr std::size_t responses = offsetof(http::HttpCounters, responses);
    expect_each_word_has_a_row<http::HttpCounters>(
        [](const http::HttpCounters& counters) {
            auto all = values_of(counters);
            for (const http::RequestCounters& format : counters.formats)
                for (auto& value : values_of(format)) all.push_back(std::move(value));
            return all;
        },
        {{responses, responses + 2 * sizeof(std::uint64_t)}});  // 0xx, 1xx
}

TEST(MetricTable, EveryCounterOfRemoteWriteHasARow) {
    expect_each_word_has_a_row<RemoteWriteCounters>(
        [](const RemoteWriteCounters& counters) { return values_of(counters); });
}

TEST(MetricTable, EveryCounterOfAddressesHasARow) {
    expect_each_word_has_a_row<AddressCounters>([](const AddressCounters& counters) { return values_of(counters); });
}

TEST(MetricTable, EveryCodingCounterHasARow) {
    expect_each_word_has_a_row<CodingCounters>([](const CodingCounters& counters) { return values_of(counters); });
}

TEST(MetricTable, EveryLoopCounterHasARow) {
    LatencyHistogram iterations;
    expect_each_word_has_a_row<io::LoopCounters>(
        [&](const io::LoopCounters& counters) { return values_of(LoopFigures{counters, iterations}); },
        {BYTES_OF(io::LoopCounters, receives),  // for the loop itself, and its tests
         BYTES_OF(io::LoopCounters, iteration_ns_last)});  // becomes part of the histogram
    const auto before = values_of(LoopFigures{{}, iterations});
    iterations.record(1);
    EXPECT_NE(values_of(LoopFigures{{}, iterations}), before);
}

TEST(MetricTable, EveryTlsCounterHasARow) {
    LatencyHistogram handshakes;
    expect_each_word_has_a_row<tls::Counters>(
        [&](const tls::Counters& counters) { return values_of(TlsFigures{counters, handshakes}); });
    const auto before = values_of(TlsFigures{{}, handshakes});
    handshakes.record(1);
    EXPECT_NE(values_of(TlsFigures{{}, handshakes}), before);
}

TEST(MetricTable, EveryPoolFigureHasARow) {
    expect_each_word_has_a_row<PoolFigures>([](const PoolFigures& figures) { return values_of(figures); });
}

TEST(MetricTable, EveryFigureOfIdempotencyHasARow) {
    expect_each_word_has_a_row<IdempotencyTable::Figures>(
        [](const IdempotencyTable::Figures& figures) { return values_of(figures); });
}

TEST(MetricTable, EveryStageIsRead) {
    Latency latency;
    for (const Stage stage : stages) {
        const LatencyHistogram& histogram = latency.of(stage)[IngestFormat::json];
        const auto before = values_of(StageFigures{stage, histogram});
        latency.record(stage, IngestFormat::json, 1, 2);
        EXPECT_NE(values_of(StageFigures{stage, histogram}), before) << name_of(stage);
    }
}

TEST(MetricTable, EveryFigureOfASinkHasARow) {
    const auto values = [](const auto& figures) { return values_of(figures); };
    using Delivery = sinks::DeliveryFigures;
    expect_each_word_has_a_row<Delivery>(
        [](const Delivery& delivery) {
            const sinks::SinkSignal signal;
            auto all = values_of(delivery);
            for (auto& value : values_of(BreakerView{signal, delivery, 0})) all.push_back(std::move(value));
            return all;
        },
        {BYTES_OF(Delivery, refused_ns), after<Delivery>(BYTES_OF(Delivery, breaker_failures))});
    using Link = sinks::LinkFigures;
    expect_each_word_has_a_row<Link>(values, {after<Link>(BYTES_OF(Link, connection_failures))});
    using Replication = sinks::ReplicationFigures;
    expect_each_word_has_a_row<Replication>(
        values, {BYTES_OF(Replication, is_wait_refused), after<Replication>(BYTES_OF(Replication, is_wait_refused))});
    using Journal = sinks::JournalFigures;
    expect_each_word_has_a_row<Journal>(values, {after<Journal>(BYTES_OF(Journal, bytes_max))});
    using Cluster = sinks::ClusterFigures;
    expect_each_word_has_a_row<Cluster>(
        [](const Cluster& figures) {
            const sinks::SinkSignal signal;
            return values_of(ClusterView{signal, figures});
        },
        {after<Cluster>(BYTES_OF(Cluster, refreshes))});
}

TEST(MetricTable, EachCounterOfATenantHasARow) {
    expect_each_word_has_a_row<tenants::TenantCounters>(
        [](const tenants::TenantCounters& counters) { return values_of(counters); });
}

TEST(MetricTable, EveryKindOfFiguresOfASinkIsKnownHere) {
    const sinks::DeliveryFigures delivery_figures;
    const sinks::SinkFigures figures{delivery_figures};
    const auto& [delivery, link, replication, exactly_once, cluster, journal] =
        figures;  // the forwarder shows exactly_once
    EXPECT_EQ(&delivery, &delivery_figures);
    EXPECT_TRUE(!link && !replication && !exactly_once && !cluster && !journal);
}

TEST(MetricTable, WhatASignalShowsHasARow) {
    using Signal = sinks::SinkSignal;
    expect_each_word_has_a_row<Signal>(
        [](const Signal& signal) {
            const sinks::DeliveryFigures delivery;
            const sinks::ClusterFigures cluster;
            auto all = values_of(BreakerView{signal, delivery, 0});
            for (auto& value : values_of(ClusterView{signal, cluster})) all.push_back(std::move(value));
            return all;
        },
        {BYTES_OF(Signal, breaker_turn),  // for reactors
         after<Signal>(BYTES_OF(Signal, lanes_away))});
}

// Structs that cannot be set byte by byte: a new member does not compile here, until it is looked at.
TEST(MetricTable, EveryFigureOfTheWatcherHasARow) {
    watch::Gauges gauges;
    auto& [refused_for, passed, opens_ns, is_on, samples, failures, length_sum, length_max, group_lag_max, used_bytes,
           limit_bytes, last_error] = gauges;  // of these opens_ns, is_on and last_error are no metrics
    const auto changes = [&](auto&& change) {
        const auto before = values_of(gauges);
        change();
        return values_of(gauges) != before;
    };
    EXPECT_TRUE(changes([&] { refused_for = watch::PassedBound::stream_full; }));
    EXPECT_TRUE(changes([&] { passed = watch::PassedBound::stream_full; }));
    EXPECT_TRUE(changes([&] { samples = 1; }));
    EXPECT_TRUE(changes([&] { failures = 1; }));
    for (watch::Gauge* figure : {&length_sum, &length_max, &group_lag_max, &used_bytes, &limit_bytes})
        EXPECT_TRUE(changes([&] { figure->set(1); }));
}

TEST(MetricTable, EveryFigureOfTheForwarderHasARow) {
    forward::Forwarder::View view{};
    auto& [state, last_error, delivered_samples_count, delivered, confirmed, instance, duplicates_refused_count,
           damaged_bytes, records_refused_count, undelivered_bytes, undelivered_samples_count, oldest_undelivered_ns] =
        view;  // last_error and instance are no metrics
    const auto changes = [&](auto&& change) {
        const auto before = values_of(view);
        change();
        return values_of(view) != before;
    };
    EXPECT_TRUE(changes([&] { state = sinks::SinkState::ready; }));
    EXPECT_TRUE(changes([&] { confirmed.segment = 1; }));
    EXPECT_TRUE(changes([&] { delivered.segment = 1; }));
    for (std::uint64_t* count :
         {&delivered_samples_count, &duplicates_refused_count, &damaged_bytes, &records_refused_count,
          &undelivered_bytes, &undelivered_samples_count, &oldest_undelivered_ns})
        EXPECT_TRUE(changes([&] { *count = 1; }));
}

TEST(MetricTable, EveryFigureOfANodeHasARow) {
    sinks::NodeView node{};
    auto& [address, state, partitions_count] = node;
    const auto before = values_of(node);
    state = sinks::SinkState::ready;
    const auto ready = values_of(node);
    EXPECT_NE(before, ready);
    partitions_count = 1;
    EXPECT_NE(ready, values_of(node));
}

}  // namespace
}  // namespace sluice
