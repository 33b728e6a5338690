//! The two shapes in which Snyk shows a repository of the Inventory.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, insert};
use crate::sandbox::ids::braced;
use crate::sandbox::world::{Asset, AssetSearch, Availability, Group, InventoryAssets, Organization, Snyk};

/// As `assets/search` shows it.
pub(super) fn searched(desk: &Desk<'_>, group: &Group, importers: &Importers<'_>, asset: &Asset) -> Value {
    let importers = importers
        .of(asset)
        .map(|known| json!({ "type": "organization", "id": known.id, "attributes": { "name": known.name } }));
    let importers: Vec<Value> = importers.collect();
    let removed: Vec<Value> = asset
        .removal
        .iter()
        .map(|removal| json!({ "reason": removal.reason.as_str(), "removed_at": removal.at }))
        .collect();
    let issues = json!({ "critical": 0, "high": 1, "medium": 0, "low": 0 });
    let (controls, counts) = match desk.snyk.asset_search {
        AssetSearch::LiveNames => ("coverage_control", "issues_counts"),
        _ => ("coverage_controls", "issues_count"),
    };
    let mut attributes = json!({
        "name": asset.name,
        "repository_url": asset.address(),
        "browse_url": asset.address(),
        "default_branch_name": asset.default_branch,
        "archived": asset.archived,
        "sources": asset.sources,
        "class": { "rank": 3, "display_name": "C", "locked": false },
        controls: [{ "category": "security", "name": "snyk-code", "gap": true, counts: issues }],
        "developers": [],
        "labels": [],
        "tags": {},
        "languages": {},
        "risk_factors": [],
        "repository_freshness": "Active",
        "app_context": asset.context.as_ref().map(|(name, owner)| json!({ "catalog_name": name, "owner": owner })),
        "removed_reasons": removed,
        "created_at": asset.created_at
    });
    let updated = if desk.snyk.asset_search == AssetSearch::UpdatedAtRenamed { "modified_at" } else { "updated_at" };
    insert(&mut attributes, updated, json!(asset.updated_at));
    let below = format!("/groups/{}/assets/{}", group.id, asset.id);
    json!({
        "type": "repository",
        "id": asset.id,
        "removed": asset.removal.is_some(),
        "attributes": attributes,
        "relationships": {
            "assets": { "links": { "related": format!("{below}/relationships/assets") } },
            "projects": { "links": { "related": format!("{below}/relationships/projects") } },
            "organizations": { "data": importers }
        }
    })
}

/// Which Organizations imported which repository.
pub(super) struct Importers<'a>(BTreeMap<Uuid, Vec<&'a Organization>>);

impl<'a> Importers<'a> {
    pub(super) fn new(snyk: &'a Snyk) -> Self {
        let mut importers: BTreeMap<Uuid, Vec<&Organization>> = BTreeMap::new();
        for organization in &snyk.organizations {
            for repository in organization.targets.iter().filter_map(|target| target.repository) {
                importers.entry(repository).or_default().push(organization);
            }
        }
        Self(importers)
    }

    /// The Organizations that imported the asset's repository.
    pub(super) fn of(&self, asset: &Asset) -> impl Iterator<Item = &'a Organization> {
        asset.scm_id.and_then(|id| self.0.get(&id)).into_iter().flatten().copied()
    }
}

/// As `inventory/assets` shows it.
pub(super) fn inventoried(desk: &Desk<'_>, group: &Group, asset: &Asset) -> Value {
    let mut attributes = json!({
        "name": asset.name,
        "url": asset.address(),
        "scm_organization": asset.workspace,
        "scm_project": asset.project,
        "visibility": if asset.is_private { "private" } else { "public" },
        "archived": asset.archived,
        "fork": false,
        "is_empty": asset.default_branch.is_none(),
        "is_personal": asset.is_personal,
        "pushed_at": asset.pushed_at,
        "last_seen_at": asset.last_seen_at,
        "topics": [],
        "labels": [],
        "class": { "rank": 3, "display_name": "C", "locked": false },
        "scan_engines": [],
        "created_at": asset.created_at,
        "updated_at": asset.updated_at
    });
    if let Some(branch) = &asset.default_branch {
        insert(&mut attributes, "default_branch_name", json!(branch));
    }
    if let Some(id) = asset.scm_id.filter(|_| asset.scm_id_shown == Availability::Present) {
        insert(&mut attributes, "scm_id", json!(braced(id)));
    }
    if let Some((name, owner)) = &asset.context {
        insert(&mut attributes, "org_context", json!({ "catalog_name": name, "owner": owner }));
    }
    if let Some(at) = asset.misdated.or(asset.last_sync) {
        match desk.snyk.inventory_assets {
            InventoryAssets::LastSyncMissing => {}
            InventoryAssets::LastSyncRenamed => insert(&mut attributes, "last_synced_at", json!(at)),
            _ => insert(&mut attributes, "last_sync", json!(at)),
        }
    }
    let itself = format!("{}/rest/groups/{}/inventory/assets/{}", desk.call.origin, group.id, asset.id);
    json!({ "type": "repositories", "id": asset.id, "links": { "self": itself }, "attributes": attributes })
}
