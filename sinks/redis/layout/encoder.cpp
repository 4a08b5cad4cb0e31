#include "sinks/redis/layout/encoder.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "engine/core/check.hpp"
#include "engine/core/limits.hpp"
#include "sinks/redis/layout/partition.hpp"
#include "sinks/redis/resp/command.hpp"
#include "sinks/redis/resp/resp_writer.hpp"

namespace sluice::sinks {
namespace {

constexpr std::string_view member_prefix = "member.";

// Fields of the engine's own that a sample's member could be taken for.
template <bool has_tenants>
bool is_own_field(std::string_view name, const Sample& sample) {
    if constexpr (has_tenants)
        if (name == "tenant" && !sample.tenant.empty()) return true;
    return name == "ts" || name == "value_type";
}

// A number needs no word: most values are numbers.
bool has_value_type(const Sample& sample) {
    return sample.value_kind == ValueKind::boolean || sample.value_kind == ValueKind::string;
}

using redis::array_header_of;
using redis::bulk_of;

// The words that every XADD to one partition begins with, behind the array header. Where one of them changes (the
// entry's ID with exactly_once, the least ID that is kept with maxage), it stands between `resp` and `behind`.
struct StreamPrefix {
    std::string resp;
    std::string behind;  // empty: no word changes
    std::size_t words_count = 0;  // of both, and the one that changes

    void append(std::string_view words, const RedisLayoutSettings& settings) {
        (settings.instance.empty() && settings.maxage_ms == 0 ? resp : behind).append(words);
    }
};

std::size_t prefix_bytes_max(const StreamPrefix& prefix) {
    const std::size_t word_bytes = prefix.behind.empty() ? 0 : limits::entry_id_bytes_max + resp_overhead_bytes_max;
    return prefix.resp.size() + word_bytes + prefix.behind.size();
}

// The least entry ID that is kept with maxage: changes with the time. Redis' IDs begin with milliseconds.
class LeastId {
  public:
    explicit LeastId(const RedisLayoutSettings& settings) : maxage_ms_(settings.maxage_ms), wall_ms_(settings.wall_ms) {
        CHECK(maxage_ms_ == 0 || (wall_ms_ != nullptr && settings.maxlen_count == 0 && settings.instance.empty()));
    }
    [[nodiscard]] bool is_wanted() const { return maxage_ms_ != 0; }
    // Once a batch: reads the clock.
    void update() {
        const std::uint64_t now_ms = wall_ms_();
        const auto end =
            std::to_chars(text_.data(), text_.data() + text_.size(), now_ms - std::min(now_ms, maxage_ms_));
        text_bytes_ = static_cast<std::size_t>(end.ptr - text_.data());
    }
    [[nodiscard]] std::string_view text() const { return {text_.data(), text_bytes_}; }

  private:
    const std::uint64_t maxage_ms_;
    std::uint64_t (*const wall_ms_)();
    std::array<char, 20> text_{};  // the digits of any 64-bit number
    std::size_t text_bytes_ = 0;
};
static_assert(limits::entry_id_bytes_max >= 20, "prefix_bytes_max() counts an entry ID");

StreamPrefix stream_prefix(const RedisLayoutSettings& settings, const std::string& stream) {
    CHECK(!stream.empty() && stream.size() <= limits::stream_name_bytes_max);
    StreamPrefix prefix{bulk_of("XADD") + bulk_of(stream), {}, 2};
    if (settings.maxlen_count > 0) {
        prefix.resp += bulk_of("MAXLEN") + bulk_of("~") + bulk_of(std::to_string(settings.maxlen_count));
        prefix.words_count += 3;
    }
    if (settings.maxage_ms > 0) {
        prefix.resp += bulk_of("MINID") + bulk_of("~");
        prefix.words_count += 3;
    }
    if (settings.instance.empty()) prefix.append(bulk_of("*"), settings);
    prefix.words_count += 1;
    return prefix;
}

std::vector<StreamPrefix> stream_prefixes(const RedisLayoutSettings& settings) {
    CHECK(settings.partitions_count >= 1 && settings.partitions_count <= limits::partitions_count_max);
    std::vector<StreamPrefix> prefixes;
    for (const std::string& key : keys_of_partitions(settings)) prefixes.push_back(stream_prefix(settings, key));
    return prefixes;
}

void record_timestamp(Batch& batch, std::int64_t timestamp_ns) {
    const bool is_first = batch.sample_count() == 0;
    batch.first_timestamp_ns = is_first ? timestamp_ns : std::min(batch.first_timestamp_ns, timestamp_ns);
    batch.last_timestamp_ns = is_first ? timestamp_ns : std::max(batch.last_timestamp_ns, timestamp_ns);
}

// Of keys_of_partitions(): which one a sample goes to.
std::uint32_t key_index_of(const Sample& sample, std::uint32_t partitions_count) {
    return sample.stream_index * partitions_count + partition_of(sample.device_id, partitions_count);
}

// Of one stream.
std::uint32_t partitions_count_of(const RedisLayoutSettings& settings) {
    return settings.layout == RedisLayout::list ? 1 : settings.partitions_count;
}

// What the layouts of one command a sample share: one lane, or one a partition, and whether a command fits. Without
// tenants a sample's tenant and stream are not looked at, so they cost nothing.
template <bool has_tenants>
class CommandEncoder : public Encoder {
  public:
    [[nodiscard]] std::uint32_t lane_count() const final { return lanes_count_; }
    [[nodiscard]] std::uint32_t lane_of(const Sample& sample) const final {
        return lanes_count_ == 1 ? 0 : key_index(sample);
    }
    [[nodiscard]] bool lanes_are_independent() const final { return lanes_count_ > 1; }
    void use_streams(std::span<const std::string> streams) final {
        CHECK(has_tenants && lanes_count_ == 1);
        settings_.tenant_streams.assign(streams.begin(), streams.end());
        prefixes_ = make_prefixes_(settings_);
    }
    void seal(Batch&) final {}

  protected:
    using MakePrefixes = std::vector<StreamPrefix> (*)(const RedisLayoutSettings& settings);

    CommandEncoder(const RedisLayoutSettings& settings, MakePrefixes make_prefixes)
        : settings_(settings),
          make_prefixes_(make_prefixes),
          prefixes_(make_prefixes(settings)),
          partitions_count_(partitions_count_of(settings)),
          lanes_count_(settings.has_lane_per_partition ? static_cast<std::uint32_t>(prefixes_.size()) : 1),
          least_id_(settings) {}

    [[nodiscard]] const StreamPrefix& prefix_of(const Sample& sample) const {
        const std::uint32_t index = key_index(sample);
        if constexpr (has_tenants) CHECK(index < prefixes_.size());
        return prefixes_[index];
    }

    // `batch`: as it is before `sample` is written into it.
    void write_prefix(RespWriter& writer, const StreamPrefix& prefix, const Batch& batch, const Sample& sample) {
        writer.raw(prefix.resp);
        if (prefix.behind.empty()) return;
        if (least_id_.is_wanted() && batch.empty()) least_id_.update();
        writer.bulk(least_id_.is_wanted() ? least_id_.text() : sample.entry_id);
        writer.raw(prefix.behind);
    }

    [[nodiscard]] static bool fits(Batch& batch, std::size_t bytes_max) {
        return bytes_max <= batch.room().size() && batch.command_count() < limits::batch_commands_count_max;
    }
    static void commit(Batch& batch, const Sample& sample, std::size_t bytes) {
        record_timestamp(batch, sample.timestamp_ns);
        batch.commit(bytes, 1, 1);
    }

  private:
    [[nodiscard]] std::uint32_t key_index(const Sample& sample) const {
        if constexpr (has_tenants) return key_index_of(sample, partitions_count_);
        else return partition_of(sample.device_id, partitions_count_);
    }

    RedisLayoutSettings settings_;
    const MakePrefixes make_prefixes_;
    std::vector<StreamPrefix> prefixes_;  // by key
    const std::uint32_t partitions_count_;
    const std::uint32_t lanes_count_;
    LeastId least_id_;
};

std::vector<StreamPrefix> fields_prefixes(const RedisLayoutSettings& settings) {
    std::vector<StreamPrefix> prefixes = stream_prefixes(settings);
    for (StreamPrefix& prefix : prefixes) prefix.append(bulk_of("device_id"), settings);
    return prefixes;
}

template <bool has_tenants>
class FieldsEncoder final : public CommandEncoder<has_tenants> {
  public:
    explicit FieldsEncoder(const RedisLayoutSettings& settings)
        : CommandEncoder<has_tenants>(settings, fields_prefixes) {}

    [[nodiscard]] bool needs_raw() const override { return false; }

    [[nodiscard]] bool append(Batch& batch, const Sample& sample) override {
        const StreamPrefix& prefix = this->prefix_of(sample);
        if (!this->fits(batch, bytes_max(prefix, sample))) return false;
        RespWriter writer(batch.room().data());
        writer.array_header(prefix.words_count + 2 * fields_count(sample));
        this->write_prefix(writer, prefix, batch, sample);
        writer.bulk(sample.device_id);
        writer.raw("$2\r\nts\r\n");
        writer.bulk(sample.timestamp_ns);
        write_measurement(writer, sample);
        write_optional(writer, sample);
        this->commit(batch, sample, writer.size());
        return true;
    }

  private:
    // Rendered names of the fields below, and the longest of them.
    static constexpr std::size_t name_bytes_max = sizeof("$10\r\nvalue_type\r\n");
    static constexpr std::size_t fixed_fields_count_max = 9;

    static std::size_t fields_count(const Sample& sample) {
        std::size_t count = 2 + sample.others.size();
        count += 1;  // value or values
        count += sample.type.empty() ? 0 : 1;
        count += sample.unit.empty() ? 0 : 1;
        count += sample.priority == Priority::none ? 0 : 1;
        count += sample.metadata.empty() ? 0 : 1;
        count += has_value_type(sample) ? 1 : 0;
        if constexpr (has_tenants) count += sample.tenant.empty() ? 0 : 1;
        return count;
    }

    static std::size_t bytes_max(const StreamPrefix& prefix, const Sample& sample) {
        std::size_t bytes = prefix_bytes_max(prefix) + resp_overhead_bytes_max;
        bytes += fixed_fields_count_max * (name_bytes_max + resp_overhead_bytes_max) + 20;
        bytes += sample.device_id.size() + sample.type.size() + sample.value.size() + sample.unit.size();
        bytes += sample.values.size() + sample.metadata.size();
        if constexpr (has_tenants) bytes += sample.tenant.size();
        for (const Member& other : sample.others)
            bytes += other.name.size() + other.value.size() + member_prefix.size() + other_overhead_bytes_max;
        return bytes;
    }

    static void write_measurement(RespWriter& writer, const Sample& sample) {
        if (!sample.type.empty()) {
            writer.raw("$4\r\ntype\r\n");
            writer.bulk(sample.type);
        }
        if (!sample.values.empty()) {
            writer.raw("$6\r\nvalues\r\n");
            writer.bulk(sample.values);
        } else {
            writer.raw("$5\r\nvalue\r\n");
            writer.bulk(sample.value);
        }
        if (sample.unit.empty()) return;
        writer.raw("$4\r\nunit\r\n");
        writer.bulk(sample.unit);
    }

    static void write_optional(RespWriter& writer, const Sample& sample) {
        if (sample.priority != Priority::none) {
            writer.raw("$8\r\npriority\r\n");
            writer.bulk(name_of(sample.priority));
        }
        if (!sample.metadata.empty()) {
            writer.raw("$8\r\nmetadata\r\n");
            writer.bulk(sample.metadata);
        }
        if (has_value_type(sample)) {
            writer.raw("$10\r\nvalue_type\r\n");
            writer.bulk(name_of(sample.value_kind));
        }
        if (has_tenants && !sample.tenant.empty()) {
            writer.raw("$6\r\ntenant\r\n");
            writer.bulk(sample.tenant);
        }
        for (const Member& other : sample.others) {
            const bool is_prefixed =
                is_own_field<has_tenants>(other.name, sample) || other.name.starts_with(member_prefix);
            writer.bulk(is_prefixed ? member_prefix : std::string_view{}, other.name);
            writer.bulk(other.value);
        }
    }

    // `$<up to 5 digits>\r\n…\r\n` for name and value; a sample's texts are shorter than 100,000 bytes.
    static constexpr std::size_t other_overhead_bytes_max = 20;
    static_assert(limits::sample_bytes_max < 100'000);
    static_assert(other_overhead_bytes_max + member_prefix.size() <= 32,
                  "limits::encoding_overhead_bytes_max counts 32");
    static_assert(resp_overhead_bytes_max + fixed_fields_count_max * (name_bytes_max + resp_overhead_bytes_max) + 20 <
                      limits::kib - 128,
                  "limits::encoding_overhead_bytes_max counts 1 KiB for the command's own words");
};

// `json` and `list`: constant words, then the sample as it came.
template <bool has_tenants>
class RawEncoder final : public CommandEncoder<has_tenants> {
  public:
    RawEncoder(const RedisLayoutSettings& settings, typename CommandEncoder<has_tenants>::MakePrefixes make_prefixes)
        : CommandEncoder<has_tenants>(settings, make_prefixes) {}

    [[nodiscard]] bool append(Batch& batch, const Sample& sample) override {
        const StreamPrefix& prefix = this->prefix_of(sample);
        if (!this->fits(batch, prefix_bytes_max(prefix) + sample.raw.size() + resp_overhead_bytes_max)) return false;
        RespWriter writer(batch.room().data());
        this->write_prefix(writer, prefix, batch, sample);
        writer.bulk(sample.raw);
        this->commit(batch, sample, writer.size());
        return true;
    }
};

class PackedEncoder final : public Encoder {
  public:
    explicit PackedEncoder(const RedisLayoutSettings& settings)
        : prefixes_(stream_prefixes(settings)),
          partitions_count_(settings.partitions_count),
          has_independent_lanes_(settings.has_lane_per_partition),
          least_id_(settings) {}

    [[nodiscard]] std::uint32_t lane_count() const override { return static_cast<std::uint32_t>(prefixes_.size()); }
    [[nodiscard]] std::uint32_t lane_of(const Sample& sample) const override {
        return key_index_of(sample, partitions_count_);
    }
    [[nodiscard]] bool is_one_command_per_batch() const override { return true; }
    [[nodiscard]] bool lanes_are_independent() const override { return has_independent_lanes_; }

    [[nodiscard]] bool append(Batch& batch, const Sample& sample) override {
        const std::span<char> room = batch.room();
        const std::size_t line_bytes = sample.raw.size() + 1;
        if (line_bytes + line_end.size() > room.size()) return false;
        sample.raw.copy(room.data(), sample.raw.size());
        room[sample.raw.size()] = '\n';
        record_timestamp(batch, sample.timestamp_ns);
        batch.commit(line_bytes, 0, 1);
        return true;
    }

    void seal(Batch& batch) override {
        CHECK(batch.lane < prefixes_.size());
        std::array<char, limits::batch_headroom_bytes> header;
        RespWriter writer(header.data());
        writer.array_header(prefixes_[batch.lane].words_count + 8);
        writer.raw(prefixes_[batch.lane].resp);
        if (least_id_.is_wanted()) {
            least_id_.update();
            writer.bulk(least_id_.text());
            writer.raw(prefixes_[batch.lane].behind);
        }
        writer.raw("$1\r\nn\r\n");
        writer.bulk(std::int64_t{batch.sample_count()});
        writer.raw("$8\r\nfirst_ts\r\n");
        writer.bulk(batch.first_timestamp_ns);
        writer.raw("$7\r\nlast_ts\r\n");
        writer.bulk(batch.last_timestamp_ns);
        writer.raw("$6\r\nndjson\r\n");
        writer.bulk_header(batch.bytes().size());
        batch.prepend({header.data(), writer.size()});
        line_end.copy(batch.room().data(), line_end.size());
        batch.commit(line_end.size(), 1, 0);
    }

  private:
    static constexpr std::string_view line_end = "\r\n";
    // Stream name and MAXLEN or MINID with 20 digits, 10 words of at most 8 bytes or 20 digits, each with its prefix.
    static_assert(limits::stream_name_bytes_max + 20 + 14 * resp_overhead_bytes_max + 3 * 20 + 40 <=
                  limits::batch_headroom_bytes);

    std::vector<StreamPrefix> prefixes_;
    const std::uint32_t partitions_count_;
    const bool has_independent_lanes_;
    LeastId least_id_;
};

std::vector<StreamPrefix> json_prefixes(const RedisLayoutSettings& settings) {
    std::vector<StreamPrefix> prefixes = stream_prefixes(settings);
    for (StreamPrefix& prefix : prefixes) {
        prefix.resp.insert(0, array_header_of(prefix.words_count + 2));
        prefix.append(bulk_of("json"), settings);
    }
    return prefixes;
}

std::vector<StreamPrefix> list_prefixes(const RedisLayoutSettings& settings) {
    std::vector<StreamPrefix> prefixes;
    for (const std::string& key : keys_of_partitions(settings)) {
        CHECK(!key.empty() && key.size() <= limits::stream_name_bytes_max);
        prefixes.push_back({array_header_of(3) + bulk_of("RPUSH") + bulk_of(key), {}, 3});
    }
    return prefixes;
}

}  // namespace

std::string stream_key(const RedisLayoutSettings& settings, std::uint32_t partition) {
    return stream_key(settings, settings.stream, partition);
}

std::string stream_key(const RedisLayoutSettings& settings, std::string_view stream, std::uint32_t partition) {
    const bool is_owned = !settings.instance.empty();
    std::string key(stream);
    if (settings.partitions_count > 1 || is_owned) key += ":{" + std::to_string(partition) + "}";
    if (is_owned) key += ":" + settings.instance;
    return key;
}

std::vector<std::string> keys_of_partitions(const RedisLayoutSettings& settings) {
    const bool is_list = settings.layout == RedisLayout::list;
    std::vector<std::string> keys;
    const auto add = [&](const std::string& name) {
        if (is_list) return keys.push_back(name);
        for (std::uint32_t partition = 0; partition < settings.partitions_count; ++partition)
            keys.push_back(stream_key(settings, name, partition));
    };
    add(is_list ? settings.list_key : settings.stream);
    for (const std::string& stream : settings.tenant_streams) add(stream);
    return keys;
}

namespace {

template <bool has_tenants>
std::unique_ptr<Encoder> make_encoder_of(const RedisLayoutSettings& settings) {
    switch (settings.layout) {
        case RedisLayout::fields: return std::make_unique<FieldsEncoder<has_tenants>>(settings);
        case RedisLayout::json: return std::make_unique<RawEncoder<has_tenants>>(settings, json_prefixes);
        case RedisLayout::list: return std::make_unique<RawEncoder<has_tenants>>(settings, list_prefixes);
        case RedisLayout::packed: return std::make_unique<PackedEncoder>(settings);
    }
    return nullptr;
}

}  // namespace

std::unique_ptr<Encoder> make_redis_encoder(const RedisLayoutSettings& settings) {
    CHECK(settings.has_tenants || settings.tenant_streams.empty());
    CHECK(settings.instance.empty() || settings.layout == RedisLayout::fields || settings.layout == RedisLayout::json);
    return settings.has_tenants ? make_encoder_of<true>(settings) : make_encoder_of<false>(settings);
}

}  // namespace sluice::sinks
