// What the values of Content-Length, Transfer-Encoding, Connection and Expect mean.
// runs: release asan
#include "parsers/http/framing.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace sluice {
namespace {

TEST(HttpFraming, ContentLengths) {
    struct Row {
        std::string_view value;
        std::uint64_t bytes;
    };
    for (const Row& row : {Row{"0", 0}, Row{"39", 39}, Row{"0039", 39}, Row{"00", 0},
                           Row{"18446744073709551615", std::numeric_limits<std::uint64_t>::max()}})
        EXPECT_EQ(parsers::read_content_length(row.value), row.bytes) << row.value;
    EXPECT_EQ(parsers::read_content_length(std::string(1000, '0') + "7"), 7u);
    for (const std::string_view value :
         {"", "-1", "+1", "1,1", "1, 1", "1,", ",1", "1 1", " 1", "1 ", "\t1", "1\t", "0x1", "1e1", "1.0", "one",
          "\"1\"", "18446744073709551616", "99999999999999999999999"})
        EXPECT_FALSE(parsers::read_content_length(value).has_value()) << value;
}

TEST(HttpFraming, TransferEncodings) {
    for (const std::string_view value : {"chunked", "CHUNKED", ", chunked", "chunked,", ",,\t chunked\t , ,"})
        EXPECT_FALSE(parsers::fault_of_transfer_encoding(value).has_value()) << value;
    for (const std::string_view value : {"gzip, chunked", "identity, chunked", "identity,chunked,", "x;q=1, chunked",
                                         "x ; q=1 , chunked", "a,b,chunked"})
        EXPECT_EQ(parsers::fault_of_transfer_encoding(value), Refusal::unknown_transfer_coding) << value;
    for (const std::string_view value : {"",
                                         ",",
                                         " , ,",
                                         "gzip",
                                         "identity",
                                         "chunked, gzip",
                                         "chunked, identity",
                                         "chunked, chunked",
                                         "gzip, chunked, chunked",
                                         "chunked;q=1",
                                         "chunked; q=1",
                                         "xchunked",
                                         "chunkedx",
                                         "\"chunked\"",
                                         "chunked chunked",
                                         "x y, chunked",
                                         "x;a=\"b\", chunked",
                                         "x;a=\"b, chunked\"",
                                         "x;a=\"b, chunked",
                                         ";q=1, chunked",
                                         "(c), chunked",
                                         "chunked\v",
                                         "\vchunked",
                                         "chunked.",
                                         "chun ked"})
        EXPECT_EQ(parsers::fault_of_transfer_encoding(value), Refusal::bad_transfer_encoding) << value;
}

TEST(HttpFraming, ConnectionOptions) {
    struct Row {
        std::string_view value;
        bool has_close;
        bool has_keep_alive;
    };
    for (const Row& row :
         {Row{"", false, false}, Row{"close", true, false}, Row{"CLOSE", true, false}, Row{"Keep-Alive", false, true},
          Row{"keep-alive, close", true, true}, Row{"x,close\t,y", true, false}, Row{",,\tclose", true, false},
          Row{"closed", false, false}, Row{"xclose", false, false}, Row{"clo se", false, false},
          Row{"close;x", false, false}, Row{"\"close\"", false, false}, Row{"upgrade", false, false}}) {
        const parsers::ConnectionOptions options = parsers::read_connection(row.value);
        EXPECT_EQ(options.has_close, row.has_close) << row.value;
        EXPECT_EQ(options.has_keep_alive, row.has_keep_alive) << row.value;
    }
}

TEST(HttpFraming, Expectations) {
    for (const std::string_view value :
         {"100-continue", "100-CONTINUE", ", 100-continue ,", "100-continue, 100-continue"})
        EXPECT_FALSE(parsers::has_other_expectation(value)) << value;
    for (const std::string_view value :
         {"", ",", "200-ok", "100-continue, 200-ok", "100-continue=1", "100-continue;q=1"})
        EXPECT_TRUE(parsers::has_other_expectation(value)) << value;
}

}  // namespace
}  // namespace sluice
