//! The pure functions that every text goes through, to be counted by callgrind: `hot_functions NAME TIMES`.
#![forbid(unsafe_code)]

use herald_core::catalogue::{Surface, rule};
use herald_core::outcome::classify_response;
use herald_core::segments;
use herald_core::signature::{Verifier, sign};
use herald_core::template::Template;
use std::hint::black_box;
use std::process::ExitCode;

const TEXT: &str = "Hi Ann, \u{23f0} Water the plants is due 5 pm";
const PLAIN: &str =
    "Hi Ann, the task Water the plants is due at 5 pm. Reply STOP to get no more texts from us.";
const BASE: &str = "https://herald.example.org";
const TARGET: &str =
    "/twilio/status?m=0192f0e10000700080000000000000ff&a=1&s=00112233445566778899aabbccddeeff";
const TOKEN: &str = "00112233445566778899aabbccddeeff";
/// A status callback; none of its values needs escaping.
const FORM: [(&str, &str); 8] = [
    ("AccountSid", "AC00112233445566778899aabbccddeeff"),
    ("ApiVersion", "2010-04-01"),
    ("From", "15005550006"),
    ("MessageSid", "SM00112233445566778899aabbccddeeff"),
    ("MessageStatus", "delivered"),
    ("SmsSid", "SM00112233445566778899aabbccddeeff"),
    ("SmsStatus", "delivered"),
    ("To", "15005550100"),
];

/// Does it once.
type Work = Box<dyn Fn()>;

/// The function of that name with all it needs made ready.
fn function(name: &str) -> Option<Work> {
    let work: Work = match name {
        "render" => {
            let template = Template::parse("\u{23f0} {{task_name}} is due {{due_time}}").ok()?;
            Box::new(move || {
                let rendered = template.render(|name| match name {
                    "task_name" => Some("Water the plants".to_string()),
                    _ => Some("5 pm".to_string()),
                });
                black_box(rendered.is_ok());
            })
        }
        "segments_gsm" => Box::new(|| {
            black_box(segments::count(black_box(PLAIN)));
        }),
        "segments_ucs2" => Box::new(|| {
            black_box(segments::count(black_box(TEXT)));
        }),
        "signature" => {
            let form: Vec<(String, String)> = FORM
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .to_vec();
            let signature = sign(TOKEN, &format!("{BASE}{TARGET}"), &form);
            let body = FORM
                .map(|(name, value)| format!("{name}={value}"))
                .join("&");
            let verifier = Verifier::new(BASE, vec![TOKEN.to_string()]);
            let kind = Some("application/x-www-form-urlencoded");
            Box::new(move || {
                let verified = verifier.verify(TARGET, body.as_bytes(), kind, Some(&signature));
                assert!(black_box(verified).is_ok());
            })
        }
        "classify" => Box::new(|| {
            for (status, code) in [
                (201, None),
                (400, Some(21610)),
                (429, Some(20429)),
                (503, None),
            ] {
                black_box(classify_response(black_box(status), code));
                black_box(rule(Surface::Request, Some(status), black_box(code)));
            }
        }),
        _ => return None,
    };
    Some(work)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let times = arguments
        .next()
        .and_then(|times| times.parse::<usize>().ok());
    let (Some(work), Some(times)) = (function(&name), times) else {
        eprintln!(
            "hot_functions NAME TIMES; NAME is render, segments_gsm, segments_ucs2, signature or classify"
        );
        return ExitCode::FAILURE;
    };
    for _ in 0..times {
        work();
    }
    ExitCode::SUCCESS
}
