//! What CoffeeMud reads of a login.

use i3_core::i3::Value;
use i3_core::i3::serving::MudInfo;

/// Reads the information from a login as CoffeeMud does: it stops at the first element of a wrong type, and ignores the
/// rest. It keeps the services with a number, and converts other data to strings.
pub(crate) fn info(elements: &[Value<'static>]) -> Option<MudInfo> {
    let mut info = vec![Value::Int(0); MudInfo::MUDLIB];
    info.extend(vec![Value::str(""); MudInfo::SERVICES - MudInfo::MUDLIB]);
    info.extend([Value::Map(Vec::new()), Value::Map(Vec::new())]);
    let ids = elements.get(6..9).unwrap_or_default();
    let readable = ids.len() == 3 && ids.iter().all(|id| matches!(id, Value::Int(_)));
    let told = if readable { elements.get(9..).unwrap_or_default() } else { &[] };
    for (at, value) in told.iter().take(MudInfo::ELEMENTS).enumerate() {
        info[at] = match (at, value) {
            (0..MudInfo::MUDLIB, port @ Value::Int(_)) => port.clone(),
            (MudInfo::MUDLIB..MudInfo::SERVICES, text @ Value::Str(_)) => text.clone(),
            (MudInfo::SERVICES, Value::Map(services)) => {
                let known = services.iter().filter(|(_, value)| matches!(value, Value::Int(_)));
                Value::Map(known.cloned().collect())
            }
            (MudInfo::OTHER_DATA, Value::Map(data)) => {
                let as_text = |value: &Value<'static>| {
                    let mut bytes = Vec::new();
                    super::text::write_java(value, &mut bytes);
                    Value::Str(bytes.into())
                };
                Value::Map(data.iter().map(|(key, value)| (key.clone(), as_text(value))).collect())
            }
            (MudInfo::SERVICES | MudInfo::OTHER_DATA, Value::Int(0)) => continue,
            _ => break,
        };
    }
    MudInfo::of(info).ok()
}
