//! `docs/metrics.md`, made from the list of families.

use std::fmt::Write as _;

use super::families::{ALL, Chapter, PROCESS};

const HEAD: &str = "# Metrics

<!-- Made from src/metrics/families.rs by the test metrics::tests::the_reference_is_current; do not edit. -->

`GET /metrics` gives them in Prometheus' text format 0.0.4. All values come from what background probes last found:
a scrape starts no probe, waits for none, and costs the watched APIs nothing. The page is at most a few seconds old.

- A **condition** and other three-valued gauges are 1 (true), 0 (false) or -1 (unknown). Alert on `== 0`; never average.
- **Status** is one-hot: exactly one `status` of an integration is 1, all others are 0.
- `organization` is the Organization's UUID, and empty at Group level. Names are on `snykwatch_integration_info`.
- A time or a number that is **not known is absent**, never 0.
- `metrics.organizations` chooses the detail of Organizations: `full`; `status` (only `snykwatch_integration_status` and
  `snykwatch_integration_info`; the default above 2,000 Organizations); `summary` (only `snykwatch_integrations`).
  When a page would pass `metrics.max_series`, it falls to `summary`, and `snykwatch_series_dropped` counts what is left out.
";

/// The reference page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for chapter in Chapter::ALL {
        push(&mut page, format_args!("\n## {chapter}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n"));
        for family in ALL.iter().filter(|family| family.chapter == *chapter) {
            let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            push(
                &mut page,
                format_args!("| `{}` | {} | {} | {} |\n", family.name, family.kind, labels.join(", "), family.help),
            );
        }
        if *chapter == Chapter::Own {
            for (name, kind, meaning) in PROCESS {
                push(&mut page, format_args!("| `{name}` | {kind} |  | {meaning} |\n"));
            }
        }
    }
    page
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    let written = page.write_fmt(text);
    debug_assert!(written.is_ok(), "writing into a String cannot fail");
}
