#include "tensors/pickle_machine.h"

#include <bit>
#include <limits>
#include <unordered_map>

#include "core/strings.h"
#include "tensors/cursor.h"
#include "tensors/damage.h"
#include "tensors/pickle_globals.h"
#include "tensors/pickle_opcodes.h"

namespace testudo::tensors {

namespace {

// More nodes than any checkpoint has (a full-size training state: 40,000); bounds the memory of a hostile
// file.
constexpr std::size_t most_nodes = 2'000'000;
constexpr std::size_t most_tensors = 200'000;
constexpr std::size_t most_dimensions = 16;
constexpr std::size_t most_arguments = 8;  // of a call

class Machine {
  public:
    Machine(std::span<const std::byte> bytes, std::size_t begin, const std::string& file, Dialect dialect)
        : file_(file), in_(bytes, file_, begin), dialect_(dialect) {}

    PickleGraph run() {
        while (step()) {
        }
        graph_.root = pop();
        if (!stack_.empty() || !marks_.empty()) broken("it leaves values behind");
        graph_.end = in_.position();
        return std::move(graph_);
    }

  private:
    using Kind = Node::Kind;

    [[noreturn]] void broken(const std::string& what) const {
        throw damaged(file_, cat("its pickle is broken at byte ", in_.position(), ": ", what));
    }

    // --- nodes and stack
    NodeId make(Node node) {
        if (graph_.nodes.size() >= most_nodes)
            throw refused(file_, cat("its pickle makes more than ", most_nodes, " values"));
        graph_.nodes.push_back(std::move(node));
        return static_cast<NodeId>(graph_.nodes.size() - 1);
    }
    void push(Node node) { stack_.push_back(make(std::move(node))); }
    void push_integer(std::int64_t value) {
        Node node{.kind = Kind::integer};
        node.integer = value;
        push(std::move(node));
    }
    void push_text(Kind kind, std::string_view text) {
        Node node{.kind = kind};
        node.text = text;
        push(std::move(node));
    }
    Node& node(NodeId id) { return graph_.nodes[id]; }
    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    NodeId top() const {
        if (stack_.size() <= floor()) broken("it takes a value that is not there");
        return stack_.back();
    }
    NodeId pop() {
        const NodeId out = top();
        stack_.pop_back();
        return out;
    }
    std::vector<NodeId> pop_to_mark() {
        if (marks_.empty()) broken("it goes back to a mark that is not there");
        std::vector<NodeId> out(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
        stack_.resize(marks_.back());
        marks_.pop_back();
        return out;
    }
    NodeId container(Kind kind, const char* what) {
        const NodeId id = top();
        if (node(id).kind != kind) broken(cat("it adds to something that is not a ", what));
        return id;
    }

    // --- arguments
    std::int64_t integer(NodeId id) {
        if (node(id).kind != Kind::integer) broken("a whole number is missing");
        return node(id).integer;
    }
    std::vector<std::int64_t> integers(NodeId id) {
        if (node(id).kind != Kind::tuple && node(id).kind != Kind::list) broken("a shape is not a tuple");
        if (node(id).children.size() > most_dimensions)
            throw refused(file_, cat("a tensor has more than ", most_dimensions, " dimensions"));
        std::vector<std::int64_t> out;
        for (const NodeId child : node(id).children) out.push_back(integer(child));
        return out;
    }
    std::string_view text(NodeId id) {
        if (node(id).kind != Kind::text) broken("a text is missing");
        return node(id).text;
    }
    Global global(NodeId id) {
        return node(id).kind == Kind::global ? static_cast<Global>(node(id).integer) : Global::unknown;
    }

    // --- the parts of the language
    bool step();
    void memoize(std::uint64_t index) { memo_[index] = top(); }
    void recall(std::uint64_t index) {
        const auto found = memo_.find(index);
        if (found == memo_.end()) broken("it recalls a value it never kept");
        stack_.push_back(found->second);
    }
    void push_global(std::string_view module, std::string_view name);
    void push_tuple(std::vector<NodeId> children) {
        Node made{.kind = Kind::tuple};
        made.children = std::move(children);
        push(std::move(made));
    }
    void push_last(int count) {
        std::vector<NodeId> children(static_cast<std::size_t>(count));
        for (std::size_t i = children.size(); i-- > 0;) children[i] = pop();
        push_tuple(std::move(children));
    }
    void push_long(std::string_view bytes);
    void append(std::vector<NodeId> values) {
        auto& children = node(container(Kind::list, "list")).children;
        children.insert(children.end(), values.begin(), values.end());
    }
    void set_items(std::vector<NodeId> values) {
        if (values.size() % 2 != 0) broken("a key has no value");
        auto& children = node(container(Kind::dict, "dict")).children;
        children.insert(children.end(), values.begin(), values.end());
    }
    void count_copies(std::size_t values);
    void new_object();
    void build();
    void reduce();
    void reduce_dict(Dict::Kind kind, const std::vector<NodeId>& arguments);
    void rebuild_tensor(const std::vector<NodeId>& arguments);
    void persistent();
    std::string_view line();

    PickleGraph graph_;
    const std::string& file_;
    Cursor in_;
    std::vector<NodeId> stack_;
    std::vector<std::size_t> marks_;
    std::unordered_map<std::uint64_t, NodeId> memo_;
    std::unordered_map<std::string_view, std::size_t> keys_;  // of storages
    std::size_t copied_ = 0;
    Dialect dialect_;
};

std::string_view Machine::line() {
    // Names are short: a longer line is no name.
    constexpr std::size_t longest = 1000;
    Cursor ahead = in_;
    const std::string_view text = ahead.text(std::min(longest, ahead.rest()));
    const auto end = text.find('\n');
    if (end == text.npos) broken("a name does not end");
    in_.take(end + 1);
    return text.substr(0, end);
}

void Machine::push_global(std::string_view module, std::string_view name) {
    Global which = global_of(module, name);
    if (which == Global::unknown && dialect_ == Dialect::torchscript) which = script_global_of(module, name);
    if (which == Global::unknown)
        throw refused(file_, cat("it refers to ", shown(module), ".", shown(name),
                                 ", which is not on the list of types a checkpoint may hold"));
    Node made{.kind = Kind::global};
    made.integer = static_cast<std::int64_t>(which);
    made.text = name;
    push(std::move(made));
}

void Machine::push_long(std::string_view bytes) {
    if (bytes.size() > 8) return push_text(Kind::huge, bytes);
    std::int64_t value = !bytes.empty() && (bytes.back() & 0x80) ? -1 : 0;
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(&value));
    push_integer(value);
}

// Values may be shared, and copied again and again. A pickle that copies each once copies fewer than it has
// bytes.
void Machine::count_copies(std::size_t values) {
    copied_ += values;
    if (copied_ > in_.position()) throw refused(file_, "its pickle copies values without end");
}

// cls.__new__(cls, *arguments)
void Machine::new_object() {
    const NodeId arguments = pop(), type = pop();
    if (global(type) != Global::script_class) throw refused(file_, "its pickle holds an object of a class");
    if (node(arguments).kind != Kind::tuple || !node(arguments).children.empty())
        broken("a module is made from arguments");
    Node made{.kind = Kind::dict};
    made.object = true;
    push(std::move(made));
}

// Python gives state to an object: the attributes of a TorchScript module, or those of an OrderedDict
// (_metadata of a module), which carry no weights.
void Machine::build() {
    const NodeId state = pop();
    const NodeId object = top();
    if (node(object).object && node(state).kind == Kind::dict && state != object) {
        count_copies(node(state).children.size());
        set_items(std::vector<NodeId>(node(state).children));
        return;
    }
    if (node(object).kind != Kind::dict || node(object).dict_kind != Dict::Kind::ordered ||
        node(state).kind != Kind::dict)
        throw refused(file_, "its pickle gives state to an object that is no OrderedDict");
}

void Machine::reduce_dict(Dict::Kind kind, const std::vector<NodeId>& arguments) {
    Node made{.kind = Kind::dict};
    made.dict_kind = kind;
    if (arguments.size() > 1) broken("a dict is made from more than one argument");
    if (!arguments.empty()) count_copies(node(arguments[0]).children.size());
    if (!arguments.empty()) {
        const Node& from = node(arguments[0]);
        if (from.kind == Kind::dict) {
            made.children = from.children;
        } else if (from.kind == Kind::list) {
            for (const NodeId pair : from.children) {
                const Node& entry = node(pair);
                if ((entry.kind != Kind::list && entry.kind != Kind::tuple) || entry.children.size() != 2)
                    broken("an entry of a dict is no pair");
                made.children.insert(made.children.end(), entry.children.begin(), entry.children.end());
            }
        } else {
            broken("a dict is made from something else");
        }
    }
    push(std::move(made));
}

void Machine::rebuild_tensor(const std::vector<NodeId>& arguments) {
    if (arguments.size() < 4) broken("a tensor lacks arguments");
    if (node(arguments[0]).kind != Kind::storage) broken("a tensor has no storage");
    if (graph_.tensors.size() >= most_tensors)
        throw refused(file_, cat("it holds more than ", most_tensors, " tensors"));
    TensorSpec spec;
    spec.storage = graph_.references[static_cast<std::size_t>(node(arguments[0]).integer)];
    spec.geometry = {integer(arguments[1]), integers(arguments[2]), integers(arguments[3])};
    check_geometry(spec.geometry, spec.storage.elements, file_);
    spec.geometry.offset += spec.storage.first;
    Node made{.kind = Kind::tensor};
    made.integer = static_cast<std::int64_t>(graph_.tensors.size());
    graph_.tensors.push_back(std::move(spec));
    push(std::move(made));
}

void Machine::reduce() {
    const NodeId given = pop(), callee = pop();
    if (node(callee).kind != Kind::global)
        throw refused(file_, "its pickle calls something that is no function");
    if (node(given).kind != Kind::tuple || node(given).children.size() > most_arguments)
        broken("a call has no arguments, or too many");
    const std::vector<NodeId> arguments = node(given).children;
    switch (global(callee)) {
        case Global::ordered_dict:
            return reduce_dict(Dict::Kind::ordered, arguments);
        case Global::counter:
            return reduce_dict(Dict::Kind::counter, arguments);
        case Global::default_dict:
            if (arguments.size() != 1 || global(arguments[0]) != Global::builtin_type)
                throw refused(file_, "it holds a defaultdict whose factory is not a plain type");
            return reduce_dict(Dict::Kind::plain, {});
        case Global::size:
            if (arguments.size() != 1) broken("a torch.Size has no sizes");
            integers(arguments[0]);
            return push_tuple(std::vector<NodeId>(node(arguments[0]).children));
        case Global::rebuild_tensor:
        case Global::rebuild_tensor_v2:
            return rebuild_tensor(arguments);
        case Global::rebuild_parameter:
            if (arguments.empty() || node(arguments[0]).kind != Kind::tensor)
                broken("a Parameter has no tensor");
            stack_.push_back(arguments[0]);
            return;
        case Global::script_list:
            if (arguments.size() != 1 || node(arguments[0]).kind != Kind::list)
                broken("a list is made from something else");
            stack_.push_back(arguments[0]);
            return;
        default:
            throw refused(file_, cat("its pickle calls ", shown(node(callee).text)));
    }
}

// ("storage", type, key, device, elements[, view]): the bytes lie elsewhere in the file.
void Machine::persistent() {
    const NodeId id = pop();
    std::vector<NodeId> parts;
    if (node(id).kind == Kind::tuple && node(id).children.size() <= 6) parts = node(id).children;
    if (parts.size() < 5 || text(parts[0]) != "storage" || global(parts[1]) != Global::storage_type)
        throw refused(file_, "it refers to something outside the pickle that is no storage");
    const ElementType* type = element_type_of_storage(node(parts[1]).text);
    const std::string_view key = text(parts[2]);
    const std::int64_t elements = integer(parts[4]);
    constexpr std::int64_t most = std::int64_t{1} << 40;
    if (elements < 0 || elements > most)
        throw damaged(file_, cat("storage ", shown(key), " claims ", elements, " elements"));
    const auto [found, added] = keys_.emplace(key, graph_.storages.size());
    if (added) graph_.storages.push_back({std::string(key), type, elements});
    const StorageSpec& spec = graph_.storages[found->second];
    if (spec.type != type || spec.elements != elements)
        throw damaged(file_, cat("storage ", shown(key), " is described in two ways"));

    StorageReference reference{found->second, 0, elements};
    if (parts.size() == 6 && node(parts[5]).kind != Kind::none) {
        if (node(parts[5]).kind != Kind::tuple || node(parts[5]).children.size() != 3)
            broken("a part of a storage is broken");
        const std::vector<NodeId> view = node(parts[5]).children;
        reference.first = integer(view[1]);
        reference.elements = integer(view[2]);
        if (reference.first < 0 || reference.elements < 0 || reference.first > elements ||
            reference.elements > elements - reference.first)
            throw damaged(file_, cat("a part of storage ", shown(key), " lies outside it"));
    }
    Node made{.kind = Kind::storage};
    made.integer = static_cast<std::int64_t>(graph_.references.size());
    graph_.references.push_back(reference);
    push(std::move(made));
}

bool Machine::step() {
    const auto code = in_.read<std::uint8_t>();
    switch (static_cast<Opcode>(code)) {
        case Opcode::proto: {
            const int version = in_.read<std::uint8_t>();
            if (version < 2 || version > 5) broken(cat("pickle protocol ", version, " is unknown"));
            break;
        }
        case Opcode::frame:
            in_.read<std::uint64_t>();  // a hint for buffered reading
            break;
        case Opcode::stop:
            return false;

        case Opcode::none:
            push({.kind = Kind::none});
            break;
        case Opcode::new_true:
        case Opcode::new_false: {
            Node made{.kind = Kind::boolean};
            made.integer = static_cast<Opcode>(code) == Opcode::new_true;
            push(std::move(made));
            break;
        }
        case Opcode::binint:
            push_integer(in_.read<std::int32_t>());
            break;
        case Opcode::binint1:
            push_integer(in_.read<std::uint8_t>());
            break;
        case Opcode::binint2:
            push_integer(in_.read<std::uint16_t>());
            break;
        case Opcode::long1:
            push_long(in_.text(in_.read<std::uint8_t>()));
            break;
        case Opcode::binfloat: {
            Node made{.kind = Kind::real};
            made.real = std::bit_cast<double>(__builtin_bswap64(in_.read<std::uint64_t>()));
            push(std::move(made));
            break;
        }
        case Opcode::short_binunicode:
        case Opcode::short_binstring:
            push_text(Kind::text, in_.text(in_.read<std::uint8_t>()));
            break;
        case Opcode::binunicode:
            push_text(Kind::text, in_.text(in_.read<std::uint32_t>()));
            break;
        case Opcode::binunicode8:
            push_text(Kind::text, in_.text(in_.read<std::uint64_t>()));
            break;

        case Opcode::empty_dict:
            push({.kind = Kind::dict});
            break;
        case Opcode::empty_list:
            push({.kind = Kind::list});
            break;
        case Opcode::empty_tuple:
            push({.kind = Kind::tuple});
            break;
        case Opcode::mark:
            marks_.push_back(stack_.size());
            break;
        case Opcode::tuple:
            push_tuple(pop_to_mark());
            break;
        case Opcode::tuple1:
            push_last(1);
            break;
        case Opcode::tuple2:
            push_last(2);
            break;
        case Opcode::tuple3:
            push_last(3);
            break;
        case Opcode::append:
            append({pop()});
            break;
        case Opcode::appends:
            append(pop_to_mark());
            break;
        case Opcode::setitem: {
            const NodeId value = pop(), key = pop();
            set_items({key, value});
            break;
        }
        case Opcode::setitems:
            set_items(pop_to_mark());
            break;

        case Opcode::binput:
            memoize(in_.read<std::uint8_t>());
            break;
        case Opcode::long_binput:
            memoize(in_.read<std::uint32_t>());
            break;
        case Opcode::memoize:
            memoize(memo_.size());
            break;
        case Opcode::binget:
            recall(in_.read<std::uint8_t>());
            break;
        case Opcode::long_binget:
            recall(in_.read<std::uint32_t>());
            break;

        case Opcode::global: {
            const std::string_view module = line();
            push_global(module, line());
            break;
        }
        case Opcode::stack_global: {
            const NodeId name = pop(), module = pop();
            push_global(text(module), text(name));
            break;
        }
        case Opcode::reduce:
            reduce();
            break;
        case Opcode::build:
            build();
            break;
        case Opcode::binpersid:
            persistent();
            break;
        case Opcode::new_object:
            if (dialect_ != Dialect::torchscript) refuse_opcode(code, in_.position() - 1, file_);
            new_object();
            break;
        default:
            refuse_opcode(code, in_.position() - 1, file_);
    }
    return true;
}

}  // namespace

PickleGraph run_pickle(std::span<const std::byte> bytes, std::size_t begin, const std::string& file,
                       Dialect dialect) {
    return Machine(bytes, begin, file, dialect).run();
}

}  // namespace testudo::tensors
