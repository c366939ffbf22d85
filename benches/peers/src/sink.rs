//! A backend on the loopback that takes everything at once and counts the spans.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) spans: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

/// Starts it; gives its address.
pub(crate) fn start() -> std::io::Result<(String, Arc<Arrived>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let arrived = Arc::<Arrived>::default();
    let counts = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counts = Arc::clone(&counts);
            std::thread::spawn(move || serve(stream, &counts));
        }
    });
    Ok((address, arrived))
}

fn serve(stream: TcpStream, counts: &Arrived) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut line, mut length, mut gzip, mut traces) = (String::new(), 0, false, false);
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let lower = line.trim().to_ascii_lowercase();
            if lower.is_empty() {
                break;
            }
            traces |= lower.starts_with("post /v1/traces");
            gzip |= lower == "content-encoding: gzip";
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        writer
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
            )
            .ok()?;
        if traces {
            counts.bytes.fetch_add(length as u64, Relaxed);
            if gzip {
                let mut plain = Vec::new();
                flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
                body = plain;
            }
            // TracesData.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2.
            let spans =
                fields(&body, 1).flat_map(|resource| fields(resource, 2)).flat_map(|scope| fields(scope, 2));
            counts.spans.fetch_add(spans.count() as u64, Relaxed);
        }
    }
}

/// The messages in a field of a message of Protocol Buffers.
fn fields(mut message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while !message.is_empty() {
            let tag = varint(&mut message)?;
            match tag & 7 {
                0 => _ = varint(&mut message)?,
                1 => message = message.get(8..)?,
                2 => {
                    let length = usize::try_from(varint(&mut message)?).ok()?;
                    let (value, rest) = message.split_at_checked(length)?;
                    message = rest;
                    if tag >> 3 == wanted {
                        return Some(value);
                    }
                }
                5 => message = message.get(4..)?,
                _ => return None,
            }
        }
        None
    })
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
