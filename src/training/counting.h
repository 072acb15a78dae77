#pragma once
// The one clock of a training is the iteration (optimiser step), counted from 1; everything else derives
// from it.
#include <cstdint>
#include <optional>

namespace testudo::training {

struct Counting {
    std::int64_t lines = 0;       // clips an epoch holds; each is in exactly one batch of it
    std::int64_t batch_size = 1;  // the last batch of an epoch may be shorter, and is never dropped
    std::int64_t epochs = 0;
    // Where this order of clips begins: 0, 0 of a run from its start. A run that goes on with another dataset
    // or batch size begins its unfinished epoch again, at the iteration it has reached.
    std::int64_t from_iteration = 0, from_epoch = 0;

    std::int64_t per_epoch() const;                       // iterations: ceil(lines / batch_size)
    std::int64_t total() const;                           // the last iteration
    std::int64_t epoch_of(std::int64_t iteration) const;  // from 1, for iterations after from_iteration
    std::int64_t step_of(std::int64_t iteration) const;   // within its epoch, from 1
    std::int64_t finished_epochs(std::int64_t iteration) const;  // whole ones, once `iteration` is done
    std::int64_t last_of_epoch(std::int64_t epoch) const;        // its last iteration
};

// Iterations between two saves (or validations) that come every `epochs` epochs: at least 1.
std::int64_t iterations_of_rate(double epochs, std::int64_t per_epoch);
// Due after iteration `it` when it is a multiple of `every`; 0 is never.
bool is_due(std::int64_t iteration, std::int64_t every);
// The first iteration >= `iteration` that is due, at most `total`.
std::int64_t next_due(std::int64_t iteration, std::int64_t every, std::int64_t total);
// How many iterations in (after, until] are due.
std::int64_t count_due(std::int64_t after, std::int64_t until, std::int64_t every);

// When a run saves and validates. Its last iteration is always saved.
struct Agenda {
    std::int64_t total = 0;                           // the last iteration
    std::int64_t save_every = 0, validate_every = 0;  // iterations; 0: never
    bool validate_saves = false;                      // each save that is due is validated first, too

    bool save_due(std::int64_t iteration) const;
    bool validation_due(std::int64_t iteration) const;
    // How many in (after, until], with until <= total.
    std::int64_t saves(std::int64_t after, std::int64_t until) const;
    std::int64_t validations(std::int64_t after, std::int64_t until) const;
    // The first after `after`; nothing when there is none any more.
    std::optional<std::int64_t> next_save(std::int64_t after) const;
    std::optional<std::int64_t> next_validation(std::int64_t after) const;
};

}  // namespace testudo::training
