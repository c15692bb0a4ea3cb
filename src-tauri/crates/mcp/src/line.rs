//! Lines from a stream, with their ends, as the bytes they are.
//!
//! A line without an end is a line when the stream ends: a reader at the other
//! side may take it for one. What a line means is not its business.

use std::io::{self, BufRead, Read};

/// The longest line that is looked into.
pub const LONGEST: usize = 32 * 1024 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line with its end.
    Whole(Vec<u8>),
    /// The beginning of one that is too long; the rest is still to be read.
    Begun(Vec<u8>),
    /// Nothing more.
    End,
}

/// Reads a line of `limit` bytes at most.
pub fn next(from: &mut impl BufRead, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX);
    from.by_ref().take(bound).read_until(b'\n', &mut line)?;
    Ok(match line.last() {
        None => Line::End,
        Some(b'\n') => Line::Whole(line),
        Some(_) if line.len() < limit => Line::Whole(line),
        Some(_) => Line::Begun(line),
    })
}

/// Reads the rest of a line that is too long, piece by piece.
pub fn rest(
    from: &mut impl BufRead,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    loop {
        let chunk = from.fill_buf()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        each(part)?;
        let used = part.len();
        from.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn lines(input: &[u8], limit: usize, buffer: usize) -> Vec<Line> {
        let mut from = BufReader::with_capacity(buffer, input);
        let mut found = Vec::new();
        loop {
            match next(&mut from, limit).expect("memory") {
                Line::End => return found,
                Line::Begun(mut begun) => {
                    rest(&mut from, |part| {
                        begun.extend_from_slice(part);
                        Ok(())
                    })
                    .expect("memory");
                    found.push(Line::Begun(begun));
                }
                whole @ Line::Whole(_) => found.push(whole),
            }
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[test]
    fn no_byte_is_lost_whatever_the_chunks() {
        for buffer in 1..12 {
            assert_eq!(
                lines(b"one\r\n\n0123456789\nend", 6, buffer),
                [
                    whole("one\r\n"),
                    whole("\n"),
                    Line::Begun(b"0123456789\n".to_vec()),
                    whole("end")
                ]
            );
        }
    }

    #[test]
    fn a_line_of_just_the_limit_is_whole() {
        assert_eq!(lines(b"12345\n1\n", 6, 4), [whole("12345\n"), whole("1\n")]);
    }
}
