#pragma once
// Is this machine fit, and if not, what to do: versions, device, memory, disk, models and a five-second self
// test.
#include "core/json.h"
#include "studio/workspace.h"

namespace testudo::studio {

// {"version", "checks": [{"name", "verdict": "ok"|"warning"|"problem", "value", "remedy"?}], "verdict"} and
// the raw numbers under "machine" and "self_test". Never throws for what it finds: a finding is a check.
Json doctor(const Workspace& workspace);

}  // namespace testudo::studio
