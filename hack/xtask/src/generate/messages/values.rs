//! What the page shows in place of the placeholders of a message.
//!
//! `values.txt` has a line `KEY => TEXT` for a placeholder, by its name; for a whole message; or for
//! a file whose literals are parts of messages. A message or file without TEXT is left out.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::source::Message;

pub(super) struct Values(BTreeMap<&'static str, &'static str>);

impl Values {
    pub(super) fn read() -> Self {
        let lines = include_str!("values.txt").lines();
        let pairs = lines.filter_map(|line| line.split_once(" =>"));
        Self(pairs.map(|(key, text)| (key, text.trim())).collect())
    }

    /// The message as users see it; none if it is left out or part of a sample.
    pub(super) fn text(&self, message: &Message, samples: &str) -> Result<Option<String>> {
        let (values, text) = (&self.0, message.text.as_str());
        if let Some(sample) = values.get(text) {
            return Ok(Some((*sample).to_owned()).filter(|it| !it.is_empty()));
        }
        let frame = message.file.to_str().and_then(|it| values.get(it));
        if frame == Some(&"") || samples.lines().any(|it| has_parts(it, text)) {
            return Ok(None);
        }
        let (mut filled, mut rest) = (String::new(), text);
        while let Some((before, placeholder)) = rest.split_once('{') {
            let (name, after) = placeholder.split_once('}').context(text.to_owned())?;
            let value = values
                .get(name)
                .with_context(|| format!("values.txt has no sample of {{{name}}} in {text:?}"))?;
            filled.extend([before, value]);
            rest = after;
        }
        filled.push_str(rest);
        Ok(Some(match frame {
            Some(frame) => frame.replace("{}", &filled),
            None => filled,
        }))
    }
}

/// Whether a line has this text, with anything for its placeholders.
fn has_parts(line: &str, text: &str) -> bool {
    let text = text.replace('<', "&lt;");
    let mut parts = text
        .split('{')
        .enumerate()
        .map(|(number, it)| match number {
            0 => it,
            _ => it.split_once('}').map_or(it, |(_, part)| part),
        });
    let rest = parts.try_fold(line, |rest, part| Some(rest.split_once(part)?.1));
    rest.is_some()
}
