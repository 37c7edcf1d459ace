//! Message templates: text with `{{name}}`, `{{task.name}}` and `{{name|default}}`.
//!
//! Nothing else: no conditions, no loops, no filters. A value is put in once and never read as template again, and it cannot
//! change how the rest of the text is shown ([`harmless`]). A text that is too long loses of its values first ([`Rendered::fit`]).

mod fit;
mod value;

pub use fit::{Fitted, Rendered, TooLong};
pub use value::harmless;

/// A template that has been read and found well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable {
        name: String,
        default: Option<String>,
    },
}

/// What is wrong with a template; `at` is the place, in characters, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}` before the next `{{`.
    #[error("the placeholder that begins at character {at} has no closing }}}}")]
    Unclosed {
        /// Where the `{{` stands.
        at: usize,
    },
    /// `}}` without `{{`.
    #[error("the }}}} at character {at} closes nothing: a placeholder begins with {{{{")]
    Unopened {
        /// Where the `}}` stands.
        at: usize,
    },
    /// The name is empty or has a character that no name may have.
    #[error(
        "{name:?} at character {at} is not a variable name: use letters, digits and _, with single dots between the parts of a path"
    )]
    Name {
        /// The name as written.
        name: String,
        /// Where the `{{` stands.
        at: usize,
    },
}

/// The variables without default that had no value, each once, in order of appearance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload has no value for: {}; add it, or give the template a default as in {{{{name|default}}}}", .0.join(", "))]
pub struct MissingVariables(pub Vec<String>);

impl Template {
    /// Reads a template. Spaces around a name are ignored; a default is taken as it stands, may be empty, and reaches
    /// to the next `}}`. Single braces are text.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let position = |rest: &str| source[..source.len() - rest.len()].chars().count() + 1;
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let (text, placeholder) = rest.split_at(rest.find("{{").unwrap_or(rest.len()));
            if let Some(stray) = text.find("}}") {
                return Err(TemplateError::Unopened {
                    at: position(&rest[stray..]),
                });
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some(inside) = placeholder.strip_prefix("{{") else {
                break;
            };
            let at = position(placeholder);
            let (inside, after) = inside
                .split_once("}}")
                .filter(|(inside, _)| !inside.contains("{{"))
                .ok_or(TemplateError::Unclosed { at })?;
            parts.push(Part::variable(inside, at)?);
            rest = after;
        }
        Ok(Self { parts })
    }

    /// The names of the variables, each once, in order of appearance.
    pub fn variables(&self) -> Vec<&str> {
        unique(self.parts.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        }))
    }

    /// The names of the variables that stand without default at least once, in order of appearance.
    pub fn required(&self) -> Vec<&str> {
        unique(self.parts.iter().filter_map(|part| match part {
            Part::Variable {
                name,
                default: None,
            } => Some(name.as_str()),
            _ => None,
        }))
    }

    /// Puts the values in; `lookup` gives the value of a name, `None` if there is none (then the default stands).
    ///
    /// Values come from outside, so each goes through [`harmless`]. The template's own text and defaults stay as they are.
    /// Returns every variable that is missing, not only the first.
    pub fn render(
        &self,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Rendered, MissingVariables> {
        let mut text = Rendered::default();
        let mut missing: Vec<&str> = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_text(literal),
                Part::Variable { name, default } => match (lookup(name), default) {
                    (Some(value), _) => text.push_value(&harmless(&value)),
                    (None, Some(default)) => text.push_text(default),
                    (None, None) => missing.push(name),
                },
            }
        }
        if missing.is_empty() {
            return Ok(text);
        }
        let missing = unique(missing.into_iter());
        Err(MissingVariables(
            missing.into_iter().map(str::to_owned).collect(),
        ))
    }
}

impl Part {
    fn variable(inside: &str, at: usize) -> Result<Self, TemplateError> {
        let (name, default) = match inside.split_once('|') {
            Some((name, default)) => (name, Some(default.to_owned())),
            None => (inside, None),
        };
        let name = name.trim().to_owned();
        if !is_path(&name) {
            return Err(TemplateError::Name { name, at });
        }
        Ok(Self::Variable { name, default })
    }
}

fn is_path(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    name.split('.').all(is_word)
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn render(source: &str, values: &[(&str, &str)]) -> Result<String, MissingVariables> {
        let lookup = |name: &str| {
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let rendered = Template::parse(source).unwrap().render(lookup)?;
        Ok(rendered.text().to_owned())
    }

    #[test]
    fn values_paths_and_defaults() {
        let values = [("name", "Ada"), ("task.name", "Invoice")];
        assert_eq!(render("Hi {{name}}!", &values).unwrap(), "Hi Ada!");
        assert_eq!(render("{{ task.name }}", &values).unwrap(), "Invoice");
        assert_eq!(
            render("{{name|there}}, {{nick|there}}", &values).unwrap(),
            "Ada, there"
        );
        assert_eq!(render("[{{nick|}}]", &values).unwrap(), "[]");
        assert_eq!(render("{{nick|a|b {c}}}", &values).unwrap(), "a|b {c}");
        assert_eq!(render("", &[]).unwrap(), "");
        assert_eq!(render("a {single} brace", &[]).unwrap(), "a {single} brace");
    }

    #[test]
    fn names_are_listed_once_in_order() {
        let template = Template::parse("{{b}} {{a|x}} {{b}} {{a}} {{c|y}}").unwrap();
        assert_eq!(template.variables(), ["b", "a", "c"]);
        assert_eq!(template.required(), ["b", "a"]);
    }

    #[test]
    fn all_missing_variables_are_named() {
        let missing = render("{{b}} {{a}} {{b}} {{c|x}}", &[]).unwrap_err();
        assert_eq!(
            missing,
            MissingVariables(vec!["b".to_owned(), "a".to_owned()])
        );
        assert_eq!(
            missing.to_string(),
            "the payload has no value for: b, a; add it, or give the template a default as in {{name|default}}"
        );
    }

    #[test]
    fn mistakes_name_their_place() {
        let error = |source: &str| Template::parse(source).unwrap_err();
        assert_eq!(error("é {{name"), TemplateError::Unclosed { at: 3 });
        assert_eq!(error("{{a|b {{c}}"), TemplateError::Unclosed { at: 1 });
        assert_eq!(error("{name}}"), TemplateError::Unopened { at: 6 });
        assert_eq!(error("{{a}} }}"), TemplateError::Unopened { at: 7 });
        for name in ["", "a b", "a..b", ".a", "a.", "{a", "a-b", "ä"] {
            let expected = TemplateError::Name {
                name: name.to_owned(),
                at: 2,
            };
            assert_eq!(error(&format!("-{{{{{name}}}}}")), expected);
        }
        assert_eq!(
            error("{{a").to_string(),
            "the placeholder that begins at character 1 has no closing }}"
        );
        assert_eq!(
            error("}}").to_string(),
            "the }} at character 1 closes nothing: a placeholder begins with {{"
        );
    }

    #[test]
    fn a_value_is_not_a_template() {
        assert_eq!(
            render("{{a}}{{b}}", &[("a", "{{b}}"), ("b", "{{a|x}}")]).unwrap(),
            "{{b}}{{a|x}}"
        );
    }

    #[test]
    fn values_are_made_harmless_and_the_template_is_not_touched() {
        assert_eq!(
            render("{{v}}", &[("v", "a\u{202e}b\u{200b}c\td")]).unwrap(),
            "abc d"
        );
        assert_eq!(render("\t{{v|\u{200e}}}", &[]).unwrap(), "\t\u{200e}");
    }

    proptest! {
        #[test]
        fn text_without_braces_is_itself(text in "[^{}]*") {
            prop_assert_eq!(render(&text, &[]).unwrap(), text);
        }

        #[test]
        fn parsing_never_panics_and_rendering_is_stable(source in "([{}|a.\\s]|\\{\\{|\\}\\}|\\PC){0,40}") {
            if let Ok(template) = Template::parse(&source) {
                let values = |name: &str| Some(format!("<{name}>"));
                let once = template.render(values).unwrap();
                prop_assert_eq!(&template.render(values).unwrap(), &once);
                let once = once.text().to_owned();
                for name in template.variables() {
                    let value = format!("<{name}>");
                    prop_assert!(once.contains(&value));
                }
                // No placeholder leaks: neither values nor text hold one, so the result reads as plain text.
                prop_assert!(!once.contains("{{"));
            }
        }

        #[test]
        fn every_missing_variable_is_reported(names in proptest::collection::vec("[a-c]", 0..6)) {
            let source: String = names.iter().map(|name| format!("{{{{{name}}}}}")).collect();
            let template = Template::parse(&source).unwrap();
            let required: Vec<String> = template.required().into_iter().map(str::to_owned).collect();
            match template.render(|_| None) {
                Ok(text) => prop_assert!(names.is_empty() && text.text().is_empty()),
                Err(missing) => prop_assert_eq!(missing.0, required),
            }
        }
    }
}
