// A small font of straight strokes, so that a PNG needs no font file. A glyph is a list of strokes, a stroke
// a list of points "xy" on a grid: x from 0 to 4, y from 0 (top of capitals) over 6 (baseline) to 8
// (descenders).
#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {
namespace {

const std::unordered_map<char32_t, std::string_view>& glyphs() {
    static const std::unordered_map<char32_t, std::string_view> table{
        {'0', "103041453616050110"},
        {'1', "012026 0646"},
        {'2', "01103041420646"},
        {'3', "0110304142334445361605 1333"},
        {'4', "36300444"},
        {'5', "400002324345361605"},
        {'6', "413010010516364544331304"},
        {'7', "004016"},
        {'8', "130201103041423313 1304051636454433"},
        {'9', "051636454130100102133342"},
        {'A', "062046 1434"},
        {'B', "00063645443303 0030414233"},
        {'C', "4130100105163645"},
        {'D', "00062644422000"},
        {'E', "40000646 0333"},
        {'F', "400006 0333"},
        {'G', "41301001051636454323"},
        {'H', "0006 4046 0343"},
        {'I', "1030 2026 1636"},
        {'J', "4045361605"},
        {'K', "0006 4004 1346"},
        {'L', "000646"},
        {'M', "0600234046"},
        {'N', "06004640"},
        {'O', "103041453616050110"},
        {'P', "06003041423303"},
        {'Q', "103041453616050110 3447"},
        {'R', "06003041423303 2346"},
        {'S', "413010010213334445361605"},
        {'T', "0040 2026"},
        {'U', "000516364540"},
        {'V', "002640"},
        {'W', "0016233640"},
        {'X', "0046 4006"},
        {'Y', "002340 2326"},
        {'Z', "00400646"},
        {'a', "12324346 441405163645"},
        {'b', "0006 0312324345361605"},
        {'c', "4332120305163645"},
        {'d', "4046 4332120305163645"},
        {'e', "04444332120305163645"},
        {'f', "40302126 1242"},
        {'g', "4247381807 4332120305163645"},
        {'h', "0006 0312324346"},
        {'i', "2226 2020"},
        {'j', "22271808 2020"},
        {'k', "0006 3204 1336"},
        {'l', "10202536"},
        {'m', "0206 03122326 23324346"},
        {'n', "0206 0312324346"},
        {'o', "123243453616050312"},
        {'p', "0208 0312324345361605"},
        {'q', "4248 4332120305163645"},
        {'r', "0206 03122232"},
        {'s', "43321203143445361605"},
        {'t', "1015263645 0232"},
        {'u', "0205163645 4246"},
        {'v', "022642"},
        {'w', "0216243642"},
        {'x', "0246 4206"},
        {'y', "0226 421808"},
        {'z', "02420646"},
        {'.', "2626"},
        {',', "2617"},
        {':', "2323 2626"},
        {';', "2323 2617"},
        {'!', "2024 2626"},
        {'?', "01103041422324 2626"},
        {'-', "1333"},
        {U'\u2212', "0343"},
        {U'\u2013', "0343"},
        {'+', "0343 2125"},
        {'=', "0242 0444"},
        {'/', "0640"},
        {'\\', "0046"},
        {'(', "30212536"},
        {')', "10212516"},
        {'[', "30101636"},
        {']', "10303616"},
        {'<', "420446"},
        {'>', "024406"},
        {'%', "0640 0001 4546"},
        {'_', "0747"},
        {'\'', "2021"},
        {'"', "1011 3031"},
        {'*', "2024 0143 4103"},
        {'|', "2027"},
        {'#', "1016 3036 0242 0444"},
        {'~', "0312234332"},
        {'^', "022042"},
        {'&', "461110203102051636 43"},
        {'@', "333212142444430332"},
        {U'\u00b7', "2323"},
    };
    return table;
}

constexpr std::string_view unknown = "0046 4006 0040464600";

}  // namespace

TextStrokes text_strokes(const std::string& text, double size) {
    const double unit = size * 0.118;
    TextStrokes out;
    for (const char32_t letter : code_points(text)) {
        if (letter == U' ' || letter == U'\u00a0') {
            out.width += 3 * unit;
            continue;
        }
        const auto found = glyphs().find(letter);
        const std::string_view glyph = found == glyphs().end() ? unknown : found->second;
        double left = 4, right = 0;
        for (std::size_t i = 0; i + 1 < glyph.size(); ++i) {
            if (glyph[i] == ' ') continue;
            left = std::min<double>(left, glyph[i] - '0');
            right = std::max<double>(right, glyph[i] - '0');
            ++i;
        }
        std::vector<Point> stroke;
        for (std::size_t i = 0; i <= glyph.size(); ++i) {
            if (i == glyph.size() || glyph[i] == ' ') {
                if (!stroke.empty()) out.strokes.push_back(std::move(stroke));
                stroke.clear();
            } else if (i + 1 < glyph.size()) {
                stroke.push_back(
                    {out.width + (glyph[i] - '0' - left) * unit, (glyph[i + 1] - '0' - 6) * unit});
                ++i;
            }
        }
        out.width += (right - left + 1.9) * unit;
    }
    return out;
}

}  // namespace testudo::studio
