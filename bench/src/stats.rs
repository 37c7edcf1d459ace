//! Medians, ranges and percentiles.

use serde::{Deserialize, Serialize};

/// What was measured several times.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// None yet.
    pub(crate) const fn new() -> Samples {
        Samples(Vec::new())
    }

    /// One more.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The values in the order they came.
    pub(crate) fn values(&self) -> &[f64] {
        &self.0
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that as many are below as above; NaN when there is none.
    pub(crate) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The value below which that share of the values lies, interpolated; NaN when there is none.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else {
            return f64::NAN;
        };
        let place = percent / 100.0 * last as f64;
        let below = (place.floor() as usize).min(last);
        let above = (below + 1).min(last);
        sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
    }

    /// The smallest and the largest.
    pub(crate) fn range(&self) -> (f64, f64) {
        self.0
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(*value), high.max(*value))
            })
    }

    /// Each value divided by the one that was measured beside it.
    pub(crate) fn over(&self, other: &Samples) -> Samples {
        Samples(self.0.iter().zip(&other.0).map(|(a, b)| a / b).collect())
    }

    /// The same in another unit.
    pub(crate) fn times(&self, factor: f64) -> Samples {
        Samples(self.0.iter().map(|value| value * factor).collect())
    }

    /// Median and range, written by `write`.
    pub(crate) fn show(&self, write: impl Fn(f64) -> String) -> String {
        match self.0.len() {
            0 => "–".to_string(),
            1 => write(self.0[0]),
            _ => {
                let (low, high) = self.range();
                format!("{} [{}–{}]", write(self.median()), write(low), write(high))
            }
        }
    }
}

impl From<Vec<f64>> for Samples {
    fn from(values: Vec<f64>) -> Samples {
        Samples(values)
    }
}

/// A whole number with commas.
pub(crate) fn whole(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 {
        format!("-{text}")
    } else {
        text
    }
}

/// A share as a percentage.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

/// A multiple.
pub(crate) fn fold(value: f64) -> String {
    format!("{value:.2}×")
}

/// A number with two places.
pub(crate) fn fine(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_the_values() {
        let samples = Samples::from(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(samples.median(), 2.5);
        assert_eq!(samples.percentile(0.0), 1.0);
        assert_eq!(samples.percentile(100.0), 4.0);
        assert_eq!(samples.range(), (1.0, 4.0));
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(whole(1_234_567.4), "1,234,567");
        assert_eq!(whole(999.0), "999");
        assert_eq!(percent(0.756), "76 %");
        let samples = Samples::from(vec![1.0, 3.0, 2.0]);
        assert_eq!(samples.show(whole), "2 [1–3]");
        assert_eq!(
            samples.over(&Samples::from(vec![2.0, 2.0, 2.0])).median(),
            1.0
        );
    }
}
