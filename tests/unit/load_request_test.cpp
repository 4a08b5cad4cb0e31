// Requests that sluice-load renders and responses that it reads.
// runs: release long: asan
#include <gtest/gtest.h>
#include <zlib.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tools/load/run/request_renderer.hpp"
#include "tools/load/run/request_source.hpp"
#include "tools/load/run/response_reader.hpp"

namespace sluice::load {
namespace {

constexpr const char* sample =
    R"({"device_id":"{device}","value":{float:-5:35.25},"kind":"{choice:a|bb}","at":"{ts}","ms":{ts:ms},"seq":{seq}})";

struct Parts {
    std::string head, body;
};

Parts split(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    return {request.substr(0, end), request.substr(end + 4)};
}

class Source {
  public:
    explicit Source(const RequestSpec& spec)
        : renderer_(spec), devices_(spec.devices_count, 0, 0, 1), out_(renderer_.bytes_max()) {}
    std::string next() {
        const std::size_t bytes = renderer_.render(out_.data(), devices_, random_, identity);
        EXPECT_LE(bytes, out_.size());
        return {out_.data(), bytes};
    }
    RequestIdentity identity;

  private:
    RequestRenderer renderer_;
    Devices devices_;
    Random random_{42};
    std::vector<char> out_;
};

RequestSpec spec_of(const char* body, std::uint32_t batch_count = 0, BatchForm form = BatchForm::array) {
    RequestSpec spec;
    spec.path = "/telemetry";
    spec.host_header = "h";
    spec.body = *parse_body_template(body);
    spec.samples_count = batch_count == 0 ? 1 : batch_count;
    if (batch_count != 0) spec.body = batch_of(spec.body, batch_count, form);
    spec.devices_count = 3;
    return spec;
}

TEST(LoadRequest, EveryRequestIsValidAndItsLengthIsRight) {
    Source source(spec_of(sample));
    std::array<std::uint64_t, 3> next_seq{};
    for (int i = 0; i < 4000; ++i) {  // counts gain digits, floats change width: both ways of rendering
        const Parts parts = split(source.next());
        ASSERT_TRUE(parts.head.ends_with("\r\nContent-Length: " + std::to_string(parts.body.size()))) << parts.head;
        const auto json = nlohmann::json::parse(parts.body);
        const auto device = json["device_id"].get<std::string>();
        ASSERT_TRUE(device == "device-0" || device == "device-1" || device == "device-2") << device;
        const auto index = static_cast<std::size_t>(device.back() - '0');
        ASSERT_EQ(source.identity.device, index);
        ASSERT_EQ(json["seq"], next_seq[index]);
        ASSERT_EQ(source.identity.first_seq, next_seq[index]++);
        ASSERT_GE(json["value"], -5);
        ASSERT_LE(json["value"], 35.25);
        ASSERT_TRUE(json["kind"] == "a" || json["kind"] == "bb");
        ASSERT_EQ(json["at"].get<std::string>().size(), 24u);
    }
    EXPECT_GT(next_seq[0], 1000u);
}

TEST(LoadRequest, ABatchIsOfOneDeviceWithConsecutiveCounts) {
    for (const BatchForm form : {BatchForm::array, BatchForm::ndjson}) {
        Source source(spec_of(sample, 5, form));
        for (int i = 0; i < 10; ++i) {
            std::string body = split(source.next()).body;
            if (form == BatchForm::ndjson) {
                EXPECT_TRUE(body.ends_with('\n'));
                std::string lines = "[";
                for (const char c : body.substr(0, body.size() - 1)) lines += c == '\n' ? ',' : c;
                body = lines + "]";
            }
            const auto json = nlohmann::json::parse(body);
            ASSERT_EQ(json.size(), 5u);
            for (std::size_t n = 0; n < 5; ++n) {
                EXPECT_EQ(json[n]["seq"], source.identity.first_seq + n);
                EXPECT_EQ(json[n]["device_id"], json[0]["device_id"]);
            }
        }
    }
}

TEST(LoadRequest, ABodyWithoutFieldsIsFixed) {
    const RequestRenderer renderer(spec_of(R"({"a":{"b":1},"c":{}})"));
    ASSERT_TRUE(renderer.is_fixed());
    EXPECT_EQ(renderer.fixed(),
              "POST /telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n{\"a\":{\"b\":1},\"c\":{}}");
}

TEST(LoadRequest, PathQueryAndHeadersAreFilledIn) {
    for (const char* body : {"", R"({"seq":{seq},"device_id":"{device}"})"}) {
        RequestSpec spec = spec_of(body);
        spec.has_body = body[0] != '\0';
        spec.method = spec.has_body ? "POST" : "GET";
        spec.path = "/devices/{device}?seq={seq}&kind={choice:a|bb}&at={ts:ms}&id={{id}";
        spec.headers = {{"X-Seq", "n={seq}, d={device}"}, {"Accept", "*/*"}};
        spec.devices_count = 1;
        Source source(spec);
        for (int seq = 0; seq < 1200; ++seq) {  // the count gains digits, the kind changes width
            const Parts parts = split(source.next());
            const std::string n = std::to_string(seq);
            ASSERT_TRUE(parts.head.starts_with(spec.method + " /devices/device-0?seq=" + n + "&kind=")) << parts.head;
            ASSERT_TRUE(parts.head.contains("&id={id} HTTP/1.1\r\nHost: h\r\nX-Seq: n=" + n + ", d=device-0\r\n"))
                << parts.head;
            if (!spec.has_body) continue;
            ASSERT_TRUE(parts.head.ends_with("\r\nContent-Length: " + std::to_string(parts.body.size())));
            ASSERT_EQ(nlohmann::json::parse(parts.body)["seq"], seq);
        }
    }
}

TEST(LoadRequest, ABatchAndACompressedBodyHaveSuchHeadsToo) {
    RequestSpec spec = spec_of(sample, 5);
    spec.path = "/{device}/{seq}";
    spec.devices_count = 1;
    spec.coding = ContentCoding::gzip;
    Source source(spec);
    for (int i = 0; i < 300; ++i) {
        const Parts parts = split(source.next());
        ASSERT_TRUE(parts.head.starts_with("POST /device-0/" + std::to_string(5 * i) + " HTTP/1.1\r\n")) << parts.head;
        ASSERT_TRUE(parts.head.ends_with("\r\nContent-Length: " + std::to_string(parts.body.size()))) << parts.head;
    }
}

// RFC 9110, 8.6.
TEST(LoadRequest, WithoutABodyItsLengthIsSaidWhereTheMethodExpectsOne) {
    for (const auto& [method, line] : {std::pair{"POST", "Content-Length: 0\r\n"},
                                       {"PUT", "Content-Length: 0\r\n"},
                                       {"PATCH", "Content-Length: 0\r\n"},
                                       {"GET", ""},
                                       {"HEAD", ""},
                                       {"DELETE", ""}}) {
        RequestSpec spec = spec_of("");
        spec.method = method;
        spec.has_body = false;
        const RequestRenderer renderer(spec);
        ASSERT_TRUE(renderer.is_fixed());
        EXPECT_EQ(renderer.fixed(), std::string(method) + " /telemetry HTTP/1.1\r\nHost: h\r\n" + line + "\r\n");
    }
}

TEST(LoadRequest, ChunksAreTheBody) {
    for (const ContentCoding coding : {ContentCoding::identity, ContentCoding::zstd})
        for (const std::uint32_t samples_count : {1u, 400u, 2000u}) {
            RequestSpec spec = spec_of(sample, samples_count);
            spec.devices_count = 1;
            spec.is_chunked = true;
            spec.coding = coding;
            Source source(spec);
            Parts parts = split(source.next());
            ASSERT_TRUE(parts.head.ends_with("\r\nTransfer-Encoding: chunked")) << parts.head;
            ASSERT_FALSE(parts.head.contains("Content-Length"));
            ASSERT_EQ(parts.head.contains("Content-Encoding: zstd\r\n"), coding == ContentCoding::zstd);
            std::string sent;
            while (true) {
                const std::size_t bytes = std::stoul(parts.body, nullptr, 16);
                const std::size_t begin = parts.body.find("\r\n") + 2;
                ASSERT_LE(bytes, RequestRenderer::chunk_bytes_max);
                sent += parts.body.substr(begin, bytes);
                ASSERT_EQ(parts.body.substr(begin + bytes, 2), "\r\n");
                parts.body.erase(0, begin + bytes + 2);
                if (bytes == 0) break;
            }
            EXPECT_TRUE(parts.body.empty());
            if (coding == ContentCoding::zstd) {
                EXPECT_TRUE(sent.starts_with("\x28\xb5\x2f\xfd"));
                continue;
            }
            const auto json = nlohmann::json::parse(sent);
            EXPECT_EQ((json.is_array() ? json.back() : json)["seq"], samples_count - 1);
        }
}

TEST(LoadRequest, GzipIsWhatZlibReads) {
    RequestSpec spec = spec_of(sample, 50);
    spec.coding = ContentCoding::gzip;
    Source source(spec);
    for (int i = 0; i < 3; ++i) {
        const Parts parts = split(source.next());
        ASSERT_TRUE(
            parts.head.ends_with("Content-Encoding: gzip\r\nContent-Length: " + std::to_string(parts.body.size())));
        std::string plain(100'000, '\0');
        z_stream stream{};
        ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
        std::string body = parts.body;
        stream.next_in = reinterpret_cast<Bytef*>(body.data());
        stream.avail_in = static_cast<uInt>(body.size());
        stream.next_out = reinterpret_cast<Bytef*>(plain.data());
        stream.avail_out = static_cast<uInt>(plain.size());
        ASSERT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
        plain.resize(plain.size() - stream.avail_out);
        inflateEnd(&stream);
        EXPECT_EQ(nlohmann::json::parse(plain).size(), 50u);
    }
}

TEST(LoadRequest, UnknownFieldsAreRefused) {
    EXPECT_TRUE(parse_body_template(R"({"a":{foo}})").error().sentence.starts_with(R"("{foo}" is not known)"));
    for (const char* body : {"{nonsense}", "{float}", "{float:2:1}", "{float:a:b}", "{choice:}", "{ts:s}", "{seq:1}"})
        EXPECT_FALSE(parse_body_template(body)) << body;
    EXPECT_TRUE(parse_body_template(R"({"a":{},"b":{"c":1}} {A} {} { device})")->fields.empty());
}

TEST(LoadRequest, ABraceThatBeginsNoFieldStandsForItself) {
    for (const char* body :
         {"{seq", "{seq ", "{ts:ms", "{foo bar}", "{Seq}", "{seq2}", "{}", "{ seq}", R"({"seq":1})"}) {
        const auto parsed = parse_body_template(body);
        ASSERT_TRUE(parsed) << body;
        EXPECT_TRUE(parsed->fields.empty()) << body;
        EXPECT_EQ(parsed->literals.front(), body);
    }
}

TEST(LoadRequest, TwoBracesSendAWordInBraces) {
    const BodyTemplate graphql = *parse_body_template(R"({"query":"{user{{name}}","seq":{seq}} {{{device} {{)");
    ASSERT_EQ(graphql.fields.size(), 1u);
    EXPECT_EQ(graphql.literals[0], R"({"query":"{user{name}}","seq":)");
    EXPECT_EQ(graphql.literals[1], "} {{device} {{");
}

TEST(LoadRequest, ALiteralTemplateSendsItsTextAsItIs) {
    for (const char* text : {"", "plain", "slc_{seq}_x", "{{seq}", "{{{seq}}}", "{", "{foo", "a{choice:x|y}b{device}",
                             "{choice:{seq}", "{unknown}"}) {
        const auto parsed = parse_body_template(literal_template(text));
        ASSERT_TRUE(parsed) << text;
        EXPECT_TRUE(parsed->fields.empty()) << text;
        EXPECT_EQ(parsed->literals.front(), text);
    }
}

TEST(LoadRequest, ZipfPrefersTheFirst) {
    Devices devices(1000, 1.0, 0, 1);
    Random random(1);
    std::array<int, 1000> counts{};
    for (int i = 0; i < 100'000; ++i) ++counts[devices.number_of(devices.draw(random))];
    // The harmonic number of 1000 is 7.485.
    EXPECT_NEAR(counts[0], 100'000 / 7.485, 500);
    EXPECT_NEAR(counts[1], 50'000 / 7.485, 400);
}

// --- responses --------------------------------------------------------------------------------------

using Event = ResponseReader::Event;

// Reads `bytes` cut into pieces of `piece_bytes`; the events but need_more, with status and body length.
std::string events_of(const std::string& bytes, std::size_t piece_bytes, ResponseReader& reader) {
    ResponseState state;
    reader.start(state);
    std::string events;
    for (std::size_t begin = 0; begin < bytes.size(); begin += piece_bytes) {
        // A copy of its own size, so that a sanitizer sees any read behind it.
        const std::string piece = bytes.substr(begin, piece_bytes);
        const std::vector<char> exact(piece.begin(), piece.end());
        std::span<const char> rest(exact);
        while (!rest.empty()) {
            const auto result = reader.read(state, rest, false);
            rest = rest.subspan(result.consumed_bytes);
            if (result.event == Event::response)
                events +=
                    std::to_string(result.status) + (result.keeps_alive ? "+" : "-") + std::string(result.body) + " ";
            if (result.event == Event::interim) events += "interim" + std::to_string(result.status) + " ";
            if (result.event == Event::malformed) return events + "malformed";
            if (result.event == Event::too_large) return events + "too_large";
        }
    }
    return events;
}

TEST(LoadResponse, EverySplitGivesTheSameEvents) {
    const std::string plain = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";
    const std::string stream = plain + plain + "HTTP/1.1 100 Continue\r\n\r\n" +
                               "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
                               plain + "HTTP/1.1 204 No Content\r\n\r\n" + plain +
                               "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    const std::string expected = "200+hello 200+hello interim100 404+abc 200+hello 204+ 200+hello 200- ";
    for (std::size_t piece_bytes = 1; piece_bytes <= stream.size(); ++piece_bytes) {
        ResponseReader reader(true);
        ASSERT_EQ(events_of(stream, piece_bytes, reader), expected) << piece_bytes;
        ASSERT_EQ(events_of(stream, stream.size(), reader), expected)
            << "once the heads are known, after " << piece_bytes;
    }
}

TEST(LoadResponse, NamesTheLevelOfItsAcknowledgement) {
    const std::pair<std::string, std::optional<AckLevel>> cases[] = {
        {"Sluice-Ack: stored\r\n", AckLevel::stored},
        {"sluice-ack:\tqueued \r\n", AckLevel::queued},
        {"Sluice-Ack: none\r\n", AckLevel::none},
        {"Sluice-Ack: written\r\n", std::nullopt},
        {"", std::nullopt},
    };
    ResponseReader reader(false);
    for (const auto& [header, expected] : cases) {
        ResponseState state;
        reader.start(state);
        const std::string bytes = "HTTP/1.1 200 OK\r\n" + header + "Content-Length: 0\r\n\r\n";
        for (int known = 0; known < 2; ++known)  // the second time the head is known
            EXPECT_EQ(reader.read(state, bytes, false).ack, expected) << header << known;
    }
}

TEST(LoadResponse, AnInterimResponseEndsNoConnection) {
    const std::string stream =
        "HTTP/1.0 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    for (std::size_t piece_bytes = 1; piece_bytes <= stream.size(); ++piece_bytes) {
        ResponseReader reader(true);
        ASSERT_EQ(events_of(stream, piece_bytes, reader), "interim100 200+{} 200+ ") << piece_bytes;
    }
}

// OWS is space or tab, and empty elements of lists are none (RFC 9110 sections 5.6.1 and 5.6.3).
TEST(LoadResponse, HeadersThatSayWhereItEnds) {
    const std::pair<std::string, const char*> cases[] = {
        {"Content-Length: 5\t\r\n\r\nhello", "200+hello "},
        {"content-length:\t \t5 \t\r\n\r\nhello", "200+hello "},
        {"Content-Length: 5\r\nConnection: close\t\r\n\r\nhello", "200-hello "},
        {"Content-Length: 5\r\nConnection: x\r\nConnection:\tclose\t,y\r\n\r\nhello", "200-hello "},
        {"Content-Length: 5\r\nConnection: closed\r\nProxy-Connection: close\r\n\r\nhello", "200+hello "},
        {"Transfer-Encoding: chunked\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "200+hello "},
        {"Transfer-Encoding: , chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", "200+hello "},
        {"X-Content-Length: 9\r\nContent-Length-X: 9\r\nContent-Length: 5\r\n\r\nhello", "200+hello "},
        {"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "malformed"},
        {"Content-Length: 5,\r\n\r\nhello", "malformed"},
        {"Content-Length:\r\n\r\nhello", "malformed"},
        {"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "malformed"},
    };
    for (const auto& [rest, expected] : cases) {
        const std::string bytes = "HTTP/1.1 200 OK\r\n" + rest;
        for (std::size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
            ResponseReader reader(true);
            ASSERT_EQ(events_of(bytes, piece_bytes, reader), expected) << rest << " in pieces of " << piece_bytes;
        }
    }
}

TEST(LoadResponse, BrokenOnesAreNamed) {
    const std::pair<const char*, const char*> cases[] = {
        {"SSH-2.0-x\r\n", "malformed"},
        {"HTTP/1.1 20 OK\r\n\r\n", "malformed"},
        {"HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "malformed"},
    };
    for (const auto& [bytes, expected] : cases) {
        ResponseReader reader(false);
        EXPECT_EQ(events_of(bytes, 1000, reader), expected) << bytes;
        EXPECT_EQ(events_of(bytes, 1, reader), expected) << bytes;
    }
}

TEST(LoadResponse, TheEndOfTheStreamEndsABodyWithoutLength) {
    ResponseReader reader(true);
    ResponseState state;
    reader.start(state);
    const std::string bytes = "HTTP/1.1 200 OK\r\n\r\nhello";
    EXPECT_EQ(reader.read(state, bytes, false).event, Event::need_more);
    const auto end = reader.read_end(state);
    EXPECT_EQ(end.event, Event::response);
    EXPECT_EQ(end.body, "hello");
    EXPECT_FALSE(end.keeps_alive);

    reader.start(state);
    const std::string cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    EXPECT_EQ(reader.read(state, cut, false).event, Event::need_more);
    EXPECT_EQ(reader.read_end(state).event, Event::need_more);
}

// For each device, the connections of all threads that drew it, in 2,000 draws of each.
std::map<std::string, std::set<std::uint32_t>> connections_by_device(const RunPlan& plan) {
    std::map<std::string, std::set<std::uint32_t>> connections;
    for (std::uint32_t thread = 0; thread < plan.threads_count; ++thread) {
        RequestSource source(plan, thread);
        std::vector<char> out(source.bytes_max());
        for (std::uint32_t share = thread, slot = 0; share < plan.connections_count;
             share += plan.threads_count, ++slot)
            for (int i = 0; i < 2000; ++i) {
                RequestIdentity identity;
                const std::string request(out.data(), source.render(0, slot, out.data(), identity));
                connections[nlohmann::json::parse(split(request).body)["d"]].insert(share);
            }
    }
    return connections;
}

TEST(LoadRequest, WithALedgerADeviceKeepsToOneConnection) {
    RunPlan plan;
    plan.endpoints.emplace_back().body = R"({"d":"{device}","seq":{seq}})";
    plan.threads_count = 2;
    plan.connections_count = 7;
    plan.devices_count = 20;
    auto shared = connections_by_device(plan);
    EXPECT_EQ(shared.size(), 20u);
    for (const auto& [device, connections] : shared) EXPECT_GE(connections.size(), 3u) << device;

    for (const double zipf_exponent : {0.0, 1.1}) {
        plan.ledger_path = "a path";
        plan.zipf_exponent = zipf_exponent;
        auto own = connections_by_device(plan);
        EXPECT_EQ(own.size(), 20u);
        std::set<std::uint32_t> used;
        for (const auto& [device, connections] : own) {
            EXPECT_EQ(connections.size(), 1u) << device;
            used.insert(connections.begin(), connections.end());
        }
        EXPECT_EQ(used.size(), 7u);
    }
}

}  // namespace
}  // namespace sluice::load
