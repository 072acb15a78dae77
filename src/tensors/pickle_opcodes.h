#pragma once
// The pickle opcodes that our machine runs; protocols 2 to 5 (Python's Lib/pickle.py names them so).
#include <cstdint>
#include <string>

namespace testudo::tensors {

enum class Opcode : std::uint8_t {
    mark = '(',
    stop = '.',
    binfloat = 'G',
    binint = 'J',
    binint1 = 'K',
    binint2 = 'M',
    none = 'N',
    binpersid = 'Q',
    reduce = 'R',
    short_binstring = 'U',
    binunicode = 'X',
    empty_list = ']',
    append = 'a',
    build = 'b',
    global = 'c',
    appends = 'e',
    binget = 'h',
    long_binget = 'j',
    binput = 'q',
    long_binput = 'r',
    setitem = 's',
    tuple = 't',
    setitems = 'u',
    empty_tuple = ')',
    empty_dict = '}',
    proto = 0x80,
    tuple1 = 0x85,
    tuple2 = 0x86,
    tuple3 = 0x87,
    new_object = 0x81,  // TorchScript only
    new_true = 0x88,
    new_false = 0x89,
    long1 = 0x8a,
    short_binunicode = 0x8c,
    binunicode8 = 0x8d,
    stack_global = 0x93,
    memoize = 0x94,
    frame = 0x95,
};

// Throws the Error(input) for any other opcode: refused by the name of what it makes, where it is a Python
// one.
[[noreturn]] void refuse_opcode(std::uint8_t code, std::size_t at, const std::string& file);

}  // namespace testudo::tensors
