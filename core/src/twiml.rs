//! TwiML, the answer to a text that came in (<https://www.twilio.com/docs/messaging/twiml>).

/// Content type of an answer in TwiML.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The document that makes Twilio send `reply` back, or nothing.
pub fn messaging_response(reply: Option<&str>) -> String {
    let message = reply.map_or_else(String::new, |text| {
        format!("<Message>{}</Message>", escaped(text))
    });
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>{message}</Response>")
}

/// Character data: markup is escaped, and what XML 1.0 cannot hold at all is left out.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\t' | '\n' => xml.push(character),
            '\r' => xml.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => {}
            control if control < ' ' => {}
            other => xml.push(other),
        }
    }
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_or_nothing() {
        let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        assert_eq!(
            messaging_response(None),
            format!("{head}<Response></Response>")
        );
        assert_eq!(
            messaging_response(Some("Msg & data <rates>\u{0}\u{8} \u{1f389}")),
            format!(
                "{head}<Response><Message>Msg &amp; data &lt;rates&gt; \u{1f389}</Message></Response>"
            )
        );
    }
}
