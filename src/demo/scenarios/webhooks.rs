//! Webhooks on imported repositories.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;

/// Repositories that a sample of ten of twenty has on Monday and on Wednesday, and not on Tuesday.
const OF_MONDAY: [&str; 5] = ["service-002", "service-003", "service-005", "service-007", "service-010"];

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "webhooks-missing",
            line: Some(18),
            title: "five of twenty repositories lose their webhook",
            verdict: "WebhooksInstalled false with the count of the sample; told after a day, the status is untouched",
            pages: &[],
            story: webhooks_missing,
        },
        Scenario {
            name: "unknown-hook-url",
            line: Some(18),
            title: "every webhook posts to an address that nobody knows to be Snyk's",
            verdict: "WebhooksInstalled unknown; nothing is claimed",
            pages: &[],
            story: unknown_hook_url,
        },
        Scenario {
            name: "webhooks-missing-in-mondays-sample",
            line: Some(58),
            title: "five repositories of Monday's sample lose their webhook; Tuesday's sample has others, which are fine",
            verdict: "still missing, until those very ones are seen with it",
            pages: &[],
            story: webhooks_missing_in_mondays_sample,
        },
    ]
}

fn hourly(story: Story) -> Story {
    story.setup(|setup| {
        setup.pace = crate::demo::scenario::Cadences::Hourly;
        setup.schedule = vec![("webhooks", "{ every: 1h, sample: 50 }")];
    })
}

fn webhooks_missing(start: DateTime<Utc>) -> Story {
    let missing =
        || E::Condition(EveryOrganization, Condition::WebhooksInstalled, Truth::False, Reason::WebhooksMissing);
    hourly(settled_organizations(start, 20, 1))
        .expect(
            minutes(50),
            [
                connected(EveryOrganization),
                E::Condition(EveryOrganization, Condition::WebhooksInstalled, Truth::True, Reason::Ok),
            ],
        )
        .change(hours(1), "five webhooks are removed", |world| {
            world.remove_hooks(5);
        })
        .expect(
            hours(12),
            [
                connected(Group),
                connected(EveryOrganization),
                missing(),
                E::Says(EveryOrganization, "5 of 20 sampled repositories"),
                quiet(),
            ],
        )
        .expect(
            hours(28),
            [
                connected(EveryOrganization),
                missing(),
                only(Rule::WebhooksMissing, ORGANIZATIONS, Severity::Info),
                E::IncidentSays(Rule::WebhooksMissing, "5 of 20"),
                E::IncidentSays(Rule::WebhooksMissing, "installs its webhook"),
            ],
        )
}

fn unknown_hook_url(start: DateTime<Utc>) -> Story {
    let mut story = hourly(settled_organizations(start, 20, 1));
    story.world.point_hooks_to("https://hooks.acme.example/scan");
    story.expect(
        hours(28),
        [
            connected(Group),
            connected(EveryOrganization),
            E::Condition(
                EveryOrganization,
                Condition::WebhooksInstalled,
                Truth::Unknown,
                Reason::WebhookPatternUnproved,
            ),
            E::NothingEverOpened,
        ],
    )
}

fn webhooks_missing_in_mondays_sample(start: DateTime<Utc>) -> Story {
    let webhooks = |truth, reason| E::Condition(EveryOrganization, Condition::WebhooksInstalled, truth, reason);
    let missing = move || webhooks(Truth::False, Reason::WebhooksMissing);
    let told = || only(Rule::WebhooksMissing, ORGANIZATIONS, Severity::Info);
    hourly(settled_organizations(start, 20, 1))
        .setup(|setup| setup.schedule = vec![("webhooks", "{ every: 1h, sample: 10 }")])
        .expect(minutes(50), [connected(EveryOrganization), webhooks(Truth::True, Reason::Ok), quiet()])
        .change(hours(1), "five repositories lose their webhook", |world| {
            for slug in OF_MONDAY {
                if let Some(repository) = world.repository_mut(slug) {
                    repository.hooks.clear();
                }
            }
        })
        .expect(
            hours(12),
            [connected(EveryOrganization), missing(), E::Says(EveryOrganization, "5 of 10 sampled"), quiet()],
        )
        // All ten of Tuesday's sample are fine, and the five are remembered.
        .expect(
            hours(20),
            [connected(EveryOrganization), missing(), E::Says(EveryOrganization, "5 of 15 sampled"), quiet()],
        )
        .expect(
            hours(28),
            [
                connected(EveryOrganization),
                missing(),
                told(),
                E::IncidentSays(Rule::WebhooksMissing, "5 of 15"),
                E::IncidentSays(Rule::WebhooksMissing, "installs its webhook"),
            ],
        )
        .change(hours(30), "they are imported again, which installs it", |world| {
            for slug in OF_MONDAY {
                world.install_webhook(slug);
            }
        })
        .expect(hours(37), [missing(), told()])
        // Wednesday's sample has them again.
        .expect(
            hours(42),
            [
                connected(EveryOrganization),
                webhooks(Truth::True, Reason::Ok),
                quiet(),
                E::Resolved(Rule::WebhooksMissing, ""),
            ],
        )
}
