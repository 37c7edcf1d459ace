//! The text of an event in other languages than the default: composed once per language, however many read it.

use pgrx::datum::{AnyElement, DatumWithOid, TimestampWithTimeZone, Uuid};

use crate::queries::TEMPLATE_VARIANTS;
use crate::report::Result;
use crate::text::{self, Body, Version};

/// A text in one language.
struct Variant {
    locale: String,
    template_id: Uuid,
    body: Body,
}

/// The texts in other languages, and why there is none in some.
#[derive(Default)]
pub struct Variants {
    texts: Vec<Variant>,
    /// What is worth a note: the default text stands in for a language whose own cannot be made.
    pub notes: Vec<String>,
}

impl Variants {
    /// Composes the texts of template `key`: those that `target` may read, `None` = all; of versions that were there `at` a
    /// time, `None` = now.
    pub fn compose(
        key: &str,
        target: Option<Uuid>,
        at: Option<TimestampWithTimeZone>,
        payload: Option<AnyElement>,
    ) -> Result<Self> {
        let versions = TEMPLATE_VARIANTS.rows(&[key.into(), target.into(), at.into()], |row| {
            let template: String = row.want(3, "template")?;
            let version = Version::new(&template, row.want(4, "template")?, row.get(5)?);
            Ok((
                row.want::<String>(1, "template")?,
                row.want::<Uuid>(2, "template")?,
                version,
            ))
        })?;
        let mut variants = Self::default();
        for (locale, template_id, version) in versions {
            match text::compose(&version, payload)? {
                Ok(body) => {
                    let note = body.note();
                    variants
                        .notes
                        .extend(note.map(|note| format!("{note} ({locale})")));
                    variants.texts.push(Variant {
                        locale,
                        template_id,
                        body,
                    });
                }
                Err(problem) => variants.notes.push(format!("locale {locale}: {problem}")),
            }
        }
        Ok(variants)
    }

    /// Languages, texts, encodings, segments and templates as arrays for the statements; NULL if there are none.
    pub fn arguments<'a>(&self) -> [DatumWithOid<'a>; 5] {
        [
            self.array(|text| text.locale.clone()).into(),
            self.array(|text| text.body.text.clone()).into(),
            self.array(|text| text.body.encoding.to_owned()).into(),
            self.array(|text| text.body.segments).into(),
            self.array(|text| text.template_id).into(),
        ]
    }

    /// Whether the text is in the default language alone.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The languages, as the first array; NULL if there are none.
    pub fn locales<'a>(&self) -> DatumWithOid<'a> {
        self.array(|text| text.locale.clone()).into()
    }

    /// The template of the text at a place of the arrays, from 1.
    pub fn template(&self, place: i32) -> Option<Uuid> {
        self.at(place).map(|text| text.template_id)
    }

    /// The text at a place of the arrays, from 1.
    pub fn body(&self, place: i32) -> Option<&Body> {
        self.at(place).map(|text| &text.body)
    }

    fn at(&self, place: i32) -> Option<&Variant> {
        let index = usize::try_from(place).ok()?.checked_sub(1)?;
        self.texts.get(index)
    }

    fn array<T>(&self, read: impl Fn(&Variant) -> T) -> Option<Vec<T>> {
        (!self.texts.is_empty()).then(|| self.texts.iter().map(read).collect())
    }
}
