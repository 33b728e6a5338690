//! The `conditions` section: the thresholds from which conditions become true or false.
//!
//! Each may be set for all integrations and again for one (`integrations.<name>.conditions`). What several integrations
//! may share (whether a credential's expiry can be judged with this clock) goes by the file's own section.

use std::time::Duration;

use super::duration::{DAY, HOUR, MINUTE};
use super::settings::settings;

/// A credential that lives longer than this is fresh. Two weeks: time for an ordinary change request.
pub const DEFAULT_CREDENTIAL_FRESH: Duration = Duration::from_secs(14 * DAY);
/// The time before the first use of a new token in which it may have been made and saved in Snyk. A day: rotations are
/// noticed at the next probe, not at once.
pub const DEFAULT_ROTATION_MARGIN: Duration = Duration::from_secs(DAY);
/// How long a new Group integration is given before it is called partially connected. Snyk's own first answer takes
/// minutes.
pub const DEFAULT_SETUP_GRACE: Duration = Duration::from_secs(15 * MINUTE);
/// How long `connected` must hold to count as the last time it was connected, so that a flicker restarts no timer.
pub const DEFAULT_CONNECTED_HOLD: Duration = Duration::from_secs(30 * MINUTE);
/// How long after the last arrival the first fill still excuses a partially connected state. A day: four of Snyk's
/// six-hourly listings.
pub const DEFAULT_FILL_EXTENSION: Duration = Duration::from_secs(DAY);
/// An oldest asset older than this proves, without history, that the first fill was once complete. Two days.
pub const DEFAULT_FILL_PROOF_AGE: Duration = Duration::from_secs(2 * DAY);
/// Below this share of eligible repositories in the Inventory, it is incomplete.
pub const DEFAULT_COVERAGE_INCOMPLETE: f64 = 0.95;
/// From this share on it is complete again; higher than the other, so that one repository does not make it flap.
pub const DEFAULT_COVERAGE_COMPLETE: f64 = 0.97;
/// Fewer missing repositories than this never make the Inventory incomplete. Repositories.
pub const DEFAULT_COVERAGE_MISSING: u32 = 2;
/// How long after it was first seen or renamed a repository counts for coverage. Snyk promises a listing a day; two
/// hours are added for its processing.
pub const DEFAULT_ELIGIBLE_AFTER: Duration = Duration::from_secs(26 * HOUR);
/// The age from which a canary counts against `SyncCurrent`. Snyk promises a refresh a day; two hours are added.
pub const DEFAULT_MAXIMUM_LAG: Duration = Duration::from_secs(26 * HOUR);
/// How much later than the last synchronisation a change must be to start a canary: clocks differ, and a push takes its
/// time. Five minutes.
pub const DEFAULT_CANARY_GRACE: Duration = Duration::from_secs(5 * MINUTE);
/// So many canaries older than `max_lag` make a stall. Canaries.
pub const DEFAULT_LATE_CANARIES: u32 = 3;
/// So many canaries older than three times `max_lag` make a stall. Canaries.
pub const DEFAULT_VERY_LATE_CANARIES: u32 = 2;
/// How many times `max_lag` is very late.
pub const DEFAULT_VERY_LATE_FACTOR: u32 = 3;
/// So many very late canaries are a stall, even if other assets sync. Canaries.
pub const DEFAULT_PARTIAL_STALL: u32 = 3;
/// And this share of the repositories that can be compared. A fifth: fewer may be repositories that Snyk cannot read.
pub const DEFAULT_PARTIAL_STALL_SHARE: f64 = 0.2;
/// A single missing repository counts after this time. A week: seven times Snyk's slower promise.
pub const DEFAULT_COVERAGE_MISSING_ALONE_AFTER: Duration = Duration::from_secs(7 * DAY);
/// This share of a namespace lost from sight within `loss_window` is a lost right until it is settled. A fifth: a tidy-up is
/// smaller.
pub const DEFAULT_LOSS_SHARE: f64 = 0.2;
/// Fewer repositories than this are a loss only if they are all. Repositories.
pub const DEFAULT_LOSS: u32 = 3;
/// A loss is measured against the largest set of this time, so that one in instalments counts. A week.
pub const DEFAULT_LOSS_WINDOW: Duration = Duration::from_secs(7 * DAY);
/// More than this share of the assets removed while their repositories are eligible: the Inventory is lost.
pub const DEFAULT_INVENTORY_LOST_SHARE: f64 = 0.5;
/// Where the Git host has no such notion, up to this share of the repositories is believed to be archived.
pub const DEFAULT_ARCHIVED_SHARE: f64 = 0.2;
/// From this share of live assets removed at once with `deleted-profile` on, the profile was deleted.
pub const DEFAULT_PROFILE_DELETED_SHARE: f64 = 0.5;
/// How long an imported target may be without a project. A day: import and first test take hours.
pub const DEFAULT_IMPORT_GRACE: Duration = Duration::from_secs(DAY);
/// Up to this share of targets may have no project: repositories of documents alone are normal.
pub const DEFAULT_EMPTY_TARGETS_SHARE: f64 = 0.20;
/// Fewer targets without a project than this are never a problem. Targets.
pub const DEFAULT_EMPTY_TARGETS: u32 = 3;
/// The age from which a project counts for `TestsCurrent`, and the age of its last test from which it counts as late.
/// Two days for a daily test.
pub const DEFAULT_TESTED_WITHIN: Duration = Duration::from_secs(2 * DAY);
/// From this share of daily projects tested in time on, tests are current.
pub const DEFAULT_TESTED_SHARE: f64 = 0.95;
/// From this share of inactive projects on, their deactivation is looked into.
pub const DEFAULT_INACTIVE_SHARE: f64 = 0.5;
/// From this share of Organizations vanishing at once on, the listing is doubted instead.
pub const DEFAULT_VANISHED_SHARE: f64 = 0.10;
/// How often Snyk synchronises a Group. Snyk's documentation: every six hours.
pub const DEFAULT_SYNC_CYCLE: Duration = Duration::from_secs(6 * HOUR);
/// The difference to an API's own clock from which verdicts about expiry and lag are unknown. Five minutes.
pub const DEFAULT_MAXIMUM_CLOCK_SKEW: Duration = Duration::from_secs(5 * MINUTE);

settings! {
    /// Thresholds of the conditions.
    pub struct ConditionSettings / RawConditionSettings {
        /// `CredentialFresh` is true while the credential lives longer than this. Default 14d.
        credential_fresh: Duration = DEFAULT_CREDENTIAL_FRESH,
        /// `CredentialInStep`, where nobody tells when the token was made: it was made at most this long before its first use. Default 1d.
        rotation_margin: Duration = DEFAULT_ROTATION_MARGIN,
        /// A new Group integration is `setup_in_progress` for this long. Default 15m.
        setup_grace: Duration = DEFAULT_SETUP_GRACE,
        /// `connected` must hold this long to count as the last time it was connected. Default 30m.
        connected_hold: Duration = DEFAULT_CONNECTED_HOLD,
        /// During a fill, partially connected counts from the last arrival, but at most this much later. Default 1d.
        fill_extension: Duration = DEFAULT_FILL_EXTENSION,
        /// Without history, an oldest asset older than this proves that the first fill was complete. Default 2d.
        fill_proof_age: Duration = DEFAULT_FILL_PROOF_AGE,
        /// `InventoryComplete` becomes false below this share of eligible repositories. Default 0.95.
        coverage_incomplete: f64 = DEFAULT_COVERAGE_INCOMPLETE,
        /// `InventoryComplete` becomes true again from this share on. Default 0.97.
        coverage_complete: f64 = DEFAULT_COVERAGE_COMPLETE,
        /// `InventoryComplete` is false only if at least so many repositories are missing. Default 2.
        coverage_missing: u32 = DEFAULT_COVERAGE_MISSING,
        /// Fewer missing ones count once one of them was missing for this long. Default 7d.
        coverage_missing_alone_after: Duration = DEFAULT_COVERAGE_MISSING_ALONE_AFTER,
        /// This share of a namespace lost from sight, and at least `loss`: `RepositoriesVanished` until it is settled. Default 0.2.
        loss_share: f64 = DEFAULT_LOSS_SHARE,
        /// Fewer repositories lost from sight than this count only if they are all. Default 3.
        loss: u32 = DEFAULT_LOSS,
        /// A loss is measured against the largest set of this time. Default 7d.
        loss_window: Duration = DEFAULT_LOSS_WINDOW,
        /// More than this share of the assets gone while their repositories are eligible: `inventory_lost`. Default 0.5.
        inventory_lost_share: f64 = DEFAULT_INVENTORY_LOST_SHARE,
        /// Up to this share of the repositories is believed to be archived when only Snyk's asset says so. Default 0.2.
        archived_share: f64 = DEFAULT_ARCHIVED_SHARE,
        /// A repository counts for coverage this long after it was first seen or renamed. Default 26h.
        eligible_after: Duration = DEFAULT_ELIGIBLE_AFTER,
        /// `SyncCurrent`: a canary older than this is late. Default 26h.
        max_lag: Duration = DEFAULT_MAXIMUM_LAG,
        /// A change so much later than the last synchronisation starts a canary. Default 5m.
        canary_grace: Duration = DEFAULT_CANARY_GRACE,
        /// `SyncCurrent` is false with so many late canaries. Default 3.
        late_canaries: u32 = DEFAULT_LATE_CANARIES,
        /// `SyncCurrent` is false with so many very late canaries. Default 2.
        very_late_canaries: u32 = DEFAULT_VERY_LATE_CANARIES,
        /// A canary older than so many times `max_lag` is very late. Default 3.
        very_late_factor: u32 = DEFAULT_VERY_LATE_FACTOR,
        /// `SyncCurrent` is false with so many very late canaries, even if other assets sync, if they are also `partial_stall_share`. Default 3.
        partial_stall: u32 = DEFAULT_PARTIAL_STALL,
        /// And at least this share of the repositories that can be compared. Default 0.2.
        partial_stall_share: f64 = DEFAULT_PARTIAL_STALL_SHARE,
        /// More than this share of live assets removed at once with their profile: the profile was deleted. Default 0.5.
        profile_deleted_share: f64 = DEFAULT_PROFILE_DELETED_SHARE,
        /// `RepositoriesImported`: a target older than this should have a project. Default 1d.
        import_grace: Duration = DEFAULT_IMPORT_GRACE,
        /// `RepositoriesImported`: up to this share of targets may have none. Default 0.2.
        empty_targets_share: f64 = DEFAULT_EMPTY_TARGETS_SHARE,
        /// `RepositoriesImported`: fewer targets without a project than this never count. Default 3.
        empty_targets: u32 = DEFAULT_EMPTY_TARGETS,
        /// `TestsCurrent`: a daily project should have been tested within this time. Default 2d.
        tested_within: Duration = DEFAULT_TESTED_WITHIN,
        /// `TestsCurrent`: at least this share of projects should have been. Default 0.95.
        tested_share: f64 = DEFAULT_TESTED_SHARE,
        /// `TestsCurrent`: more than this share of projects inactive is looked into. Default 0.5.
        inactive_share: f64 = DEFAULT_INACTIVE_SHARE,
        /// This share of the Organizations missing from a listing, and at least five: none is taken for deleted. Default 0.1.
        vanished_share: f64 = DEFAULT_VANISHED_SHARE,
        /// Snyk synchronises a Group this often: when the next synchronisation is expected. Default 6h.
        sync_cycle: Duration = DEFAULT_SYNC_CYCLE,
        /// A larger difference to an API's clock makes expiry and lag unknown. Default 5m.
        max_clock_skew: Duration = DEFAULT_MAXIMUM_CLOCK_SKEW,
    }
}
