#include "tools/load/ledger/redis_samples.hpp"

#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/core/escape.hpp"
#include "engine/core/limits.hpp"
#include "engine/delivery/redis_settings.hpp"
#include "sinks/redis/link/blocking_client.hpp"
#include "sinks/redis/resp/error_class.hpp"
#include "tools/load/ledger/sample_mark.hpp"

namespace sluice::load {
namespace {

constexpr std::uint64_t timeout_ns = 10'000'000'000;  // of connecting, and of each reply
constexpr int page_entries_count = 1000;
constexpr int redirects_count_max = 4;  // of one command, while a cluster is changing
// Of the names that a sentence shows, and of the SCANs that look for them.
constexpr std::size_t keys_shown_max = 10;
constexpr int scans_count_max = 1000;

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

    // As the engine connects: by the same settings, which also ask sentinels.
    [[nodiscard]] bool connect(const config::Config& config) {
        const config::SinkUrl& url = config.sink.url;
        settings_ = url.kind == config::SinkKind::redis_sentinel ? sentinel_settings(config) : redis_settings(config);
        settings_.connect_timeout_ns = timeout_ns;
        if (url.kind == config::SinkKind::redis_cluster) return connect_to_one_of(servers_of(url));
        return connect_with(settings_);
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
            for (std::size_t i = 0; i < page->elements; ++i) take(mark_of_json(text_of(page->element[i])));
        }
    }

    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] const StoredSamples& stored() const { return stored_; }

  private:
    [[nodiscard]] bool fail(std::string_view why) {
        if (!error_.empty()) return false;
        error_ = "Redis" + (server_name_.empty() ? "" : " at " + server_name_) + ": ";
        error_ += why.substr(0, why.size() - (why.ends_with('.') ? 1 : 0));
        if (why.contains("NOAUTH "))
            error_ += "; --redis takes user and password, and so does the environment (see verify --help)";
        else if (!has_connected_) error_ += "; --redis says which Redis is asked";
        return false;
    }

    [[nodiscard]] bool connect_to(const std::string& host, std::uint16_t port) {
        sinks::RedisSettings settings = settings_;
        settings.host = host;
        settings.port = port;
        return connect_with(settings);
    }

    // The primary that sentinels name is known once they were asked; empty before.
    [[nodiscard]] std::string name_of(const sinks::RedisSettings& settings) const {
        if (settings.find_server) return client_->peer();
        if (!settings.path.empty()) return settings.path;
        return sinks::text_of(sinks::ServerAddress{settings.host, settings.port});
    }

    [[nodiscard]] bool connect_with(const sinks::RedisSettings& settings) {
        host_ = settings.host;
        client_ = std::make_unique<sinks::redis::BlockingClient>(settings);
        for (std::size_t i = 1;; ++i) {  // ends: the addresses are counted
            const bool is_of_use_now = client_->connect() && is_of_use();
            server_name_ = name_of(settings);
            if (is_of_use_now) break;
            if (i >= client_->addresses_count()) return fail(client_->failure());
        }
        has_connected_ = true;
        return true;
    }

    // Whether the server that is connected tells anything. If not, another address of its name may.
    [[nodiscard]] bool is_of_use() {
        const Reply reply = client_->ask(Command{"TYPE", "x"});
        if (reply == nullptr) return false;
        const bool is_useless = sinks::redis::is_error(*reply) && sinks::redis::is_of_no_use(text_of(reply.get()));
        if (is_useless) client_->leave(sinks::redis::printable(text_of(reply.get())));
        return !is_useless;
    }

    // Any node of a cluster will do: it tells who has a key.
    [[nodiscard]] bool connect_to_one_of(const std::vector<sinks::ServerAddress>& servers) {
        for (const sinks::ServerAddress& server : servers) {
            error_.clear();
            if (connect_to(server.host, server.port)) return true;
        }
        return false;
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
        EntryFields of_sample;
        std::string_view json, lines;
        for (std::size_t i = 0; i + 1 < fields.elements; i += 2) {
            const std::string_view name = text_of(fields.element[i]), value = text_of(fields.element[i + 1]);
            if (name == "device_id") of_sample.device = value;
            else if (name == "seq") of_sample.seq = value;
            else if (name == "values") of_sample.values = value;
            else if (name == "metadata") of_sample.metadata = value;
            else if (name == "json") json = value;
            else if (name == "ndjson") lines = value;
        }
        if (of_sample.device.empty() && !json.empty()) return take(mark_of_json(json));
        if (of_sample.device.empty() && !lines.empty()) return take_lines(lines);
        take(mark_of_fields(of_sample));
    }

    void take_lines(std::string_view lines) {
        while (!lines.empty()) {
            const std::size_t end = std::min(lines.find('\n'), lines.size());
            if (end != 0) take(mark_of_json(lines.substr(0, end)));
            lines.remove_prefix(std::min(end + 1, lines.size()));
        }
    }

    void take(const std::optional<SampleMark>& mark) {
        ++(mark ? stored_.samples_count : stored_.foreign_count);
        if (mark) take_(mark->device, mark->seq, keys_count_);
    }

    const TakeSample& take_;
    sinks::RedisSettings settings_;
    std::string host_;         // that is connected
    std::string server_name_;  // host:port, or the path of a socket
    bool has_connected_ = false;
    std::unique_ptr<sinks::redis::BlockingClient> client_;
    std::string error_;
    StoredSamples stored_;
    std::size_t keys_count_ = 0;  // read so far, with the one that is being read
};

// What one key, or one group of keys, turned out to be.
struct Found {
    bool exists = false;     // with samples, or with room for them
    std::string other_type;  // of a key of another kind, such as `hash`; empty: none
};

// Reads a key that is a stream or a list; false on an error.
bool read_key(Reader& reader, const std::string& key, Found& found) {
    const auto type = reader.type_of(key);
    if (!type) return false;
    if (*type == "none") return true;
    const bool is_stream = *type == "stream";
    if (!is_stream && *type != "list") {
        found.other_type = *type;
        return true;
    }
    found.exists = true;
    return is_stream ? reader.read_stream(key) : reader.read_list(key);
}

// The streams that engines with sink.redis.exactly_once own stand in a set.
bool read_owned_streams(Reader& reader, const std::string& stream, Found& found) {
    const std::string index = stream + ":streams";
    const auto type = reader.type_of(index);
    if (!type || *type != "set") return type.has_value();
    found.exists = true;
    const Reply keys = reader.ask({"SMEMBERS", index});
    if (keys == nullptr) return false;
    for (std::size_t i = 0; i < keys->elements; ++i)
        if (!read_key(reader, std::string(text_of(keys->element[i])), found)) return false;
    return true;
}

// The stream, its partitions and the streams that it owns.
bool read_streams(Reader& reader, const std::string& stream, Found& found) {
    if (!read_key(reader, stream, found)) return false;
    Found of_partition;
    // A partition to which no sample has come does not exist, so the numbers may have gaps.
    for (unsigned number = 0; number < limits::partitions_count_max; ++number)
        if (!read_key(reader, stream + ":{" + std::to_string(number) + "}", of_partition)) return false;
    found.exists = found.exists || of_partition.exists;
    return read_owned_streams(reader, stream, found);
}

// The names of the keys of one type, at most keys_shown_max. Of a cluster only those of the node that is connected.
std::vector<std::string> keys_of_type(Reader& reader, const std::string& type) {
    std::vector<std::string> keys;
    std::string cursor = "0";
    for (int page = 0; page < scans_count_max && keys.size() < keys_shown_max; ++page) {
        const Reply scanned = reader.ask({"SCAN", cursor, "COUNT", "1000", "TYPE", type});  // TYPE: Redis 6.0
        if (scanned == nullptr || scanned->elements != 2) return keys;
        cursor = std::string(text_of(scanned->element[0]));
        for (std::size_t i = 0; i < scanned->element[1]->elements && keys.size() < keys_shown_max; ++i)
            keys.push_back(quoted(text_of(scanned->element[1]->element[i]), limits::shown_bytes_max));
        if (cursor == "0") break;
    }
    return keys;
}

// "the streams "a", "b"", or "no stream".
std::string list_of(const std::vector<std::string>& keys, const std::string& noun) {
    if (keys.empty()) return "no " + noun;
    std::string text = "the " + noun + (keys.size() == 1 ? " " : "s ");
    for (std::size_t i = 0; i < keys.size(); ++i) text.append(i == 0 ? "" : ", ").append(keys[i]);
    return text + (keys.size() == keys_shown_max ? " and perhaps more" : "");
}

std::string missing(const std::string& noun, const std::string& key, const Found& found) {
    const std::string name = quoted(key, limits::shown_bytes_max);
    if (!found.other_type.empty()) return name + " is a " + found.other_type + " and no " + noun;
    return "there is no " + noun + " " + name;
}

// Why there is nothing to compare with, and what there is instead.
std::string nothing_there(Reader& reader, const SampleKeys& keys, const Found& stream, const Found& list) {
    std::string text = "Redis: ";
    if (!stream.exists && !(keys.is_list_given && !keys.is_stream_given))
        text += missing("stream", keys.stream, stream);
    if (!list.exists && !(keys.is_stream_given && !keys.is_list_given))
        text.append(text.ends_with(": ") ? "" : ", and ").append(missing("list", keys.list_key, list));
    return text + "; it holds " + list_of(keys_of_type(reader, "stream"), "stream") + " and " +
           list_of(keys_of_type(reader, "list"), "list");
}

}  // namespace

std::expected<StoredSamples, std::string> read_samples(const config::Config& config, const SampleKeys& keys,
                                                       const TakeSample& take) {
    Reader reader(take);
    Found stream, list;
    if (!reader.connect(config) || !read_streams(reader, keys.stream, stream) || !read_key(reader, keys.list_key, list))
        return std::unexpected(reader.error());
    const bool lacks_what_was_named = (keys.is_stream_given && !stream.exists) || (keys.is_list_given && !list.exists);
    if (lacks_what_was_named || (!stream.exists && !list.exists))
        return std::unexpected(nothing_there(reader, keys, stream, list));
    return reader.stored();
}

}  // namespace sluice::load
