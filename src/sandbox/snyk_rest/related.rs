//! What the Inventory tells beside its assets: aliases, filters, the targets of an asset. All are early access, and
//! nobody has reported a live answer.

use serde_json::{Value, json};

use super::desk::{Desk, INVENTORY, document, insert, ok};
use super::errors;
use crate::sandbox::answer::Answer;
use crate::sandbox::ids;
use crate::sandbox::world::{Asset, EarlyAccess, Group, InventoryAssets, Organization, Permission, Target, TypeFilter};

impl Desk<'_> {
    /// Refuses where the endpoint is not there for this caller.
    fn early_access(&self, state: EarlyAccess) -> Result<(), Answer> {
        match state {
            EarlyAccess::Present => self.need(Permission::GroupRead),
            EarlyAccess::Absent => Err(errors::not_found()),
            EarlyAccess::Forbidden => Err(errors::forbidden(Permission::GroupRead.as_str())),
        }
    }

    /// Refuses a version with a stability: these endpoints want a plain date.
    fn plain_version(&self) -> Result<(), Answer> {
        let has_stability = self.call.parameter("version").is_some_and(|version| version.contains('~'));
        if has_stability { Err(errors::bad_parameter("version", "must be a date")) } else { Ok(()) }
    }

    fn itself(&self) -> String {
        format!("{}{}", self.call.origin, self.call.path)
    }
}

/// One item an alias. The id is that of a document of Snyk's, not the asset's.
pub(super) fn aliases(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    desk.early_access(desk.snyk.aliases)?;
    let items = group.live_assets().filter_map(|asset| {
        let primary = asset.known_as.as_ref()?;
        Some(json!({
            "type": "asset_aliases",
            "id": ids::uuid(&format!("aliases of {}", asset.id)),
            "attributes": { "url": primary, "new_url": asset.url }
        }))
    });
    let url = desk.call.parameter("url");
    let wanted = |item: &Value| {
        let is = |pointer| item.pointer(pointer).and_then(Value::as_str) == url;
        url.is_none() || is("/attributes/url") || is("/attributes/new_url")
    };
    let cut = desk.cut(items.filter(wanted).collect(), INVENTORY)?;
    Ok(ok(document(Value::Array(cut.items), cut.links)))
}

/// Name, type, and whether its values can be listed.
const FILTERS: [(&str, &str, bool); 5] = [
    ("class", "string", true),
    ("tags", "object", true),
    ("name", "string", false),
    ("created_at", "datetime", false),
    ("updated_at", "datetime", false),
];

fn filter_id(name: &str) -> uuid::Uuid {
    ids::uuid(&format!("filter {name}"))
}

/// The fields that can be asked for, and by them the kinds of assets that this Snyk lists. Cursors are accepted, and
/// no link leads to the next page.
pub(super) fn filters(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    desk.plain_version()?;
    desk.early_access(desk.snyk.inventory_filters)?;
    let images_only = desk.snyk.inventory_assets == InventoryAssets::ContainerImagesOnly
        || desk.snyk.type_filter == TypeFilter::Rejected;
    let kinds: &[&str] = if images_only { &["container_images"] } else { &["container_images", "repositories"] };
    let wanted = desk.call.list("asset_types");
    let known = FILTERS.into_iter().filter(|_| wanted.is_empty() || wanted.iter().any(|kind| kinds.contains(&&**kind)));
    let fields = known.map(|(name, kind, lists_values)| {
        let attributes = json!({ "name": name, "type": kind, "asset_types": kinds });
        let mut field = json!({ "type": "filter_fields", "id": filter_id(name), "attributes": attributes });
        if lists_values {
            let related = format!("/groups/{}/inventory/assets/filters/{}/values", group.id, filter_id(name));
            insert(&mut field, "relationships", json!({ "values": { "links": { "related": related } } }));
        }
        field
    });
    let cut = desk.cut(fields.collect(), INVENTORY)?;
    Ok(ok(json!({ "data": cut.items, "links": { "self": desk.itself() } })))
}

/// The values of a field.
pub(super) fn filter_values(desk: &Desk<'_>, group: &Group, id: &str) -> Result<Answer, Answer> {
    desk.plain_version()?;
    desk.early_access(desk.snyk.inventory_filters)?;
    let known = FILTERS.into_iter().find(|(name, _, lists_values)| *lists_values && filter_id(name).to_string() == id);
    let Some((name, ..)) = known else { return Err(errors::not_found()) };
    let owners = group.live_assets().filter_map(|asset| asset.context.as_ref()).map(|(_, owner)| owner.clone());
    let owners: std::collections::BTreeSet<String> = owners.collect();
    let values = match name {
        "class" => vec![json!({ "value": "C" })],
        _ => owners.into_iter().map(|owner| json!({ "key": "owner", "value": owner })).collect(),
    };
    let value = |attributes: Value| {
        json!({
            "type": "filter_values",
            "id": ids::uuid(&format!("filter value {attributes}")),
            "attributes": attributes
        })
    };
    let cut = desk.cut(values.into_iter().map(value).collect(), INVENTORY)?;
    Ok(ok(json!({ "data": cut.items, "links": { "self": desk.itself() } })))
}

/// The targets of the repository behind an asset, in whatever Organization.
pub(super) fn targets(desk: &Desk<'_>, group: &Group, id: &str) -> Result<Answer, Answer> {
    desk.plain_version()?;
    desk.early_access(desk.snyk.asset_targets)?;
    let asset = group.live_assets().find(|asset| asset.id.to_string() == id).ok_or_else(errors::not_found)?;
    let organizations = desk.snyk.organizations.iter().filter(|known| desk.caller.sees_organization(known));
    let found = organizations.flat_map(|known| known.targets.iter().map(move |target| (known, target)));
    let found = found.filter(|(_, target)| target.repository.is_some() && target.repository == asset.scm_id);
    let cut = desk.cut(found.map(|(known, target)| related_target(asset, known, target)).collect(), INVENTORY)?;
    let mut links = cut.links;
    insert(&mut links, "self", json!(desk.itself()));
    Ok(ok(document(Value::Array(cut.items), links)))
}

fn related_target(asset: &Asset, organization: &Organization, target: &Target) -> Value {
    let project = organization.projects.iter().find(|project| project.target == target.id);
    let mut attributes = json!({ "imported_at": target.created_at, "target_origin": target.integration_type });
    if let Some(id) = target.integration {
        insert(&mut attributes, "integration_id", json!(id));
    }
    if let Some(project) = project {
        insert(&mut attributes, "target_file", json!(project.target_file));
    }
    if let Some(branch) = &asset.default_branch {
        insert(&mut attributes, "target_ref", json!(branch));
    }
    json!({ "type": "target", "id": target.id, "attributes": attributes })
}
