#include "tools/load/ledger/redis_samples.hpp"

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/core/limits.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/resp/reply.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t timeout_ns = 10'000'000'000;  // of connecting, and of each reply
constexpr int page_entries_count = 1000;
constexpr int redirects_count_max = 4;  // of one command, while a cluster is changing

using sinks::redis::Command;
using sinks::redis::Reply;

std::string_view text_of(const redisReply* reply) { return sinks::redis::text_of(*reply); }

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
    Number number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

class Reader {
  public:
    explicit Reader(const TakeSample& take) : take_(take) {}

    [[nodiscard]] bool connect(const config::SinkUrl& url) {
        url_ = url;
        switch (url.kind) {
            case config::SinkKind::redis_cluster: return connect_to_one_of(url.servers);
            case config::SinkKind::redis_sentinel: return connect_to_primary();
            default: return connect_to(url.host, url.port);
        }
    }

    // Nothing on an error: error() tells which.
    [[nodiscard]] Reply ask(const Command& command) {
        for (int redirects = 0;; ++redirects) {  // ends: after redirects_count_max
            Reply reply = client_->is_connected() ? client_->ask(command) : nullptr;
            if (reply == nullptr) static_cast<void>(fail(client_->failure()));
            if (reply == nullptr || !sinks::redis::is_error(*reply)) return reply;
            const std::string error(text_of(reply.get()));
            if (redirects < redirects_count_max && error.starts_with("MOVED ") && follow(error)) continue;
            static_cast<void>(fail(error));
            return nullptr;
        }
    }

    // `stream`, `list`, or `none`; nothing on an error.
    [[nodiscard]] std::optional<std::string> type_of(const std::string& key) {
        const Reply reply = ask({"TYPE", key});
        if (reply == nullptr) return std::nullopt;
        return std::string(text_of(reply.get()));
    }

    [[nodiscard]] bool read_stream(const std::string& key) {
        ++keys_count_;
        std::string begin = "-";
        while (true) {
            const Reply page = ask({"XRANGE", key, begin, "+", "COUNT", std::to_string(page_entries_count)});
            if (page == nullptr) return false;
            if (page->elements == 0) return true;
            for (std::size_t i = 0; i < page->elements; ++i) {
                const redisReply* const entry = page->element[i];
                begin = "(" + std::string(text_of(entry->element[0]));  // exclusive, Redis 6.2
                take_entry(*entry->element[1]);
            }
        }
    }

    [[nodiscard]] bool read_list(const std::string& key) {
        ++keys_count_;
        for (std::uint64_t first = 0;; first += page_entries_count) {
            const Reply page =
                ask({"LRANGE", key, std::to_string(first), std::to_string(first + page_entries_count - 1)});
            if (page == nullptr) return false;
            if (page->elements == 0) return true;
            for (std::size_t i = 0; i < page->elements; ++i) take_json(text_of(page->element[i]));
        }
    }

    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] const StoredSamples& stored() const { return stored_; }

  private:
    [[nodiscard]] bool fail(std::string_view why) {
        if (error_.empty()) error_ = "Redis: " + std::string(why);
        return false;
    }

    [[nodiscard]] bool connect_to(const std::string& host, std::uint16_t port) {
        host_ = host;
        sinks::RedisSettings settings = settings_of(host, port);
        settings.path = url_.path;
        settings.user = url_.user;
        settings.password = url_.password;
        settings.db = url_.db;
        return connect_with(settings);
    }

    [[nodiscard]] static sinks::RedisSettings settings_of(const std::string& host, std::uint16_t port) {
        sinks::RedisSettings settings;
        settings.host = host;
        settings.port = port;
        settings.connect_timeout_ns = timeout_ns;
        return settings;
    }

    [[nodiscard]] bool connect_with(const sinks::RedisSettings& settings) {
        client_ = std::make_unique<sinks::redis::BlockingClient>(settings);
        return client_->connect() || fail(client_->failure());
    }

    // Any node of a cluster will do: it tells who has a key.
    [[nodiscard]] bool connect_to_one_of(const std::vector<config::ServerAddress>& servers) {
        for (const config::ServerAddress& server : servers) {
            error_.clear();
            if (connect_to(server.address, server.port)) return true;
        }
        return false;
    }

    [[nodiscard]] bool connect_to_primary() {
        for (const config::ServerAddress& sentinel : url_.servers) {
            error_.clear();
            if (!connect_with(settings_of(sentinel.address, sentinel.port))) continue;
            const Reply primary = ask({"SENTINEL", "get-master-addr-by-name", url_.master});
            if (primary == nullptr || primary->elements != 2) continue;
            const auto port = number_of<std::uint16_t>(text_of(primary->element[1]));
            if (port && connect_to(std::string(text_of(primary->element[0])), *port)) return true;
        }
        return fail("no sentinel names a primary that answers");
    }

    // `MOVED <slot> <host>:<port>`; without a host it is the one that was asked.
    [[nodiscard]] bool follow(const std::string& moved) {
        const std::size_t space = moved.rfind(' '), colon = moved.rfind(':');
        if (colon == std::string::npos || colon < space) return false;
        const std::string host = moved.substr(space + 1, colon - space - 1);
        const auto port = number_of<std::uint16_t>(std::string_view(moved).substr(colon + 1));
        return port && connect_to(host.empty() ? std::string(host_) : host, *port);
    }

    // A sample may have a member that is named like a field of another layout; those have no device_id.
    void take_entry(const redisReply& fields) {
        std::string_view device, seq, json, lines;
        for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
            const std::string_view name = text_of(fields.element[i]), value = text_of(fields.element[i + 1]);
            if (name == "device_id") device = value;
            else if (name == "seq") seq = value;
            else if (name == "json") json = value;
            else if (name == "ndjson") lines = value;
        }
        if (device.empty() && !json.empty()) return take_json(json);
        if (device.empty() && !lines.empty()) return take_lines(lines);
        const auto number = number_of<std::uint64_t>(seq);
        if (device.empty() || !number) {
            ++stored_.foreign_count;
            return;
        }
        take(std::string(device), *number);
    }

    void take_lines(std::string_view lines) {
        while (!lines.empty()) {
            const std::size_t end = std::min(lines.find('\n'), lines.size());
            if (end != 0) take_json(lines.substr(0, end));
            lines.remove_prefix(std::min(end + 1, lines.size()));
        }
    }

    void take_json(std::string_view text) {
        const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
        const bool is_ours = json.is_object() && json.contains("device_id") && json["device_id"].is_string() &&
                             json.contains("seq") && json["seq"].is_number_unsigned();
        if (!is_ours) {
            ++stored_.foreign_count;
            return;
        }
        take(json["device_id"].get<std::string>(), json["seq"].get<std::uint64_t>());
    }

    void take(const std::string& device, std::uint64_t seq) {
        ++stored_.samples_count;
        take_(device, seq, keys_count_);
    }

    const TakeSample& take_;
    config::SinkUrl url_;
    std::string host_;  // that is connected
    std::unique_ptr<sinks::redis::BlockingClient> client_;
    std::string error_;
    StoredSamples stored_;
    std::size_t keys_count_ = 0;  // read so far, with the one that is being read
};

// Reads a key of whatever type it has; false on an error. `exists` tells whether it is there.
bool read_key(Reader& reader, const std::string& key, bool& exists) {
    const auto type = reader.type_of(key);
    if (!type) return false;
    exists = *type != "none";
    if (*type == "stream") return reader.read_stream(key);
    if (*type == "list") return reader.read_list(key);
    return true;
}

// The streams that engines with sink.redis.exactly_once own stand in a set.
bool read_owned_streams(Reader& reader, const std::string& stream) {
    const std::string index = stream + ":streams";
    const auto type = reader.type_of(index);
    if (!type || *type != "set") return type.has_value();
    const Reply keys = reader.ask({"SMEMBERS", index});
    if (keys == nullptr) return false;
    bool exists = true;
    for (std::size_t i = 0; i < keys->elements; ++i)
        if (!read_key(reader, std::string(text_of(keys->element[i])), exists)) return false;
    return true;
}

}  // namespace

std::expected<StoredSamples, std::string> read_samples(const config::SinkUrl& url, const std::string& stream,
                                                       const std::string& list_key, const TakeSample& take) {
    Reader reader(take);
    bool exists = true;
    bool is_read = reader.connect(url) && read_key(reader, stream, exists) && read_key(reader, list_key, exists);
    exists = true;
    // A partition to which no sample has come does not exist, so the numbers may have gaps.
    for (unsigned number = 0; is_read && number < limits::partitions_count_max; ++number)
        is_read = read_key(reader, stream + ":{" + std::to_string(number) + "}", exists);
    if (is_read) is_read = read_owned_streams(reader, stream);
    if (!is_read) return std::unexpected(reader.error());
    return reader.stored();
}

}  // namespace sluice::load
