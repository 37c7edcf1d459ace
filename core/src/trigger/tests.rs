use super::*;
use proptest::prelude::*;

const ROW: Firing = Firing {
    is_after: true,
    is_row: true,
    insert: true,
    update: false,
    delete: false,
    truncate: false,
    has_new_table: false,
    has_old_table: false,
};
const COLUMNS: [(&str, Kind); 5] = [
    ("id", Kind::Other),
    ("title", Kind::Text),
    ("assignee_id", Kind::Uuid),
    ("due_at", Kind::Time),
    ("status", Kind::Text),
];

fn new(name: &str) -> Column {
    Column {
        is_old: false,
        name: name.to_owned(),
    }
}

fn words(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_argument_is_read() {
    let (rule, faults) = Rule::parse(&[
        "task.assigned",
        "target=assignee_id",
        "actor = old.assignee_id",
        "payload=task_name:title, due_at, was:old.status",
        "dedup=id,new.status",
        "update=status",
        "scheduled_for=due_at",
        "expires_at=due_at",
        "priority=high",
    ]);
    assert_eq!(faults, []);
    assert_eq!(rule.event_type, "task.assigned");
    assert_eq!(rule.target, Some(new("assignee_id")));
    assert_eq!(
        rule.actor,
        Some(Column {
            is_old: true,
            ..new("assignee_id")
        })
    );
    assert_eq!(
        rule.payload,
        Payload::Columns(vec![
            ("task_name".to_owned(), new("title")),
            ("due_at".to_owned(), new("due_at")),
            (
                "was".to_owned(),
                Column {
                    is_old: true,
                    ..new("status")
                }
            ),
        ])
    );
    assert_eq!(rule.dedup, [new("id"), new("status")]);
    assert_eq!(rule.update, ["status"]);
    assert_eq!(rule.priority, Some(Priority::High));
    let update = Firing {
        insert: false,
        update: true,
        ..ROW
    };
    assert_eq!(rule.faults(update, kind_of), []);
    assert_eq!(
        Rule::parse(&["x", "payload=*"]).0.payload,
        Payload::WholeRow
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let none: [&str; 0] = [];
    assert_eq!(Rule::parse(&none).1, [Fault::NoEventType]);
    let (_, faults) = Rule::parse(&[
        "x",
        "title",
        "colour=red",
        "target=",
        "payload=a,,b",
        "payload=*",
        "dedup=old.",
        "priority=extreme",
    ]);
    assert_eq!(
        words(&faults),
        [
            "argument \"title\" is none of target, actor, payload, dedup, update, scheduled_for, expires_at, priority, written name=value",
            "argument \"colour=red\" is none of target, actor, payload, dedup, update, scheduled_for, expires_at, priority, written name=value",
            "argument target has an empty name in its value",
            "argument payload has an empty name in its value",
            "argument payload is given twice",
            "argument dedup has an empty name in its value",
            "\"extreme\" is no priority: urgent, high, normal or low",
        ]
    );
}

#[test]
fn what_does_not_fit_the_table_is_said() {
    let (rule, _) = Rule::parse(&[
        "x",
        "target=id",
        "actor=nobody",
        "scheduled_for=title",
        "payload=x:gone,gone",
        "dedup=old.status",
    ]);
    assert_eq!(
        words(&rule.faults(ROW, kind_of)),
        [
            "after INSERT there is no old row for \"old.status\"",
            "there is no column \"gone\"",
            "there is no column \"nobody\"",
            "column \"id\" of argument target holds no user id",
            "column \"title\" of argument scheduled_for holds no time",
        ]
    );
}

#[test]
fn what_does_not_fit_the_firing_is_said() {
    let rule = Rule::parse(&["x", "update=status"]).0;
    let faults = |firing| rule.faults(firing, kind_of);
    assert_eq!(
        faults(Firing {
            is_after: false,
            ..ROW
        }),
        [Fault::NotAfter]
    );
    let statement = Firing {
        is_row: false,
        ..ROW
    };
    assert_eq!(faults(statement), [Fault::NoTransition("NEW")]);
    assert_eq!(
        faults(Firing {
            has_new_table: true,
            ..statement
        }),
        []
    );
    let update = Firing {
        insert: false,
        update: true,
        has_new_table: true,
        ..statement
    };
    assert_eq!(faults(update), [Fault::NoTransition("OLD")]);
    assert_eq!(
        faults(Firing {
            has_old_table: true,
            ..update
        }),
        []
    );
    let delete = Firing {
        insert: false,
        delete: true,
        ..statement
    };
    assert_eq!(faults(delete), [Fault::NoTransition("OLD")]);
    assert_eq!(
        faults(Firing {
            insert: false,
            truncate: true,
            ..statement
        }),
        [Fault::Truncate]
    );
}

fn kind_of(name: &str) -> Option<Kind> {
    let (_, kind) = COLUMNS.iter().find(|(known, _)| *known == name)?;
    Some(*kind)
}

proptest! {
    #[test]
    fn reading_never_panics(arguments in proptest::collection::vec("(target|payload|dedup|x)?[=:,.*a ]{0,6}", 0..6)) {
        let (rule, _) = Rule::parse(&arguments);
        rule.faults(ROW, kind_of);
    }
}
