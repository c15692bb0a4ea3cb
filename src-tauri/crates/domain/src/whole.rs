//! Whole numbers as JSON has them: `60` and `60.0` are the same number, and
//! some agents' JSON libraries write the latter.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// Reads a whole number that fits.
pub(crate) fn required<'de, D: Deserializer<'de>>(source: D) -> Result<u32, D::Error> {
    whole(f64::deserialize(source)?)
}

/// Reads a whole number that fits, or null.
pub(crate) fn optional<'de, D: Deserializer<'de>>(source: D) -> Result<Option<u32>, D::Error> {
    Option::<f64>::deserialize(source)?.map(whole).transpose()
}

fn whole<E: Error>(number: f64) -> Result<u32, E> {
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        return Ok(number as u32);
    }
    Err(E::custom(format!("{number} is not a whole number from 0 to {}", u32::MAX)))
}
