//! Which values of subject attributes a rule allows.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The values of subject attributes: the exact text, a single variable such as `{namespace}`, or `*`
/// for any value. The empty text is a value too. Each value of an attribute must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowedSubject {
    /// Common names (CN). One that reads as a DNS name, an IP address or an email address is checked
    /// against the list of those instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub common_names: Vec<String>,
    /// Organizations (O), which Kubernetes reads as groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub organizations: Vec<String>,
    /// Organizational units (OU).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub organizational_units: Vec<String>,
    /// Countries (C).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub countries: Vec<String>,
    /// Localities (L).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub localities: Vec<String>,
    /// States or provinces (ST).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub provinces: Vec<String>,
    /// Street addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub street_addresses: Vec<String>,
    /// Postal codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub postal_codes: Vec<String>,
    /// The attribute serialNumber, which is not the serial number of the certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub serial_numbers: Vec<String>,
    /// Domain components (DC).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub domain_components: Vec<String>,
    /// User IDs (UID).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = values)]
    pub user_ids: Vec<String>,
}

impl AllowedSubject {
    /// Returns the list of an attribute, if there is one.
    pub(super) fn list_mut(&mut self, attribute: ObjectIdentifier) -> Option<&mut Vec<String>> {
        Some(match attribute {
            rfc4519::COMMON_NAME => &mut self.common_names,
            rfc4519::ORGANIZATION_NAME => &mut self.organizations,
            rfc4519::ORGANIZATIONAL_UNIT_NAME => &mut self.organizational_units,
            rfc4519::COUNTRY_NAME => &mut self.countries,
            rfc4519::LOCALITY_NAME => &mut self.localities,
            rfc4519::ST => &mut self.provinces,
            rfc4519::STREET => &mut self.street_addresses,
            rfc4519::POSTAL_CODE => &mut self.postal_codes,
            rfc4519::SERIAL_NUMBER => &mut self.serial_numbers,
            rfc4519::DOMAIN_COMPONENT => &mut self.domain_components,
            rfc4519::USER_ID => &mut self.user_ids,
            _ => return None,
        })
    }
}

/// The names of the fields, for CEL.
pub(super) const FIELDS: [&str; 11] = [
    "commonNames",
    "organizations",
    "organizationalUnits",
    "countries",
    "localities",
    "provinces",
    "streetAddresses",
    "postalCodes",
    "serialNumbers",
    "domainComponents",
    "userIds",
];

fn values(schema: &mut Schema) {
    schema.insert("minItems".to_owned(), json!(1));
    schema.insert("maxItems".to_owned(), json!(32));
    schema.insert("x-kubernetes-list-type".to_owned(), json!("set"));
    let value = json!({ "type": "string", "maxLength": 256 });
    schema.insert("items".to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_type() {
        let schema = schemars::schema_for!(AllowedSubject);
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        let mut listed: Vec<_> = FIELDS.to_vec();
        let mut found: Vec<_> = properties.keys().map(String::as_str).collect();
        listed.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, listed);
    }
}
