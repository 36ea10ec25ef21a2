//! Comparison of the variants of a type.

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};

use super::find;
use crate::{
    http::{Problem, SharedState, api::Checked},
    store::VariantCounts,
};

/// Handles `GET /api/v1/admin/types/{code}/variants`: counts of each variant; variants that are no
/// longer used have no weight.
pub(in crate::http) async fn variants(
    state: SharedState,
    code: web::Path<String>,
    _: Checked,
) -> Result<HttpResponse, Problem> {
    let row = find(&state, &code).await?;
    let mut counts = state.store.variant_counts(&row.code).await?;
    for variant in &row.variants {
        if !counts.iter().any(|known| known.name == variant.name) {
            counts.push(VariantCounts {
                name: variant.name.clone(),
                sent: 0,
                seen: 0,
                read: 0,
                clicked: 0,
            });
        }
    }
    let weight = |name: &str| {
        row.variants.iter().find(|variant| variant.name == name).map(|variant| variant.weight)
    };
    let shown = |counts: &VariantCounts| {
        let VariantCounts { name, sent, seen, read, clicked } = counts;
        json!({ "name": name, "weight": weight(name), "sent": sent, "seen": seen, "read": read,
            "clicked": clicked })
    };
    let variants: Vec<Value> = counts.iter().map(shown).collect();
    Ok(HttpResponse::Ok().json(json!({ "code": row.code, "variants": variants })))
}
