// Router and request options: what a path and a method lead to, and what a query and a head ask for.
// runs: release asan
#include "engine/ingest/request_options.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine/admin/admin_pages.hpp"
#include "engine/http/router.hpp"
#include "parsers/json/json_decoder.hpp"
#include "tests/support/request_head.hpp"

namespace sluice {
namespace {

using parsers::BodyFormat;
using parsers::Method;
using parsers::Precision;

http::Router admin_router() {
    http::Router router;
    for (const AdminPageRow& row : admin_pages) router.add(row.route());
    return router;
}

TEST(Router, FindsExactPathsOnly) {
    http::Router router;
    router.add({"/telemetry", http::Methods::post, 7});
    router.add({"/", http::Methods::get, 8});
    EXPECT_EQ(router.find("/telemetry", Method::post).value()->target, 7);
    EXPECT_EQ(router.find("/", Method::get).value()->target, 8);
    for (const std::string_view path : {"", "/telemetry/", "/Telemetry", "/telemetr", "telemetry", "//telemetry",
                                        "/telemetry%20", "http://h/telemetry", "/status", "*"}) {
        const auto route = router.find(path, Method::post);
        ASSERT_FALSE(route.has_value()) << path;
        EXPECT_EQ(route.error().reason, Refusal::not_found) << path;
        EXPECT_EQ(route.error().allow, "");
    }
}

TEST(Router, SaysWhereAPathIs) {
    struct Row {
        std::string_view path;
        std::string_view where;
        bool is_on_other_listener;
    };
    http::Router router;
    router.add({"/telemetry", http::Methods::post, 7});
    router.add({"/status", http::Methods::get, 8, 0b10});
    for (const Row& row : {Row{"/telemetry/", "/telemetry", false}, Row{"/Telemetry//", "/telemetry", false},
                           Row{"/status", "/status", true}, Row{"/STATUS/", "/status", true}, Row{"/statu", "", false},
                           Row{"/", "", false}, Row{"//", "", false}, Row{"", "", false}}) {
        const auto route = router.find(row.path, Method::get, 0);
        ASSERT_FALSE(route.has_value()) << row.path;
        EXPECT_EQ(route.error().where.path, row.where) << row.path;
        EXPECT_EQ(route.error().where.is_on_other_listener, row.is_on_other_listener) << row.path;
    }
    EXPECT_TRUE(router.find("/status", Method::get, 1).has_value());
}

TEST(Router, AdmitsMethods) {
    struct Row {
        std::string_view path;
        Method method;
        bool is_admitted;
    };
    const http::Router router = admin_router();
    for (const Row& row :
         {Row{"/health", Method::get, true}, Row{"/health", Method::head, true}, Row{"/health", Method::post, false},
          Row{"/health", Method::other, false}, Row{"/stop", Method::post, true}, Row{"/stop", Method::get, false},
          Row{"/stop", Method::head, false}, Row{"/stop", Method::other, false},
          Row{"/stop", Method::options, false}}) {
        const auto route = router.find(row.path, row.method);
        EXPECT_EQ(route.has_value(), row.is_admitted) << row.path;
        if (row.is_admitted) continue;
        EXPECT_EQ(route.error().reason, Refusal::method_not_allowed);
        EXPECT_EQ(route.error().allow, row.path == "/stop" ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
    }
}

std::expected<RequestOptions, Refusal> options_with(std::string_view query, std::string_view lines = "",
                                                    const AckOffer& offer = {}, ContentCodings codings = {}) {
    const parsers::RequestHead head = tests::request_head(lines);
    const http::Request request{
        .head = head, .path = "/telemetry", .query = query, .body = "", .received_ns = 0, .is_body_lendable = false};
    RequestOptions options;
    if (const auto refusal = read_options(request, formats().front(), offer, codings, options))
        return std::unexpected(*refusal);
    return options;
}

parsers::Dialect dialect_of(BodyFormat format) { return static_cast<parsers::Dialect>(format); }

TEST(RequestOptions, Queries) {
    struct Row {
        std::string_view query;
        AckLevel ack;
        Precision precision;
    };
    for (const Row& row : {
             Row{"", AckLevel::stored, Precision::by_magnitude},
             {"ack=queued", AckLevel::queued, Precision::by_magnitude},
             {"ack=stored", AckLevel::stored, Precision::by_magnitude},
             {"precision=s", AckLevel::stored, Precision::s},
             {"precision=ms", AckLevel::stored, Precision::ms},
             {"precision=us", AckLevel::stored, Precision::us},
             {"precision=ns&ack=queued", AckLevel::queued, Precision::ns},
             {"&&ack=queued&", AckLevel::queued, Precision::by_magnitude},
             {"%61ck=queued", AckLevel::queued, Precision::by_magnitude},
             {"%61%63%6b=%71ueue%64", AckLevel::queued, Precision::by_magnitude},
             {"ack=st%6Fred", AckLevel::stored, Precision::by_magnitude},
             {"ack=queued&precision=%6d%73", AckLevel::queued, Precision::ms},
         }) {
        const auto options = options_with(row.query);
        ASSERT_TRUE(options.has_value()) << row.query;
        EXPECT_EQ(options->ack, row.ack) << row.query;
        EXPECT_EQ(options->precision, row.precision) << row.query;
        EXPECT_EQ(options->dialect, dialect_of(BodyFormat::json)) << row.query;
    }
}

TEST(RequestOptions, RefusedQueries) {
    struct Row {
        std::string_view query;
        Refusal refusal;
    };
    for (const Row& row : {Row{"ack=", Refusal::bad_ack},
                           Row{"ack", Refusal::bad_ack},
                           Row{"ack=Queued", Refusal::bad_ack},
                           Row{"ack=journaled", Refusal::ack_unavailable},
                           Row{"ack=replicated", Refusal::ack_unavailable},
                           Row{"ack=queued=", Refusal::bad_ack},
                           Row{"ack=bad&ack=queued", Refusal::bad_ack},
                           Row{"ack=queued&ack=stored", Refusal::repeated_parameter},
                           Row{"ack=stored&%61ck=stored", Refusal::repeated_parameter},
                           Row{"precision=s&ack=queued&precision=s", Refusal::repeated_parameter},
                           Row{"ack=queued%00", Refusal::bad_ack},
                           Row{"ack=queued+", Refusal::bad_ack},
                           Row{"ack=%71ueued%", Refusal::bad_ack},
                           Row{"ack=%7", Refusal::bad_ack},
                           Row{"ack=%7g", Refusal::bad_ack},
                           Row{"ack=%71ueuedqueuedqueuedqueued", Refusal::bad_ack},
                           Row{"ack%3Dqueued", Refusal::unknown_parameter},
                           Row{"acks=queued", Refusal::unknown_parameter},
                           Row{"ACK=queued", Refusal::unknown_parameter},
                           Row{"ack=queued&x", Refusal::unknown_parameter},
                           Row{"=y", Refusal::unknown_parameter},
                           Row{"ack =queued", Refusal::unknown_parameter},
                           Row{"%61cks=queued", Refusal::unknown_parameter},
                           Row{"ack%=queued", Refusal::unknown_parameter},
                           Row{"x=1&precision=hours", Refusal::unknown_parameter},
                           Row{"precision=", Refusal::bad_precision},
                           Row{"precision=m", Refusal::bad_precision},
                           Row{"ack=queued&precision=hours", Refusal::bad_precision}}) {
        const auto options = options_with(row.query);
        ASSERT_FALSE(options.has_value()) << row.query;
        EXPECT_EQ(options.error(), row.refusal) << row.query;
    }
}

TEST(RequestOptions, TheParameterThatMayHaveBeenMeant) {
    struct Row {
        std::string_view query;
        std::string_view nearest;
    };
    for (const Row& row : {Row{"acks=queued", "ack"}, Row{"ACK=queued", "ack"}, Row{"akc=queued", ""}, Row{"ac", "ack"},
                           Row{"%61cks=queued", "ack"}, Row{"ack=queued&Precison=s", "precision"},
                           Row{"PRECISION=s", "precision"}, Row{"precise=s", "precision"}, Row{"x=1", ""},
                           Row{"=1", ""}, Row{"verbose=1&acks=queued", ""}, Row{"", ""}, Row{"ack=queued", ""}})
        EXPECT_EQ(nearest_parameter(row.query), row.nearest) << row.query;
    EXPECT_EQ(nearest_parameter(std::string(5000, 'a')), "");
}

TEST(RequestOptions, AFormatMayIgnoreUnknownParameters) {
    Format format = formats().front();
    format.refuses_unknown_parameters = false;
    const parsers::RequestHead head = tests::request_head("");
    const http::Request request{
        .head = head, .path = "/t", .query = "x=1&ack=stored&ack=queued", .body = "", .received_ns = 0};
    RequestOptions options;
    EXPECT_FALSE(read_options(request, format, {}, {}, options).has_value());
    EXPECT_EQ(options.ack, AckLevel::queued);
}

// With a journal in place of a store, `stored` is answered as what it is there: `journaled`.
TEST(RequestOptions, AJournalIsTheStoreOfItsEngine) {
    const AckOffer journal{.preset = AckLevel::journaled, .has_journal = true, .has_store = false};
    const auto level_of = [&](std::string_view query) { return options_with(query, "", journal)->ack; };
    EXPECT_EQ(level_of(""), AckLevel::journaled);
    EXPECT_EQ(level_of("ack=queued"), AckLevel::queued);
    EXPECT_EQ(level_of("ack=journaled"), AckLevel::journaled);
    EXPECT_EQ(level_of("ack=stored"), AckLevel::journaled);
    EXPECT_EQ(options_with("ack=replicated", "", journal).error(), Refusal::ack_unavailable);
}

TEST(RequestOptions, ReplicatedNeedsReplicas) {
    const AckOffer replicas{.preset = AckLevel::replicated, .has_replicas = true};
    EXPECT_EQ(options_with("", "", replicas)->ack, AckLevel::replicated);
    EXPECT_EQ(options_with("ack=stored", "", replicas)->ack, AckLevel::stored);
}

// A sink that keeps nothing takes any level, waits as long as that level would, and promises none.
TEST(RequestOptions, ADiscardingSinkPromisesNothing) {
    const AckOffer discarding{.preset = AckLevel::stored, .is_discarding = true};
    struct Row {
        std::string_view query;
        AckLevel ack;
    };
    for (const Row& row :
         {Row{"", AckLevel::stored}, Row{"ack=queued", AckLevel::queued}, Row{"ack=journaled", AckLevel::stored},
          Row{"ack=stored", AckLevel::stored}, Row{"ack=replicated", AckLevel::stored}}) {
        const auto options = options_with(row.query, "", discarding);
        ASSERT_TRUE(options.has_value()) << row.query;
        EXPECT_EQ(options->ack, row.ack) << row.query;
        EXPECT_EQ(options->promised_ack, AckLevel::none) << row.query;
    }
    EXPECT_EQ(options_with("ack=none", "", discarding).error(), Refusal::bad_ack) << "nobody asks for it";
    EXPECT_EQ(options_with("ack=queued")->promised_ack, AckLevel::queued);
}

TEST(RequestOptions, MediaTypes) {
    struct Row {
        std::string_view type;
        BodyFormat format;
    };
    for (const Row& row :
         {Row{"application/json", BodyFormat::json}, Row{"text/json", BodyFormat::json},
          Row{"Application/JSON ; charset=utf-8", BodyFormat::json}, Row{"", BodyFormat::json},
          Row{";q=1", BodyFormat::json}, Row{"application/x-ndjson", BodyFormat::ndjson},
          Row{"application/ndjson", BodyFormat::ndjson}, Row{"application/jsonl", BodyFormat::ndjson},
          Row{"application/x-jsonlines", BodyFormat::ndjson}, Row{"application/jsonlines;x=y", BodyFormat::ndjson}}) {
        const auto options = options_with("", "Content-Type: " + std::string(row.type) + "\r\n");
        ASSERT_TRUE(options.has_value()) << row.type;
        EXPECT_EQ(options->dialect, dialect_of(row.format)) << row.type;
    }
    for (const std::string type : {"text/plain", "application/jsons", "application/x-proto", "json"})
        EXPECT_EQ(options_with("", "Content-Type: " + type + "\r\n").error(), Refusal::unsupported_media_type) << type;
    EXPECT_EQ(options_with("", "Content-Type: application/json\r\nContent-Type: application/json\r\n").error(),
              Refusal::unsupported_media_type);
    for (const std::size_t bytes : {std::size_t{192}, std::size_t{500}, std::size_t{10000}}) {
        const std::string parameter(bytes, 'p');
        EXPECT_EQ(options_with("", "Content-Type: application/x-ndjson; x=" + parameter + "\r\n")->dialect,
                  dialect_of(BodyFormat::ndjson));
        EXPECT_EQ(options_with("", "Content-Type: " + parameter + "; x=application/json\r\n").error(),
                  Refusal::unsupported_media_type);
    }
}

TEST(RequestOptions, ContentCodings) {
    using enum ContentCoding;
    struct Row {
        std::string_view values;  // of one field each, with | between them
        std::optional<ContentCoding> coding;  // none: refused
    };
    for (const Row& row : {
             Row{"identity", identity},
             {"Identity ", identity},
             {"", identity},
             {" , ,", identity},
             {"gzip", gzip},
             {"GZip", gzip},
             {"x-gzip", gzip},
             {"zstd", zstd},
             {"deflate", deflate},
             {"snappy", snappy},
             {"X-Snappy-Framed", snappy_framed},
             {"gzip, identity", gzip},
             {"identity,gzip,", gzip},
             {"gzip|identity", gzip},
             {"identity|zstd", zstd},
             {"gzip, gzip", std::nullopt},
             {"gzip, zstd", std::nullopt},
             {"gzip|zstd", std::nullopt},
             {"br", std::nullopt},
             {"lz4", std::nullopt},
             {"compress", std::nullopt},
             {"x-compress", std::nullopt},
             {"gzip;q=1", std::nullopt},
             {"*", std::nullopt},
         }) {
        std::string lines = "Content-Encoding: ";
        for (const char c : row.values) lines += c == '|' ? "\r\nContent-Encoding: " : std::string(1, c);
        const auto options = options_with("", lines + "\r\n", {}, ContentCodings::all());
        EXPECT_EQ(options.has_value(), row.coding.has_value()) << row.values;
        if (options) {
            EXPECT_EQ(options->coding, row.coding) << row.values;
        } else {
            EXPECT_EQ(options.error(), Refusal::unsupported_encoding) << row.values;
        }
    }
}

TEST(RequestOptions, ContentCodingsThatAreSwitchedOff) {
    ContentCodings codings;
    EXPECT_TRUE(options_with("", "Content-Encoding: identity\r\n", {}, codings).has_value());
    EXPECT_FALSE(options_with("", "Content-Encoding: gzip\r\n", {}, codings).has_value());
    codings.add(ContentCoding::snappy);
    EXPECT_TRUE(options_with("", "Content-Encoding: snappy\r\n", {}, codings).has_value());
    EXPECT_TRUE(options_with("", "Content-Encoding: x-snappy-framed\r\n", {}, codings).has_value());
    EXPECT_FALSE(options_with("", "Content-Encoding: zstd\r\n", {}, codings).has_value());
}

TEST(RequestOptions, IdempotencyKeys) {
    struct Row {
        std::string lines;
        std::string_view key;
        bool is_bad;
    };
    for (const Row& row :
         {Row{"", "", false}, Row{"Idempotency-Key: \"k-1\" \r\n", "k-1", false},
          Row{"iDEMPOTENCY-kEY:k-1\r\n", "k-1", false}, Row{"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "", true},
          Row{"Idempotency-Key:\r\n", "", true}, Row{"Idempotency-Keys: a\r\n", "", false},
          Row{"Idempotency-Key: " + std::string(1000, 'k') + "\r\n", "", true}}) {
        const auto options = options_with("", row.lines);
        ASSERT_EQ(options.has_value(), !row.is_bad) << row.lines;
        if (row.is_bad) {
            EXPECT_EQ(options.error(), Refusal::bad_idempotency_key) << row.lines;
        } else {
            EXPECT_EQ(options->idempotency_key(), row.key) << row.lines;
        }
    }
}

}  // namespace
}  // namespace sluice
