//! Typed fields: a value of another JSON type is noted as `bad_type` and skipped.

use super::{Read, Reader};
use crate::logic::check::At;
use crate::logic::json::{Number, Walk};
use compact_str::CompactString;
use schemas::codes::EventCode;
use schemas::event::Span;
use schemas::time::parse_rfc3339_ms;
use std::borrow::Cow;
use std::ops::RangeInclusive;
use uuid::Uuid;

impl<'a> Reader<'a> {
    #[cold]
    fn bad_type<T>(&mut self, at: At, what: &'static str, instead: T) -> Read<T> {
        self.check.fault(EventCode::BadType, at, what);
        self.skip().map(|()| instead)
    }

    /// A string of the envelope; anything else is skipped.
    pub(super) fn raw_string(&mut self) -> Read<Option<Cow<'a, str>>> {
        match self.cursor.string()? {
            None => self.skip().map(|()| None),
            text => Ok(text),
        }
    }

    /// A 64-bit integer of the envelope; anything else is skipped.
    pub(super) fn raw_integer(&mut self) -> Read<Option<i64>> {
        match self.cursor.number()? {
            Some(Number::Integer(value)) => Ok(i64::try_from(value).ok()),
            Some(Number::Real) => Ok(None),
            None => self.skip().map(|()| None),
        }
    }

    /// An object of which every name is required.
    pub(super) fn object(
        &mut self,
        at: impl Into<At>,
        names: &'static [&'static str],
        each: impl FnMut(&mut Self, usize) -> Read<()>,
    ) -> Read<()> {
        if self.cursor.peek()? != b'{' {
            return self.bad_type(at.into(), "an object was due", ());
        }
        let met = self.members(names, each)?;
        if met.count_ones() as usize != names.len() {
            let missing = names.iter().enumerate().find(|(i, _)| met & (1 << i) == 0);
            self.check.fault(EventCode::MissingField, missing.map_or("event", |(_, name)| *name), "missing");
        }
        Ok(())
    }

    #[inline]
    pub(super) fn integer<T>(&mut self, at: impl Into<At>, range: RangeInclusive<T>) -> Read<T>
    where
        T: TryFrom<i128> + PartialOrd + Copy,
    {
        let at = at.into();
        match self.cursor.number()? {
            Some(Number::Integer(value)) => Ok(self.check.integer(at, value, &range)),
            Some(Number::Real) => {
                self.check.fault(EventCode::BadType, at, "an integer was due");
                Ok(*range.start())
            }
            None => self.bad_type(at, "an integer was due", *range.start()),
        }
    }

    pub(super) fn boolean(&mut self, at: impl Into<At>) -> Read<bool> {
        match self.cursor.boolean()? {
            Some(value) => Ok(value),
            None => self.bad_type(at.into(), "true or false was due", false),
        }
    }

    fn string(&mut self, at: At) -> Read<Option<Cow<'a, str>>> {
        match self.cursor.string()? {
            None => self.bad_type(at, "a string was due", None),
            text => Ok(text),
        }
    }

    pub(super) fn text(&mut self, at: impl Into<At>, max_chars: usize) -> Read<CompactString> {
        let at = at.into();
        let text = self.string(at)?;
        Ok(text.map(|text| self.check.text(at, &text, max_chars)).unwrap_or_default())
    }

    pub(super) fn id(&mut self, at: impl Into<At>) -> Read<CompactString> {
        let at = at.into();
        let text = self.string(at)?;
        Ok(text.map(|text| self.check.id(at, &text)).unwrap_or_default())
    }

    pub(super) fn uuid(&mut self, at: impl Into<At>) -> Read<Uuid> {
        let at = at.into();
        let text = self.string(at)?;
        Ok(text.map(|text| self.check.uuid(at, &text)).unwrap_or_default())
    }

    pub(super) fn symbol<T: Copy>(&mut self, at: impl Into<At>, parse: fn(&str) -> Option<T>, all: &[T]) -> Read<T> {
        let at = at.into();
        let text = self.string(at)?;
        Ok(text.map_or(all[0], |text| self.check.symbol(at, parse(&text), all)))
    }

    pub(super) fn instant(&mut self) -> Read<i64> {
        let at = At::from("at");
        let text = self.string(at)?;
        Ok(text.map_or(0, |text| self.check.instant(at, parse_rfc3339_ms(&text))))
    }

    /// An array with so many elements; those beyond are checked, and not kept.
    pub(super) fn list<T>(
        &mut self,
        at: impl Into<At>,
        range: RangeInclusive<usize>,
        mut element: impl FnMut(&mut Self, At) -> Read<T>,
    ) -> Read<Vec<T>> {
        let at = at.into();
        let mut list = Vec::new();
        if self.cursor.peek()? != b'[' {
            return self.bad_type(at, "an array was due", list);
        }
        let len = self.elements(|r, index| {
            let value = element(r, at.item(index))?;
            if index < *range.end() {
                list.push(value);
            }
            Ok(())
        })?;
        self.check.length(at, len, &range);
        Ok(list)
    }

    pub(super) fn spans(&mut self, at: impl Into<At>, max: usize) -> Read<Vec<Span>> {
        self.list(at, 0..=max, Reader::span)
    }

    /// A span: anything but two integers in order is `bad_span`, whatever its type.
    fn span(&mut self, at: At) -> Read<Span> {
        if self.cursor.peek()? != b'[' {
            self.skip()?;
            return Ok(self.check.span(at, None));
        }
        let mut pair = [None; 2];
        let len = self.elements(|r, index| match r.cursor.number()? {
            Some(Number::Integer(value)) => {
                if let Some(slot) = pair.get_mut(index) {
                    *slot = Some(value);
                }
                Ok(())
            }
            Some(Number::Real) => Ok(()),
            None => r.skip(),
        })?;
        let whole = if len == 2 { pair[0].zip(pair[1]) } else { None };
        Ok(self.check.span(at, whole))
    }
}
