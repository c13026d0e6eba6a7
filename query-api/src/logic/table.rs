//! Answers as flat tables, for CSV, NDJSON, Arrow and Parquet: every row says what it is of.

use super::figures::Figure;
use super::order::Figures;
use super::tree::Org;
use schemas::figures::FigureId;

/// A table of equally long columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names and values, left to right.
    pub columns: Vec<(String, Column)>,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Text.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Int(Vec<Option<u64>>),
    /// Fractions.
    Float(Vec<Option<f64>>),
    /// Yes or no.
    Bool(Vec<Option<bool>>),
}

impl Column {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Column::Text(values) => values.len(),
            Column::Int(values) => values.len(),
            Column::Float(values) => values.len(),
            Column::Bool(values) => values.len(),
        }
    }

    /// It has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, column)| column.len())
    }

    /// Adds a column of text.
    pub fn text(&mut self, name: &str, values: impl IntoIterator<Item = Option<String>>) {
        self.columns.push((name.to_owned(), Column::Text(values.into_iter().collect())));
    }

    /// Adds a column of whole numbers.
    pub fn int(&mut self, name: &str, values: impl IntoIterator<Item = Option<u64>>) {
        self.columns.push((name.to_owned(), Column::Int(values.into_iter().collect())));
    }

    /// Adds a column of fractions.
    pub fn float(&mut self, name: &str, values: impl IntoIterator<Item = Option<f64>>) {
        self.columns.push((name.to_owned(), Column::Float(values.into_iter().collect())));
    }

    /// Adds a column of yes and no.
    pub fn bool(&mut self, name: &str, values: impl IntoIterator<Item = Option<bool>>) {
        self.columns.push((name.to_owned(), Column::Bool(values.into_iter().collect())));
    }

    /// Adds `id`, `name`, `level`, `division`.
    pub fn orgs<'a>(&mut self, orgs: impl Iterator<Item = &'a Org> + Clone) {
        self.text("id", orgs.clone().map(|org| Some(org.id.clone())));
        self.text("name", orgs.clone().map(|org| Some(org.name.clone())));
        self.text("level", orgs.clone().map(|org| Some(org.level.as_str().to_owned())));
        self.int("division", orgs.map(|org| Some(u64::from(org.division))));
    }

    /// Adds, of each figure, `x`, `x_num` (not of percentiles), `x_den`, `x_reason`.
    pub fn figures<'a>(&mut self, wanted: &[FigureId], rows: &(impl Iterator<Item = &'a Figures> + Clone)) {
        for (at, id) in wanted.iter().enumerate() {
            let name = id.as_str();
            let column = rows.clone().map(|figures| figures.get(at).map(|(_, figure)| *figure));
            let of = |part: fn(Figure) -> Option<u64>| column.clone().map(move |figure| figure.and_then(part));
            self.float(name, column.clone().map(|figure| figure.and_then(|figure| figure.value)));
            if id.percentile().is_none() {
                self.int(&format!("{name}_num"), of(|figure| figure.num));
            }
            self.int(&format!("{name}_den"), of(|figure| Some(figure.den)));
            let reason = |figure: Option<Figure>| figure.and_then(|figure| figure.reason);
            let reasons = column.map(|figure| reason(figure).map(|reason| reason.as_str().to_owned()));
            self.text(&format!("{name}_reason"), reasons);
        }
    }
}

/// A text cell that a spreadsheet will not take for a formula.
#[must_use]
pub fn formula_safe(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed_and_names_are_left_alone() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(formula_safe(text), format!("'{text}"));
        }
        assert_eq!(formula_safe("天河第一小学"), "天河第一小学");
        assert_eq!(formula_safe("a=1"), "a=1");
    }
}
