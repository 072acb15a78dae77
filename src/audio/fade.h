#pragma once
// Fades at the ends of a clip, so that a cut does not click.
#include "audio/clip.h"

namespace testudo::audio {

enum class FadeShape { linear, raised_cosine };

// The first and last `seconds` rise from and fall to nothing: sample i of n is scaled by g((i + 1/2)/n), g(x)
// = x or (1 - cos(pi x))/2. In a clip shorter than both fades each takes half of it.
void fade_ends(Clip& clip, double seconds = 0.005, FadeShape shape = FadeShape::raised_cosine);

}  // namespace testudo::audio
