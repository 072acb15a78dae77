#include "text/cleaners.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "text/numbers.h"
#include "text/unidecode.h"

namespace testudo::text {
namespace {

TEST(Numbers, InWords) {
    EXPECT_EQ(number_words("0"), "zero");
    EXPECT_EQ(number_words("000"), "zero");
    EXPECT_EQ(number_words("007"), "seven");
    EXPECT_EQ(number_words("5005"), "five thousand five");
    EXPECT_EQ(number_words("1001005"), "one million, one thousand five");
    EXPECT_EQ(number_words("1100000"), "one million, one hundred thousand");
    EXPECT_EQ(number_words("1" + std::string(12, '0')), "one trillion");
    EXPECT_EQ(number_words("1" + std::string(33, '0')), "one decillion");
    EXPECT_THROW(number_words("1" + std::string(36, '0')), Error);
    EXPECT_THROW(number_words(std::string(5000, '9')), Error);
}

TEST(Numbers, Ordinals) {
    EXPECT_EQ(speak_numbers("0th 00th 8th 9th 12th 20th"), "zeroth zeroth eighth ninth twelfth twentieth");
    EXPECT_EQ(speak_numbers("1005th"), "one thousand and fifth");
    EXPECT_EQ(speak_numbers("12345th"), "twelve thousand, three hundred and forty-fifth");
    EXPECT_EQ(speak_numbers("1000000th"), "one millionth");
    EXPECT_EQ(speak_numbers("1100000th"), "one million, one hundred thousandth");
}

TEST(Numbers, YearsEndWhereTheReferenceEndsThem) {
    EXPECT_EQ(
        speak_numbers("1000 1001 1020 1100 2000 2001 2009 2010 2999 3000"),
        "one thousand ten oh one ten twenty eleven hundred two thousand two thousand one two thousand nine "
        "twenty ten twenty-nine ninety-nine three thousand");
}

TEST(Numbers, AmountsAndCommas) {
    EXPECT_EQ(speak_numbers("$0.00"), "zero dollars");
    EXPECT_EQ(speak_numbers("$.05"), "five cents");
    EXPECT_EQ(speak_numbers("$2,500.10"), "twenty-five hundred dollars, ten cents");
    EXPECT_EQ(speak_numbers("$ 5"), "$ five");
    EXPECT_EQ(speak_numbers("5,"), "five,");
    EXPECT_EQ(speak_numbers("1,,2"), "twelve");
    EXPECT_THROW(speak_numbers("$,5"), Error);
    EXPECT_THROW(speak_numbers("$5,.5"), Error);
}

TEST(Cleaners, AbbreviationsNeedAWordStartAndADot) {
    EXPECT_EQ(english_cleaners("Dr. X, xdr. and dr no"), "doctor x, xdr. and dr no");
    EXPECT_EQ(english_cleaners("Mr.St. Co.Ltd."), "misterst. companyltd.");
    EXPECT_EQ(english_cleaners("mr. mr.. MRS."), "mister mister. misess");
}

TEST(Cleaners, BasicLowersAllScriptsAndJoinsAllSpaces) {
    EXPECT_EQ(basic_cleaners("ÄÖ \u00a0\u3000\t ΑΣ"), "äö ας");
    EXPECT_EQ(basic_cleaners(""), "");
}

TEST(Cleaners, PlainPunctuation) {
    EXPECT_EQ(plain_punctuation("{a} [b] `c` \u2014"), "(a) (b) 'c' -");
    EXPECT_EQ(plain_punctuation("#"), "");
    EXPECT_EQ(plain_punctuation("##"), "##");
}

TEST(Unidecode, LatinScripts) {
    EXPECT_EQ(unidecode("Straße Ærø Þór Đặng Łódź œuvre ŉ Ŋŋ ǅ ﬁ Ǆ ẞ"),
              "Strasse AEro Thor Dang Lodz oeuvre 'n NGng Dz fi DZ SS");
    EXPECT_EQ(unidecode("naïve façade Ångström Ñandú Řím Győr Şişli İstanbul"),
              "naive facade Angstrom Nandu Rim Gyor Sisli Istanbul");
}

TEST(Unidecode, OtherScripts) {
    EXPECT_EQ(unidecode("Щука съёжилась, Эй! Україна Ђорђе"), "Shchuka s'iozhilas', Ei! Ukrayina Djordje");
    EXPECT_EQ(unidecode("Ψυχή Ξένος ἄνθρωπος Χίος"), "Psukhe Ksenos anthropos Khios");
    EXPECT_EQ(unidecode("서울 한국어"), "seoul hangugeo");
    EXPECT_EQ(unidecode("北京"), "Bei Jing ");
    EXPECT_EQ(unidecode("ありがとう ラーメン"), "arigatou ra-men");
}

TEST(Unidecode, SignsAndCurrency) {
    EXPECT_EQ(unidecode("€5 £6 ¥7 ₹8 ₽9 ¢"), "EUR5 PS6 Y=7 Rs8 R9 C/");
    EXPECT_EQ(unidecode("“a” ‘b’ «c» – — … † ‰ ² ½ © ® ™ № ± × ÷ → • ″ ‹›"),
              "\"a\" 'b' <<c>> - -- ... + %0 2  1/2 (c) (r) (tm) No.  +- x / - * '' <>");
    EXPECT_EQ(unidecode("a\u00a0b\u2009c\u3000d\u200be"), "a b c d e");
    EXPECT_EQ(unidecode("Ⅷ ① ﬃ ５ ٣"), "VIII 1 ffi 5 3");
}

TEST(Unidecode, SaysWhatItLeavesOut) {
    std::vector<std::string> dropped;
    EXPECT_EQ(unidecode("a😀b❤\uFE0Fc😀d\u0301\u200d", &dropped), "abcd");
    EXPECT_EQ(dropped, (std::vector<std::string>{"😀", "❤"}));
    dropped.clear();
    EXPECT_EQ(unidecode("x\xff\xfey", &dropped), "xy");  // bytes that are not UTF-8
    EXPECT_EQ(dropped.size(), 1u);
}

TEST(Unidecode, GivesOnlyAscii) {
    for (char32_t c = 1; c < 0x30000; ++c) {
        if (c >= 0xd800 && c < 0xe000) continue;
        if (c >= 0x3400 && c % 97) continue;  // ideographs and syllables: a sample
        std::string text;
        if (c < 0x80)
            text.push_back(static_cast<char>(c));
        else if (c < 0x800)
            text = {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
        else if (c < 0x10000)
            text = {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
                    static_cast<char>(0x80 | (c & 63))};
        else
            text = {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 63)),
                    static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
        for (const char byte : unidecode(text))
            ASSERT_EQ(byte & 0x80, 0) << std::hex << static_cast<unsigned>(c);
    }
}

}  // namespace
}  // namespace testudo::text
