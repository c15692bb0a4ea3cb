//! Lines of at most a given length from a byte stream.
//!
//! A line that is too long is skipped to its end and reported, so that one bad
//! frame never ends the conversation. What a line means is not its business.

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A line, without its end.
    Line(Vec<u8>),
    /// A line of more than the allowed length, skipped.
    TooLong,
    /// The other end has closed.
    End,
}

/// Reads the next line of at most `limit` bytes; empty lines are passed over.
pub async fn read<R: AsyncBufRead + Unpin>(reader: &mut R, limit: usize) -> std::io::Result<Frame> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            // An unfinished line is no line: its sender may have died in it.
            return Ok(Frame::End);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = end.map_or(chunk, |at| chunk.get(..at).unwrap_or_default());
        if line.len() + part.len() > limit {
            too_long = true;
            line = Vec::new();
        } else if !too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            if too_long {
                return Ok(Frame::TooLong);
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Ok(Frame::Line(line));
            }
            line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    async fn frames(input: &[u8], limit: usize, buffer: usize) -> Vec<Frame> {
        let mut reader = BufReader::with_capacity(buffer, input);
        let mut found = Vec::new();
        loop {
            let frame = read(&mut reader, limit).await.expect("memory");
            if frame == Frame::End {
                return found;
            }
            found.push(frame);
        }
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_are_found_whatever_the_chunks() {
        for buffer in 1..12 {
            assert_eq!(
                frames(b"one\r\n\n  \ntwo\nthree\nunfinished", 20, buffer).await,
                [line("one"), line("two"), line("three")]
            );
        }
    }

    #[tokio::test]
    async fn a_long_line_is_reported_once_and_the_next_is_read() {
        for buffer in 1..12 {
            assert_eq!(
                frames(b"0123456789\nshort\n01234567890123456789\nend\n", 5, buffer).await,
                [Frame::TooLong, line("short"), Frame::TooLong, line("end")]
            );
        }
    }

    #[tokio::test]
    async fn the_limit_itself_is_allowed() {
        assert_eq!(frames(b"12345\n123456\n", 5, 4).await, [line("12345"), Frame::TooLong]);
    }
}
