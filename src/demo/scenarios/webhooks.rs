//! Webhooks on imported repositories.

use super::prelude::*;
use crate::demo::scenario::{
    Expectation as E,
    Who::{EveryOrganization, Group},
};
use crate::domain::condition::Condition;
use crate::domain::kinds::Truth;

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
