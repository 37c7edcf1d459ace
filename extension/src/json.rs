//! Looking into a jsonb argument by the server's own functions, without a statement.

use std::cell::OnceCell;

use pgrx::PgMemoryContexts;
use pgrx::datum::AnyElement;
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::query::jsonb_text;

/// `object ->> key`; `None` also if it is no object.
pub fn field(object: AnyElement, key: &str) -> Option<String> {
    // SAFETY: the function takes a jsonb, which every AnyElement here is by its SQL declaration, and a text.
    unsafe {
        let arguments = [Some(object.datum()), key.into_datum()];
        pgrx::direct_function_call(pg_sys::jsonb_object_field_text, &arguments)
    }
}

/// The value under a name of a template, which may be a path with dots.
pub fn named(object: AnyElement, name: &str) -> Option<String> {
    match name.contains('.') {
        true => at(object, name.split('.').collect()),
        false => field(object, name),
    }
}

/// `value #>> path`.
fn at(value: AnyElement, path: Vec<&str>) -> Option<String> {
    // SAFETY: as above, with an array of texts.
    unsafe {
        let arguments = [Some(value.datum()), path.into_datum()];
        pgrx::direct_function_call(pg_sys::jsonb_extract_path_text, &arguments)
    }
}

/// Whether it is a JSON object.
pub fn is_object(value: AnyElement) -> bool {
    // SAFETY: as above.
    let kind: Option<String> =
        unsafe { pgrx::direct_function_call(pg_sys::jsonb_typeof, &[Some(value.datum())]) };
    kind.as_deref() == Some("object")
}

thread_local! {
    /// An empty object, which lives as long as the backend.
    static EMPTY: OnceCell<Option<AnyElement>> = const { OnceCell::new() };
}

/// The value, or an empty object.
pub fn or_empty(value: Option<AnyElement>) -> Option<AnyElement> {
    let make = || {
        // SAFETY: a plain change of the memory context for as long as the object is made.
        unsafe { PgMemoryContexts::TopMemoryContext.switch_to(|_| jsonb_text("{}")) }
    };
    value.or_else(|| EMPTY.with(|empty| *empty.get_or_init(make)))
}

/// `value @> part`; no value is as good as an empty object.
pub fn contains(value: Option<AnyElement>, part: AnyElement) -> bool {
    let Some(value) = or_empty(value) else {
        return false;
    };
    // SAFETY: the function takes two jsonb, which every AnyElement here is.
    let contained = unsafe {
        pgrx::direct_function_call(
            pg_sys::jsonb_contains,
            &[Some(value.datum()), Some(part.datum())],
        )
    };
    contained == Some(true)
}

/// The same value, unpacked if it is stored compressed or elsewhere: looking into it several times unpacks it once.
pub fn unpacked(value: AnyElement) -> AnyElement {
    // SAFETY: a jsonb is a varlena; the copy, if there is one, lives in the current memory context.
    let datum = unsafe { pg_sys::pg_detoast_datum(value.datum().cast_mut_ptr()) };
    // SAFETY: it is a jsonb as before.
    unsafe { AnyElement::from_polymorphic_datum(datum.into(), false, value.oid()) }.unwrap_or(value)
}
