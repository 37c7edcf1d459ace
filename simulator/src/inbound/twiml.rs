//! The answer to an inbound webhook: TwiML, or a plain text that is sent back as it is.
//!
//! Source: <https://www.twilio.com/docs/messaging/twiml>.

use roxmltree::{Document, Node};

/// Most messages one answer may ask for.
const MAX_MESSAGES: usize = 10;

/// A reply that the webhook asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// `to`, when it is not the person who wrote.
    pub(super) to: Option<String>,
    /// `from`, when it is not the number that was written to.
    pub(super) from: Option<String>,
    pub(super) body: String,
    pub(super) media: Vec<String>,
    /// `statusCallback`.
    pub(super) status_callback: Option<String>,
}

/// What an answer asks for, and what Twilio would complain about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) replies: Vec<Reply>,
    /// Codes of warnings: 12200 for a verb that is unknown, 14103 for a message without content, 14109 for too many.
    pub(super) warnings: Vec<i32>,
}

/// Reads an answer with status 2xx. Error: 12300 for a content type that is none of Twilio's, 12100 for what is not TwiML.
pub(super) fn read(content_type: Option<&str>, body: &str) -> Result<Answer, i32> {
    let text = body.trim();
    if text.is_empty() {
        return Ok(Answer::default());
    }
    let media_type = content_type
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match &*media_type {
        "text/xml" | "application/xml" | "text/html" => parse(text).ok_or(12100),
        "text/plain" => Ok(Answer {
            replies: vec![Reply {
                body: text.to_owned(),
                ..Reply::default()
            }],
            warnings: Vec::new(),
        }),
        _ => Err(12300),
    }
}

fn parse(text: &str) -> Option<Answer> {
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "Response" {
        return None;
    }
    let mut answer = Answer::default();
    for verb in root.children().filter(Node::is_element) {
        if !matches!(verb.tag_name().name(), "Message" | "Sms") {
            answer.warnings.push(12200);
            continue;
        }
        let reply = message(verb);
        if reply.body.is_empty() && reply.media.is_empty() {
            answer.warnings.push(14103);
        } else if answer.replies.len() == MAX_MESSAGES {
            answer.warnings.push(14109);
            break;
        } else {
            answer.replies.push(reply);
        }
    }
    Some(answer)
}

fn message(verb: Node<'_, '_>) -> Reply {
    let attribute = |name| {
        let value = verb.attribute(name).filter(|value| !value.is_empty());
        value.map(str::to_owned)
    };
    let nested = |name: &'static str| {
        verb.children()
            .filter(move |node| node.has_tag_name(name))
            .map(|node| text_of(node).trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let mut body: Vec<_> = nested("Body").collect();
    if body.is_empty() {
        // Text directly in the verb, without what belongs to nested nouns.
        let own: String = verb
            .children()
            .filter(Node::is_text)
            .filter_map(|node| node.text())
            .collect();
        body.push(own.trim().to_owned());
    }
    Reply {
        to: attribute("to"),
        from: attribute("from"),
        body: body.join("\n"),
        media: nested("Media").collect(),
        status_callback: attribute("statusCallback"),
    }
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|node| node.text())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(body: &str) -> Result<Answer, i32> {
        read(Some("text/xml; charset=utf-8"), body)
    }

    fn bodies(answer: &Answer) -> Vec<&str> {
        answer.replies.iter().map(|reply| &*reply.body).collect()
    }

    #[test]
    fn nothing_is_an_answer() {
        for body in ["", " \n", "<Response/>", "<Response></Response>"] {
            assert_eq!(xml(body), Ok(Answer::default()), "{body}");
        }
        assert_eq!(read(None, ""), Ok(Answer::default()));
    }

    #[test]
    fn messages_are_read_in_both_forms() {
        let answer = xml(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
             <Response><Message>One &amp; only 😜</Message>\
             <Message to=\"+14155550101\" from=\"+15005550007\" statusCallback=\"http://a.example/s\">\
             <Body>Two</Body><Media>https://a.example/1.png</Media></Message></Response>",
        )
        .unwrap();
        assert_eq!(bodies(&answer), ["One & only 😜", "Two"]);
        let second = &answer.replies[1];
        assert_eq!(second.to.as_deref(), Some("+14155550101"));
        assert_eq!(second.from.as_deref(), Some("+15005550007"));
        assert_eq!(second.media, ["https://a.example/1.png"]);
        assert_eq!(
            second.status_callback.as_deref(),
            Some("http://a.example/s")
        );
        assert!(answer.warnings.is_empty());
    }

    #[test]
    fn a_plain_text_is_the_reply() {
        let answer = read(Some("text/plain"), "Hello\n").unwrap();
        assert_eq!(bodies(&answer), ["Hello"]);
    }

    #[test]
    fn what_cannot_be_read_has_a_code() {
        assert_eq!(read(Some("application/json"), "{}"), Err(12300));
        assert_eq!(read(None, "<Response/>"), Err(12300));
        for wrong in [
            "<Response>",
            "hello",
            "<Message>hi</Message>",
            "<!DOCTYPE a [<!ENTITY b 'c'>]><Response>&b;</Response>",
        ] {
            assert_eq!(xml(wrong), Err(12100), "{wrong}");
        }
    }

    #[test]
    fn what_is_odd_is_a_warning() {
        let odd = xml("<Response><Say>hi</Say><Message/><Message>ok</Message></Response>").unwrap();
        assert_eq!(
            (bodies(&odd), &*odd.warnings),
            (vec!["ok"], [12200, 14103].as_slice())
        );
        let many = format!("<Response>{}</Response>", "<Message>x</Message>".repeat(11));
        let many = xml(&many).unwrap();
        assert_eq!((many.replies.len(), many.warnings), (10, vec![14109]));
    }
}
