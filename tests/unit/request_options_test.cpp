// Router and telemetry options: what a path and a method lead to, and what a query and a head ask for.
// runs: release asan
#include <gtest/gtest.h>

#include <optional>
#include <string_view>

#include "engine/http/router.hpp"
#include "engine/ingest/telemetry_options.hpp"

namespace sluice {
namespace {

using http::Endpoint;
using parsers::BodyFormat;
using parsers::MediaType;
using parsers::Method;
using parsers::Precision;

TEST(Router, FindsExactPathsOnly) {
    ASSERT_NE(http::find_route(http::data_routes, "/telemetry"), nullptr);
    EXPECT_EQ(http::find_route(http::data_routes, "/telemetry")->endpoint, Endpoint::telemetry);
    for (const std::string_view path : {"", "/", "/telemetry/", "/Telemetry", "/telemetr", "telemetry", "//telemetry",
                                        "/telemetry%20", "http://h/telemetry", "/status", "/stop", "*"})
        EXPECT_EQ(http::find_route(http::data_routes, path), nullptr) << path;
    for (const std::string_view path : {"/status", "/metrics", "/start", "/stop", "/reset", "/health", "/ready"})
        EXPECT_NE(http::find_route(http::admin_routes, path), nullptr) << path;
    EXPECT_EQ(http::find_route(http::admin_routes, "/telemetry"), nullptr);
}

TEST(Router, AdmitsMethods) {
    struct Row {
        std::string_view path;
        Method method;
        bool is_admitted;
    };
    for (const Row& row :
         {Row{"/health", Method::get, true}, Row{"/health", Method::head, true}, Row{"/health", Method::post, false},
          Row{"/health", Method::other, false}, Row{"/stop", Method::post, true}, Row{"/stop", Method::get, false},
          Row{"/stop", Method::head, false}, Row{"/stop", Method::other, false}}) {
        const http::Route* route = http::find_route(http::admin_routes, row.path);
        ASSERT_NE(route, nullptr);
        http::Reply reply{};
        const std::optional<Endpoint> endpoint = http::admit_method(*route, row.method, reply);
        EXPECT_EQ(endpoint.has_value(), row.is_admitted) << row.path;
        if (row.is_admitted) continue;
        EXPECT_EQ(reply.refusal, Refusal::method_not_allowed);
        EXPECT_EQ(reply.allow, route->takes_post ? "POST" : "GET, HEAD");
    }
}

std::expected<http::TelemetryOptions, Refusal> options_of(std::string_view query, MediaType type = MediaType::none,
                                                          bool has_encoding = false, const AckOffer& offer = {}) {
    parsers::RequestHead head;
    head.clear();
    head.media_type = type;
    head.has_content_encoding = has_encoding;
    return http::telemetry_options({head, "/telemetry", query, "", 0}, offer);
}

TEST(TelemetryOptions, Queries) {
    struct Row {
        std::string_view query;
        AckLevel ack;
        Precision precision;
    };
    for (const Row& row : {
             Row{"", AckLevel::stored, Precision::by_magnitude},
             {"ack=queued", AckLevel::queued, Precision::by_magnitude},
             {"ack=stored", AckLevel::stored, Precision::by_magnitude},
             {"ack=queued&ack=stored", AckLevel::stored, Precision::by_magnitude},
             {"precision=s", AckLevel::stored, Precision::s},
             {"precision=ms", AckLevel::stored, Precision::ms},
             {"precision=us", AckLevel::stored, Precision::us},
             {"precision=ns&ack=queued", AckLevel::queued, Precision::ns},
             {"&&ack=queued&", AckLevel::queued, Precision::by_magnitude},
             {"other=1&x&=y&=&acknowledge=no", AckLevel::stored, Precision::by_magnitude},
         }) {
        const auto options = options_of(row.query);
        ASSERT_TRUE(options.has_value()) << row.query;
        EXPECT_EQ(options->ack, row.ack) << row.query;
        EXPECT_EQ(options->precision, row.precision) << row.query;
        EXPECT_EQ(options->format, BodyFormat::json) << row.query;
    }
}

TEST(TelemetryOptions, RefusedQueries) {
    struct Row {
        std::string_view query;
        Refusal refusal;
    };
    for (const Row& row :
         {Row{"ack=", Refusal::bad_ack}, Row{"ack", Refusal::bad_ack}, Row{"ack=Queued", Refusal::bad_ack},
          Row{"ack=journaled", Refusal::ack_unavailable}, Row{"ack=replicated", Refusal::ack_unavailable},
          Row{"ack=queued=", Refusal::bad_ack}, Row{"ack=bad&ack=queued", Refusal::bad_ack},
          Row{"precision=", Refusal::bad_precision}, Row{"precision=m", Refusal::bad_precision},
          Row{"x=1&precision=hours", Refusal::bad_precision}}) {
        const auto options = options_of(row.query);
        ASSERT_FALSE(options.has_value()) << row.query;
        EXPECT_EQ(options.error(), row.refusal) << row.query;
    }
}

// With a journal in place of a store, `stored` is answered as what it is there: `journaled`.
TEST(TelemetryOptions, AJournalIsTheStoreOfItsEngine) {
    const AckOffer journal{.preset = AckLevel::journaled, .has_journal = true, .has_store = false};
    const auto level_of = [&](std::string_view query) {
        return options_of(query, MediaType::none, false, journal)->ack;
    };
    EXPECT_EQ(level_of(""), AckLevel::journaled);
    EXPECT_EQ(level_of("ack=queued"), AckLevel::queued);
    EXPECT_EQ(level_of("ack=journaled"), AckLevel::journaled);
    EXPECT_EQ(level_of("ack=stored"), AckLevel::journaled);
    EXPECT_EQ(options_of("ack=replicated", MediaType::none, false, journal).error(), Refusal::ack_unavailable);
}

TEST(TelemetryOptions, ReplicatedNeedsReplicas) {
    const AckOffer replicas{.preset = AckLevel::replicated, .has_replicas = true};
    EXPECT_EQ(options_of("", MediaType::none, false, replicas)->ack, AckLevel::replicated);
    EXPECT_EQ(options_of("ack=stored", MediaType::none, false, replicas)->ack, AckLevel::stored);
}

TEST(TelemetryOptions, Heads) {
    EXPECT_EQ(options_of("", MediaType::json)->format, BodyFormat::json);
    EXPECT_EQ(options_of("", MediaType::ndjson)->format, BodyFormat::ndjson);
    EXPECT_EQ(options_of("", MediaType::other).error(), Refusal::unsupported_media_type);
    EXPECT_EQ(options_of("", MediaType::json, true).error(), Refusal::unsupported_encoding);
}

}  // namespace
}  // namespace sluice
