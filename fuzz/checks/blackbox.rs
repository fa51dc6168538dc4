//! Answers that probes read: DNS messages and certificates.

use exporters::blackbox::certificate::Certificate;
use exporters::blackbox::dns::message::Message;

pub fn check(bytes: &[u8]) {
    if let Some(message) = Message::read(bytes) {
        let sections = [&message.answers, &message.authorities, &message.additionals];
        let records: usize = sections.iter().map(|it| it.len()).sum();
        // The head of a record alone has 11 bytes.
        assert!(records * 11 <= bytes.len());
        for record in sections.into_iter().flatten() {
            assert!(4 <= record.matches('\t').count());
            assert!(!record.contains('\0') && !record.contains('\n'));
        }
    }
    if let Some(certificate) = Certificate::read(bytes) {
        // Each byte becomes three of UTF-8 at most, and one may be escaped.
        assert!(certificate.subject.len() <= bytes.len() * 20);
        assert!(certificate.dns_names.len() <= bytes.len() * 4);
    }
}
