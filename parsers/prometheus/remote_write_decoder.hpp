// RemoteWriteDecoder: Prometheus remote write in, Samples out. The messages are prometheus.WriteRequest (remote write
// 1.0) and io.prometheus.write.v2.Request (2.0), field numbers in the .cpp.
//
// Each sample and each native histogram of a series, and the exemplars of a series without them, are a record: __name__
// is its type, one of the labels its device, the other labels its metadata (docs/formats.md has the table). A series
// whose labels are bad refuses its own records; a body that is not that message is refused whole.
//
// A series is read twice, since its labels may stand behind its samples: first for labels, exemplars and metadata, then
// for samples. Labels of 1.0 that came before are not read again (LabelCache). offset() is the begin of the series. The
// thread of its owner.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/core/lazy_array.hpp"
#include "engine/core/limits.hpp"
#include "engine/core/sample_mapping.hpp"
#include "parsers/canonical_record.hpp"
#include "parsers/decoder.hpp"
#include "parsers/json_writer.hpp"
#include "parsers/prometheus/label_cache.hpp"
#include "parsers/protobuf/wire.hpp"

namespace sluice::parsers {

enum class RemoteWriteVersion : Dialect { v1, v2 };

class RemoteWriteDecoder final : public Decoder {
  public:
    // Of the table of 2.0; so many entries of 24 bytes are kept.
    static constexpr std::size_t symbols_count_max = 65'536;
    // Of a series; more are left out, and are not looked at.
    static constexpr std::size_t exemplars_count_max = 16;
    // As JSON, of a series.
    static constexpr std::size_t exemplars_bytes_max = 4 * limits::kib;

    explicit RemoteWriteDecoder(const SampleMapping& mapping = {});
    ~RemoteWriteDecoder() override = default;
    RemoteWriteDecoder(const RemoteWriteDecoder&) = delete;
    RemoteWriteDecoder& operator=(const RemoteWriteDecoder&) = delete;

    void start(std::string_view body, Dialect dialect, const DecodeOptions& options) override;
    [[nodiscard]] Step next() override;
    [[nodiscard]] const Sample& sample() const override { return sample_; }
    [[nodiscard]] Refusal refusal() const override { return refusal_; }
    [[nodiscard]] std::uint32_t record_index() const override { return records_count_ - 1; }
    [[nodiscard]] std::size_t offset() const override { return static_cast<std::size_t>(told_ - body_.data()); }
    [[nodiscard]] bool is_single() const override { return false; }
    [[nodiscard]] Kinds kinds() const override { return kinds_; }

  private:
    using Fault = std::optional<Refusal>;
    enum class Reading : std::uint8_t { symbols, request, labels, samples };
    // Of a series; only what has a length.
    enum class Part : std::uint8_t { other, labels, sample, histogram, exemplar, metadata };
    struct Symbol {
        std::string_view text;
        bool is_plain = false;  // is_plain_json(); looked at once, although many series name it
    };
    struct Label {
        std::string_view name, value;
        bool is_plain = false;  // both are
    };
    struct Times {
        std::int64_t timestamp_ms = 0;
        std::int64_t start_ms = 0;  // when a counter was reset last; 0: not told
    };

    [[nodiscard]] Step refuse_body();
    [[nodiscard]] std::optional<Step> read_symbols();
    [[nodiscard]] std::optional<Step> read_request();
    [[nodiscard]] std::optional<Step> read_labels();
    [[nodiscard]] std::optional<Step> end_labels();
    [[nodiscard]] Part part_of(const WireField& field) const;
    [[nodiscard]] std::optional<Step> read_samples();

    void begin_series(std::string_view series);
    void clear_series();
    void find_known_labels();
    void take_part(Part part, const WireField& field);
    void take_label(std::string_view message);
    void take_refs(std::string_view packed);
    [[nodiscard]] Label label_of(std::string_view message);
    void take_ref(std::uint64_t symbol_index);
    void add_label(const Label& label);
    [[nodiscard]] bool is_known(std::string_view name);
    void take_metadata(std::string_view message);
    void take_exemplar(std::string_view message);
    [[nodiscard]] bool write_exemplar(std::string_view message);
    void complete_labels();
    void use_known_labels();
    void keep_labels();
    // Null: there is none.
    [[nodiscard]] const Symbol* symbol(std::uint64_t symbol_index) const;

    [[nodiscard]] Step take_sample(std::string_view message);
    [[nodiscard]] Step take_histogram(std::string_view message);
    [[nodiscard]] std::optional<Step> take_lone_exemplars();
    void begin_record();
    [[nodiscard]] Step give(Fault fault, const Times& times);
    [[nodiscard]] Fault complete(const Times& times);
    [[nodiscard]] bool write_record();
    void write_kind(std::int64_t start_ms);
    void add_other(std::string_view name, std::string_view json);

    const std::vector<std::string> device_labels_;  // the best one first
    std::string_view body_;
    RemoteWriteVersion version_ = RemoteWriteVersion::v1;
    WireReader request_;
    Reading reading_ = Reading::request;
    int fields_left_count_ = 0;  // until the clock is looked at
    bool is_malformed_ = false;  // a message within a series
    const char* told_ = nullptr;  // see offset()
    std::uint32_t records_count_ = 0;
    Refusal refusal_{};
    Sample sample_;
    Kinds kinds_;
    LazyArray<Symbol> symbols_{symbols_count_max};
    std::size_t symbols_count_ = 0;
    LabelCache known_;

    // --- of the series that is being read --------------------------------------------------------------
    std::string_view series_;
    WireReader parts_;
    const char* records_begin_ = nullptr;  // of its first sample or histogram; null: none was met
    std::string_view front_;  // the labels in front of all else, as they came; of 1.0
    bool has_known_labels_ = false;  // those of front_
    bool has_split_labels_ = false;  // some stand behind front_
    LabelCache::Labels found_;
    Fault fault_;  // of its labels: of each of its records, then
    std::string_view name_;
    std::string_view device_;
    std::size_t device_rank_ = 0;  // of its label; as many as there are: none
    std::array<std::string_view, limits::members_count_max> names_;  // of its labels
    std::size_t labels_count_ = 0;
    std::string_view greatest_name_;
    std::uint32_t labels_seen_count_ = 0;
    const Symbol* open_name_ = nullptr;  // of a label whose value comes with the next reference
    bool has_samples_ = false, has_histograms_ = false;  // of 2.0
    std::string_view kind_;  // of 2.0's metadata
    std::string_view unit_;
    std::uint32_t exemplars_count_ = 0;
    std::uint32_t exemplars_tried_count_ = 0;
    double first_exemplar_value_ = 0;
    std::int64_t first_exemplar_ms_ = 0;
    std::string_view metadata_json_;
    JsonWriter metadata_;
    JsonWriter exemplars_;

    // --- of a record -------------------------------------------------------------------------------------
    std::array<Member, 4> others_;
    std::size_t others_count_ = 0;
    JsonWriter value_;
    JsonWriter kept_;  // the texts of others_
    CanonicalRecord record_;
};

}  // namespace sluice::parsers
