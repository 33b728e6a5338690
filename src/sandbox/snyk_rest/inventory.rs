//! `GET /groups/{group}/inventory/assets`: the newer, early-access view of the Inventory. It shows live assets only.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::desk::{Desk, INVENTORY, insert, ok};
use super::{assets, errors, rsql, search};
use crate::sandbox::answer::Answer;
use crate::sandbox::world::{Asset, Group, GroupSight, InventoryAssets, Permission, TypeFilter};

pub(super) fn assets(desk: &Desk<'_>, group: &Group) -> Result<Answer, Answer> {
    if desk.snyk.inventory_assets == InventoryAssets::Absent {
        return Err(errors::not_found());
    }
    desk.need(Permission::GroupRead)?;
    let images_only = desk.snyk.inventory_assets == InventoryAssets::ContainerImagesOnly;
    let known_types: &[&str] = if images_only || desk.snyk.type_filter == TypeFilter::Rejected {
        &["container_images"]
    } else {
        &["container_images", "repositories", "sboms"]
    };
    let filter = match desk.call.parameter("filter") {
        None => None,
        Some(text) => {
            Some(rsql::Filter::parse(text, known_types).map_err(|why| errors::bad_parameter("filter", &why))?)
        }
    };
    let shown = group.live_assets().filter(|_| !images_only && desk.caller.token.sight == GroupSight::Whole);
    let mut found: Vec<&Asset> =
        shown.filter(|asset| filter.as_ref().is_none_or(|filter| filter.holds(asset))).collect();
    sort(&mut found, desk.call.parameter("sort"))?;
    let meta = match desk.call.parameter("meta_count") {
        None => None,
        Some("with") => Some(json!({ "count": found.len() })),
        Some("only") => {
            return Ok(ok(json!({ "links": {}, "meta": { "count": found.len() } })));
        }
        Some(_) => return Err(errors::bad_parameter("meta_count", "must be with or only")),
    };
    let sparse = desk.call.parameter("fields[repositories]").map(|fields| fields.split(',').collect::<Vec<_>>());
    let cut = desk.cut(found, INVENTORY)?;
    let items = cut.items.into_iter().map(|asset| {
        let mut resource = assets::inventoried(desk, group, asset);
        if let (Some(sparse), Some(attributes)) = (&sparse, resource.pointer_mut("/attributes")) {
            let all = attributes.as_object().cloned().unwrap_or_default();
            let kept: Map<String, Value> = all.into_iter().filter(|(key, _)| sparse.contains(&key.as_str())).collect();
            *attributes = Value::Object(kept);
        }
        resource
    });
    let mut body = json!({ "data": items.collect::<Vec<_>>(), "links": cut.links });
    if let Some(meta) = meta {
        insert(&mut body, "meta", meta);
    }
    Ok(ok(body))
}

fn sort(found: &mut [&Asset], by: Option<&str>) -> Result<(), Answer> {
    let Some(by) = by else { return Ok(()) };
    let keys: Vec<(&str, bool)> =
        by.split(',').map(|key| key.strip_prefix('-').map_or((key, false), |key| (key, true))).collect();
    if let Some((unknown, _)) = keys.iter().find(|(key, _)| !["created_at", "updated_at", "name"].contains(key)) {
        return Err(errors::bad_parameter("sort", &format!("cannot sort by {unknown}")));
    }
    found.sort_by(|left, right| {
        keys.iter().fold(Ordering::Equal, |order, (key, descending)| {
            let next = search::order(&rsql::field(left, key), &rsql::field(right, key)).unwrap_or(Ordering::Equal);
            order.then(if *descending { next.reverse() } else { next })
        })
    });
    Ok(())
}
