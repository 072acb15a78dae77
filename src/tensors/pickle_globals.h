#pragma once
// The names a pickle may refer to: the whole list.
#include <string_view>

#include "tensors/dtypes.h"

namespace testudo::tensors {

enum class Global {
    unknown,
    ordered_dict,
    counter,
    default_dict,
    size,               // torch.Size: a tuple
    rebuild_tensor,     // (storage, offset, size, stride)
    rebuild_tensor_v2,  // (storage, offset, size, stride, requires_grad, hooks[, metadata])
    rebuild_parameter,  // (tensor, requires_grad, hooks)
    storage_type,       // torch.FloatStorage and its kin; only named, never called
    script_class,       // TorchScript: the class of a module; only named, never called
    script_list,        // TorchScript: build_intlist and its kin: the list itself
    builtin_type,       // int, float, list, dict: only as the factory of a defaultdict
};

// What the parameters of a TorchScript program may refer to beyond that.
inline Global script_global_of(std::string_view module, std::string_view name) {
    if (module == "__torch__" || module.starts_with("__torch__.")) return Global::script_class;
    if (module == "torch.jit._pickle" && (name == "build_intlist" || name == "build_doublelist" ||
                                          name == "build_boollist" || name == "build_tensorlist"))
        return Global::script_list;
    return Global::unknown;
}

inline Global global_of(std::string_view module, std::string_view name) {
    if (module == "collections") {
        if (name == "OrderedDict") return Global::ordered_dict;
        if (name == "Counter") return Global::counter;
        if (name == "defaultdict") return Global::default_dict;
    }
    if (module == "torch._utils") {
        if (name == "_rebuild_tensor_v2") return Global::rebuild_tensor_v2;
        if (name == "_rebuild_tensor") return Global::rebuild_tensor;
        if (name == "_rebuild_parameter") return Global::rebuild_parameter;
    }
    if (module == "torch") {
        if (name == "Size") return Global::size;
        if (element_type_of_storage(name)) return Global::storage_type;
    }
    if ((module == "builtins" || module == "__builtin__") &&
        (name == "int" || name == "float" || name == "list" || name == "dict"))
        return Global::builtin_type;
    return Global::unknown;
}

}  // namespace testudo::tensors
