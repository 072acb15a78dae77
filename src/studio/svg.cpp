#include <cmath>
#include <cstdio>

#include "core/strings.h"
#include "studio/drawing.h"

namespace testudo::studio {
namespace {

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", value);
    std::string out = text;
    while (out.back() == '0') out.pop_back();
    if (out.back() == '.') out.pop_back();
    return out == "-0" ? "0" : out;
}

std::string hex(const Colour& colour) {
    char text[8];
    std::snprintf(text, sizeof text, "#%02x%02x%02x", colour[0], colour[1], colour[2]);
    return text;
}

std::string svg_of(const Polyline& line) {
    std::string points, dashes;
    for (const auto& point : line.points)
        points += cat(points.empty() ? "" : " ", number(point.x), ",", number(point.y));
    for (const double dash : line.dashes) dashes += cat(dashes.empty() ? "" : " ", number(dash));
    return cat("<polyline fill=\"none\" stroke=\"", hex(line.colour), "\" stroke-width=\"",
               number(line.width), "\" stroke-linejoin=\"round\"",
               dashes.empty() ? "" : cat(" stroke-dasharray=\"", dashes, "\""), " points=\"", points,
               "\"/>\n");
}

std::string svg_of(const Dot& dot) {
    return cat("<circle cx=\"", number(dot.centre.x), "\" cy=\"", number(dot.centre.y), "\" r=\"",
               number(dot.radius), "\" fill=\"", hex(dot.colour), "\"/>\n");
}

std::string svg_of(const Label& label) {
    constexpr const char* anchors[] = {"start", "middle", "end"};
    const std::string x = number(label.at.x), y = number(label.at.y);
    return cat("<text x=\"", x, "\" y=\"", y, "\" font-size=\"", number(label.size), "\" text-anchor=\"",
               anchors[static_cast<int>(label.anchor)], "\" fill=\"", hex(label.colour), "\"",
               label.bold ? " font-weight=\"bold\"" : "",
               label.upwards ? cat(" transform=\"rotate(-90 ", x, " ", y, ")\"") : "", ">",
               escape_xml(label.text), "</text>\n");
}

}  // namespace

std::string escape_xml(const std::string& text) {
    std::string out;
    for (const char c : to_utf8(text)) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t')
            out += ' ';
        else
            out += c;
    }
    return out;
}

std::string to_svg(const Drawing& drawing, const std::string& title, const std::string& description) {
    std::string out =
        cat("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 ", drawing.width, " ",
            drawing.height, "\" width=\"", drawing.width, "\" height=\"", drawing.height, "\" aria-label=\"",
            escape_xml(title), "\" font-family=\"system-ui, sans-serif\">\n<title>", escape_xml(title),
            "</title>\n<desc>", escape_xml(description),
            "</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
    for (const auto& shape : drawing.shapes)
        out += std::visit([](const auto& item) { return svg_of(item); }, shape);
    return out + "</svg>\n";
}

}  // namespace testudo::studio
