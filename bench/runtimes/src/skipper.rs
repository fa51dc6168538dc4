//! Counts the requests that end in what was read; keeps only a head that has not arrived whole.

/// The answer to every request.
pub const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// Where in a stream of requests the connection stands.
#[derive(Default)]
pub struct Skipper {
    head: Vec<u8>,
    body_left: usize,
}

impl Skipper {
    /// Takes the bytes of one read; how many requests ended in it.
    pub fn feed(&mut self, mut bytes: &[u8]) -> usize {
        let mut ended = 0;
        while !bytes.is_empty() {
            if self.body_left > 0 {
                let taken = self.body_left.min(bytes.len());
                self.body_left -= taken;
                bytes = &bytes[taken..];
                ended += usize::from(self.body_left == 0);
                continue;
            }
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let Some((head, body)) = head_and_body(&self.head) else { return ended };
            bytes = &bytes[head - before..];
            self.head.clear();
            self.body_left = body;
            ended += usize::from(body == 0);
        }
        ended
    }
}

/// The length of the head and of the body it announces, once the head is whole.
fn head_and_body(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut fields);
    let status = request.parse(bytes).expect("wrk sends good requests");
    let httparse::Status::Complete(head) = status else { return None };
    let mut fields = request.headers.iter();
    let length = fields.find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let body = length.map_or(0, |field| {
        std::str::from_utf8(field.value).ok().and_then(|text| text.parse().ok()).expect("a length")
    });
    Some((head, body))
}
