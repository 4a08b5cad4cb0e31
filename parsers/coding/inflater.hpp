// Inflater: gzip and deflate. Short bodies by libdeflate, which is two to three times as fast as zlib and needs the
// whole text's room at once; others by zlib, which can be interrupted. The thread of its owner.
#pragma once

#include <memory>

#include "parsers/coding/decompressor.hpp"

namespace sluice::parsers {

class Inflater final : public Decompressor {
  public:
    // `coding`: gzip or deflate.
    explicit Inflater(ContentCoding coding);
    ~Inflater() override;

    void start(std::string_view body) override;
    [[nodiscard]] Promise promise() const override;
    [[nodiscard]] Progress step(std::span<char> text, std::size_t written_bytes) override;

  private:
    struct Libraries;
    enum class Wrapper : std::uint8_t { gzip, zlib, none };

    [[nodiscard]] bool begin_member();
    [[nodiscard]] bool fits_one_call(std::size_t room_bytes) const;
    [[nodiscard]] Progress at_once(std::span<char> text, std::size_t written_bytes);
    [[nodiscard]] Progress in_parts(std::span<char> text, std::size_t written_bytes);
    [[nodiscard]] State end_of_member();

    const ContentCoding coding_;
    const std::unique_ptr<Libraries> libraries_;
    std::string_view body_;
    std::size_t read_bytes_ = 0;  // bytes of body_
    Wrapper wrapper_ = Wrapper::gzip;
    std::uint32_t members_count_ = 0;
    bool is_in_member_ = false;  // zlib is in the middle of one
    bool may_fit_one_call_ = true;  // no member of this body was too long for that
};

}  // namespace sluice::parsers
