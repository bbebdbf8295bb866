//! What the language has and the engine does not supply yet.

/// Facts, filters, objectives and rates of which nothing is known yet: a rule over one would never hold, or count nothing,
/// without a word. Each
/// is read as the others are, so what the engine comes to know is taken out of this list, and nothing else is changed.
pub(super) const NOT_SUPPLIED: [&str; 14] = [
    "weight",
    "category",
    "promise_date",
    "promise_in",
    "minute_of_day",
    "weekday",
    "days_of_cover",
    "capacity_left",
    "backlog",
    "cut_off_passed",
    "capabilities",
    "before_cut_off",
    "min_capacity",
    // Counted for what an order weighs, which is the same as `weight`.
    "per_kilogram",
];
