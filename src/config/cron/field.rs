//! One field of a cron expression: which values it allows, in explicit numbers.

/// Why a field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A value that is none.
    #[error("`{item}` is no {field}: write {from} to {to}{names}")]
    Value {
        /// What was written.
        item: String,
        /// Which field.
        field: &'static str,
        /// The least value.
        from: u32,
        /// The greatest value.
        to: u32,
        /// The names that may stand for numbers.
        names: &'static str,
    },
    /// A range that ends before it begins.
    #[error("the range `{item}` of {field} ends before it begins; write two ranges")]
    Range {
        /// What was written.
        item: String,
        /// Which field.
        field: &'static str,
    },
    /// A step that is no number, or zero.
    #[error("the step of `{item}` in {field} must be a number of at least 1")]
    Step {
        /// What was written.
        item: String,
        /// Which field.
        field: &'static str,
    },
}

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Kind {
    name: &'static str,
    from: u32,
    to: u32,
    /// Names that stand for numbers, the first for `from`.
    names: &'static [&'static str],
    hint: &'static str,
}

pub(super) const MINUTES: Kind = Kind { name: "minute", from: 0, to: 59, names: &[], hint: "" };
pub(super) const HOURS: Kind = Kind { name: "hour", from: 0, to: 23, names: &[], hint: "" };
pub(super) const DAYS_OF_MONTH: Kind = Kind { name: "day of month", from: 1, to: 31, names: &[], hint: "" };
pub(super) const MONTHS: Kind = Kind {
    name: "month",
    from: 1,
    to: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    hint: ", or JAN to DEC",
};
/// POSIX counts Sunday as 0; 7 is Sunday too.
pub(super) const DAYS_OF_WEEK: Kind = Kind {
    name: "day of week",
    from: 0,
    to: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    hint: " (0 and 7 are Sunday), or SUN to SAT",
};

/// A field that was read.
#[derive(Debug)]
pub(super) struct Field {
    kind: &'static Kind,
    /// In ascending order, each once.
    values: Vec<u32>,
    wildcard: bool,
}

impl Field {
    /// Reads a field: items separated by commas.
    pub(super) fn parse(kind: &'static Kind, text: &str) -> Result<Self, FieldError> {
        let mut values = Vec::new();
        for item in text.split(',') {
            values.extend(kind.read_item(item)?);
        }
        values.sort_unstable();
        values.dedup();
        Ok(Self { kind, values, wildcard: text.contains('*') })
    }

    /// Whether it is written with a `*`: what crontab(5) calls not restricted, even with a step.
    pub(super) const fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The values it allows, in ascending order.
    pub(super) fn values(&self) -> &[u32] {
        &self.values
    }

    /// The field for the crate.
    pub(super) fn list(&self) -> String {
        let all = self.values.len() == (self.kind.from..=self.kind.to).count();
        if all { "*".to_owned() } else { join(self.values.iter().copied()) }
    }

    /// A day of week for the crate, which counts from Sunday = 1.
    pub(super) fn weekday_list(&self) -> String {
        let mut days: Vec<u32> = self.values.iter().map(|day| day % 7 + 1).collect();
        days.sort_unstable();
        days.dedup();
        if days.len() == 7 { "*".to_owned() } else { join(days.into_iter()) }
    }
}

impl Kind {
    fn read_item(&self, item: &str) -> Result<Vec<u32>, FieldError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let bad_step = || FieldError::Step { item: item.to_owned(), field: self.name };
                let step = step.parse::<usize>().ok().filter(|step| *step > 0).ok_or_else(bad_step)?;
                (range, Some(step))
            }
            None => (item, None),
        };
        let (first, last) = if range == "*" {
            // 7 repeats 0: a wildcard over days of the week must not count Sunday twice.
            (self.from, if self.to == 7 { 6 } else { self.to })
        } else if let Some((first, last)) = range.split_once('-') {
            (self.read_value(first, item)?, self.read_value(last, item)?)
        } else {
            let value = self.read_value(range, item)?;
            (value, if step.is_some() { self.to } else { value })
        };
        if first > last {
            return Err(FieldError::Range { item: item.to_owned(), field: self.name });
        }
        Ok((first..=last).step_by(step.unwrap_or(1)).collect())
    }

    fn read_value(&self, text: &str, item: &str) -> Result<u32, FieldError> {
        let named =
            (self.from..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text)).map(|(value, _)| value);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse::<u32>().ok() } else { None };
        named.or_else(|| number.filter(|value| (self.from..=self.to).contains(value))).ok_or_else(|| {
            FieldError::Value {
                item: item.to_owned(),
                field: self.name,
                from: self.from,
                to: self.to,
                names: self.hint,
            }
        })
    }
}

fn join(values: impl Iterator<Item = u32>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(",")
}
