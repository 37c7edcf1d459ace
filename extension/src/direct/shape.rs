//! What a table is like, as far as a row needs it.

use std::ffi::CStr;
use std::mem::size_of;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::{self, Datum, Oid};

use super::checks::Checks;
use super::parents::{Parent, Reference};
use super::{Opened, find};

/// A table and the columns that get values.
pub struct Target {
    /// The table.
    pub name: &'static CStr,
    /// Its columns in the order of the values, and their types.
    pub columns: &'static [(&'static CStr, Oid)],
    /// Those of them whose domain is to be asked whether the value is allowed. The others get words of our own.
    pub checked: &'static [&'static CStr],
    /// Its CHECK constraints as they are made.
    pub constraints: &'static [&'static str],
    /// What it refers to, if that is written with it.
    pub parent: Option<Reference>,
}

/// How a row of a table comes about.
pub struct Shape {
    /// The table.
    pub(super) table: Oid,
    /// What goes into each column.
    pub(super) columns: Vec<Column>,
    /// The types of the values that a row is made from.
    given: Vec<Oid>,
    /// Its CHECK constraints, unless somebody has added one.
    pub(super) checks: Option<Checks>,
    /// Its foreign key to what is written with it.
    pub(super) parent: Option<Parent>,
    /// No trigger makes another row of it, or none.
    pub(super) is_as_given: bool,
}

/// A column of a row.
pub(super) struct Column {
    /// What goes into it.
    pub(super) content: Content,
    /// The domain that has to allow the value.
    pub(super) domain: Option<Oid>,
}

impl Column {
    const DROPPED: Self = Self {
        content: Content::Null,
        domain: None,
    };
}

/// Where a value comes from.
pub(super) enum Content {
    /// The value at this place.
    Given(usize),
    /// NULL, since the column has no default.
    Null,
    /// A default that is always the same.
    Always(Constant),
    /// The default `now()`.
    Now,
}

/// A value of its own memory, since that of a transaction ends with it.
pub(super) enum Constant {
    ByValue(Datum),
    Stored(Box<[u64]>),
}

impl Shape {
    /// What a table is like, if it is as it is made. Defaults count as they are now.
    pub fn find(target: &Target) -> Option<Self> {
        let table = find(target.name)?;
        let opened = Opened::to_read(table)?;
        if !opened.is_plain() || has_other_triggers(&opened) {
            return None;
        }
        // SAFETY: the relation is open.
        let description = unsafe { &*(*opened.relation).rd_att };
        let count = usize::try_from(description.natts).ok()?;
        let mut contents: Vec<Option<Content>> = (0..count).map(|_| None).collect();
        for (place, &(name, of_type)) in target.columns.iter().enumerate() {
            let (number, its_type) = opened.column(name)?;
            // SAFETY: a catalogue look-up; what is no domain is its own base.
            if unsafe { pg_sys::getBaseType(its_type) } != of_type {
                return None;
            }
            *contents.get_mut(usize::try_from(number - 1).ok()?)? = Some(Content::Given(place));
        }
        let checked = target
            .checked
            .iter()
            .map(|&name| opened.column(name).map(|(number, _)| number));
        let checked = checked.collect::<Option<Vec<_>>>()?;
        let columns = contents.into_iter().zip(1..).map(|(content, number)| {
            // SAFETY: a catalogue look-up by the relation's id.
            let its_type = unsafe { pg_sys::get_atttype(table, number) };
            if its_type == pg_sys::InvalidOid {
                return Some(Column::DROPPED);
            }
            // SAFETY: as above; what is no domain is its own base.
            let base_type = unsafe { pg_sys::getBaseType(its_type) };
            let is_checked = its_type != base_type && checked.contains(&number);
            Some(Column {
                content: match content {
                    Some(given) => given,
                    None => default(&opened, number)?,
                },
                domain: is_checked.then_some(its_type),
            })
        });
        Some(Self {
            table,
            columns: columns.collect::<Option<_>>()?,
            given: target.columns.iter().map(|&(_, of_type)| of_type).collect(),
            // SAFETY: the relation is open.
            checks: unsafe { Checks::find(opened.relation, target.constraints) },
            parent: target
                .parent
                .as_ref()
                .and_then(|reference| Parent::find(&opened, reference)),
            // SAFETY: the relation is open; without triggers there is no description of them.
            is_as_given: unsafe { (*opened.relation).trigdesc.as_ref() }
                .is_none_or(|triggers| !triggers.trig_insert_before_row),
        })
    }

    /// Whether these are values for it.
    pub(super) fn takes(&self, values: &[DatumWithOid<'_>]) -> bool {
        values
            .iter()
            .map(DatumWithOid::oid)
            .eq(self.given.iter().copied())
    }
}

/// Whether something besides triggers for each row happens when rows are inserted.
fn has_other_triggers(opened: &Opened) -> bool {
    // SAFETY: the relation is open; without triggers there is no description of them.
    unsafe { (*opened.relation).trigdesc.as_ref() }.is_some_and(|triggers| {
        triggers.trig_insert_before_statement
            || triggers.trig_insert_after_statement
            || triggers.trig_insert_new_table
            || triggers.trig_insert_instead_row
    })
}

/// What a column gets that no value is given for. `None`: that takes a statement to find out.
fn default(opened: &Opened, number: i16) -> Option<Content> {
    // SAFETY: the relation is open and has a column of this number. What is made here lives in the current memory context.
    unsafe {
        if pg_sys::get_attgenerated((*opened.relation).rd_id, number) != 0 {
            return None;
        }
        let expression = pg_sys::build_column_default(opened.relation, i32::from(number));
        if expression.is_null() {
            return Some(Content::Null);
        }
        let planned = pg_sys::expression_planner(expression.cast());
        match (*planned.cast::<pg_sys::Node>()).type_ {
            pg_sys::NodeTag::T_Const => Constant::of(&*planned.cast::<pg_sys::Const>()),
            pg_sys::NodeTag::T_FuncExpr => {
                let is_now =
                    (*planned.cast::<pg_sys::FuncExpr>()).funcid == Oid::from(pg_sys::F_NOW);
                is_now.then_some(Content::Now)
            }
            _ => None,
        }
    }
}

impl Constant {
    fn of(constant: &pg_sys::Const) -> Option<Content> {
        if constant.constisnull {
            return Some(Content::Null);
        }
        if constant.constbyval {
            return Some(Content::Always(Self::ByValue(constant.constvalue)));
        }
        let value: *mut pg_sys::varlena = constant.constvalue.cast_mut_ptr();
        if constant.constlen != -1 {
            return None;
        }
        // SAFETY: a value of variable length says how long it is; the copy has room for it.
        unsafe {
            let length = pgrx::varsize_any(value);
            let mut copy = vec![0_u64; length.div_ceil(size_of::<u64>())].into_boxed_slice();
            std::ptr::copy_nonoverlapping(
                value.cast::<u8>(),
                copy.as_mut_ptr().cast::<u8>(),
                length,
            );
            Some(Content::Always(Self::Stored(copy)))
        }
    }

    /// The value; it lives as long as this.
    pub(super) fn datum(&self) -> Datum {
        match self {
            Self::ByValue(datum) => *datum,
            Self::Stored(bytes) => Datum::from(bytes.as_ptr()),
        }
    }
}
