#include "tensors/pickle_opcodes.h"

#include "core/strings.h"
#include "tensors/damage.h"

namespace testudo::tensors {

namespace {

const char* meaning(std::uint8_t code) {
    switch (code) {
        case 'B':
        case 'C':
        case 0x8e:
            return "bytes";
        case 0x96:
            return "a bytearray";
        case 'S':
        case 'T':
        case 'V':
            return "a text of an older pickle form";
        case 'F':
        case 'I':
        case 'L':
        case 'd':
        case 'l':
        case 'g':
        case 'p':
        case 'P':
            return "an opcode of pickle protocol 0";
        case 0x8b:
            return "a whole number beyond 64 bits";
        case 0x8f:
        case 0x90:
        case 0x91:
            return "a set";
        case 'i':
        case 'o':
        case 0x81:
        case 0x92:
            return "an object of a class";
        case 0x82:
        case 0x83:
        case 0x84:
            return "an extension code";
        case '0':
        case '1':
        case '2':
            return "an opcode that throws values away or doubles them, which no pickler writes";
        case 0x97:
        case 0x98:
            return "a buffer outside the pickle";
        default:
            return nullptr;
    }
}

}  // namespace

void refuse_opcode(std::uint8_t code, std::size_t at, const std::string& file) {
    if (const char* what = meaning(code))
        throw refused(file, cat("its pickle holds ", what, " (opcode ", int{code}, " at byte ", at, ")"));
    throw damaged(file, cat("its pickle holds the unknown opcode ", int{code}, " at byte ", at));
}

}  // namespace testudo::tensors
