//! The bytes of small, valid files: pictures, documents, sounds, archives.
//!
//! Nothing is compressed: the formats allow it, and it keeps this to what a
//! sample needs.

use std::fmt::Write as _;

/// A PNG with a pattern that differs with `seed`.
pub fn picture(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..height {
        // Each row begins with its filter: none.
        pixels.push(0);
        for x in 0..width {
            let wave = (x * x + y * seed) / 24;
            for channel in [x + seed * 5, y + wave, wave + seed * 11] {
                pixels.push((channel % 256).try_into().unwrap_or(u8::MAX));
            }
        }
    }
    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    // Eight bits a channel, RGB, deflate, standard filters, not interlaced.
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut png, *b"IHDR", &header);
    chunk(&mut png, *b"IDAT", &zlib(&pixels));
    chunk(&mut png, *b"IEND", &[]);
    png
}

/// A PDF of one page with a few lines of plain ASCII.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    let mut page = String::from("BT /F1 14 Tf 72 760 Td 20 TL\n");
    for line in lines {
        let _ = writeln!(page, "({line}) Tj T*");
    }
    page.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{page}endstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in (1..).zip(&objects) {
        let _ = writeln!(table, "{:010} 00000 n ", pdf.len());
        let _ = write!(pdf, "{number} 0 obj\n{object}\nendobj\n");
    }
    let start = pdf.len();
    let count = objects.len() + 1;
    let _ = write!(
        pdf,
        "xref\n0 {count}\n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.into_bytes()
}

/// A WAV of a plain tone: 8 kHz, mono, 16 bits.
pub fn tone(hertz: u32, seconds: u32) -> Vec<u8> {
    const RATE: u32 = 8000;
    let mut samples = Vec::new();
    for number in 0..RATE * seconds {
        // A triangle needs no sine table and sounds well enough.
        let phase = i64::from(number * hertz % RATE) * 4 / i64::from(RATE / 100);
        let height = if phase < 200 { phase - 100 } else { 300 - phase };
        let value: i16 = (height * 80).try_into().unwrap_or(i16::MAX);
        samples.extend(value.to_le_bytes());
    }
    let length = length_of(&samples);
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16_u32.to_le_bytes());
    wav.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    wav.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    wav.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    wav.extend(b"data");
    wav.extend(length.to_le_bytes());
    wav.extend(samples);
    wav
}

/// A ZIP whose members are stored as they are.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in members {
        let offset = length_of(&zip);
        // Version 1.0, no flags, stored, 1 January 2026 at noon.
        let mut common =
            [10_u16, 0, 0, 12 << 11, (46 << 9) | (1 << 5) | 1].map(u16::to_le_bytes).concat();
        common.extend(crc32(content).to_le_bytes());
        common.extend(length_of(content).to_le_bytes());
        common.extend(length_of(content).to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap_or(u16::MAX).to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        zip.extend(b"PK\x03\x04");
        zip.extend(&common);
        zip.extend(name.as_bytes());
        zip.extend(*content);
        directory.extend(b"PK\x01\x02");
        directory.extend(10_u16.to_le_bytes());
        directory.extend(&common);
        // No comment, first disk, no attributes.
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap_or(u16::MAX);
    let start = length_of(&zip);
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([count, count].map(u16::to_le_bytes).concat());
    zip.extend(length_of(&directory).to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([0; 2]);
    zip
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

fn chunk(png: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    png.extend(length_of(data).to_be_bytes());
    let mut checked = kind.to_vec();
    checked.extend(data);
    png.extend(&checked);
    png.extend(crc32(&checked).to_be_bytes());
}

/// The zlib form of bytes that are stored, not compressed.
fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = bytes.chunks(usize::from(u16::MAX)).collect();
    for (number, block) in (1..).zip(&blocks) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(number == blocks.len()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(*block);
    }
    out.extend(adler32(bytes).to_be_bytes());
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    (high << 16) | low
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_the_standard_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }

    #[test]
    fn every_offset_of_a_pdf_leads_to_its_object() {
        let file = String::from_utf8(pdf(&["One", "Two"])).expect("ASCII");
        let start: usize = file
            .rsplit("startxref\n")
            .next()
            .and_then(|rest| rest.lines().next())
            .and_then(|line| line.parse().ok())
            .expect("a number");
        assert!(file[start..].starts_with("xref\n0 6\n"));
        for (number, line) in (1..).zip(file[start..].lines().skip(3).take(5)) {
            let offset: usize = line[..10].parse().expect("an offset");
            assert!(file[offset..].starts_with(&format!("{number} 0 obj")), "{line}");
        }
    }
}
