//! Durations as Kubernetes writes them, such as `2160h` or `1h30m`.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A positive duration in a Signet object, in Go's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoDuration(pub Duration);

/// Reads a duration in Go's form.
///
/// # Errors
/// Returns a message with the expected form if the text is not a duration or is negative.
pub fn parse(text: &str) -> Result<Duration, String> {
    let shown: String = text.chars().take(64).collect();
    let duration: jiff::SignedDuration = text.parse().map_err(|_| {
        format!("{shown:?} is not a duration; write it like \"2160h\" or \"1h30m\"")
    })?;
    Duration::try_from(duration)
        .map_err(|_| format!("{shown:?} is negative; write a positive duration"))
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = self.0.as_secs();
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        serializer.collect_str(&format_args!("{hours}h{minutes}m{seconds}s"))
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "GoDuration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": 64,
            // At most 166 years, so that CEL's duration() never overflows.
            "x-kubernetes-validations": [{
                "rule": "self.matches('^([0-9]{1,6}h)?([0-9]{1,7}m)?([0-9]{1,9}s)?$') \
                         && self != '' && duration(self) >= duration('1s')",
                "message": "must be a duration of at least one second in hours, minutes and seconds, such as 2160h or 1h30m",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations_of_go() {
        for (text, seconds) in [
            ("2160h0m0s", 7_776_000),
            ("1h30m", 5400),
            ("20s", 20),
            ("1.5h", 5400),
            ("0s", 0),
        ] {
            assert_eq!(parse(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        assert_eq!(parse("1500ms").unwrap(), Duration::from_millis(1500));
    }

    #[test]
    fn rejects_other_forms() {
        assert!(parse("-1h").unwrap_err().contains("negative"));
        for text in ["", "soon", "12", "1y"] {
            assert!(
                parse(text).unwrap_err().contains("not a duration"),
                "{text}"
            );
        }
    }
}
