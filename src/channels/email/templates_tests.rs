use std::fs;

use uuid::Uuid;

use super::*;
use crate::{
    domain::{
        notification::Timestamp,
        user::{Person, UserId},
    },
    store::notification_of,
    testing::draft,
};

fn message(title: &str, count: usize) -> Message {
    let user = UserId::parse("budi").expect("a user ID");
    let item = || {
        let mut item = notification_of(Uuid::nil(), &draft("budi", "It <is> there"), Timestamp(0));
        item.title = title.to_owned();
        std::sync::Arc::new(item)
    };
    Message {
        id: Uuid::nil(),
        recipient: Some(Person { locale: Some("id-ID".to_owned()), ..Person::unknown(user) }),
        items: (0..count).map(|_| item()).collect(),
        digest: count > 1,
        closes: false,
        mandatory: false,
        recipients: 1,
        browsers: Vec::new(),
        created_at: Timestamp(0),
        now: Timestamp(0),
        trace: None,
    }
}

fn templates(files: &[(&str, &str)]) -> Result<EmailTemplates, ConfigError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it is writable");
        fs::write(path, text).expect("it is writable");
    }
    EmailTemplates::read(folder.path(), "en")
}

#[test]
fn templates_are_found_by_code_and_language_within_the_layout() {
    let code = message("x", 1).items[0].type_code.clone();
    let files = [
        (format!("email/{code}.subject.txt"), "About {title}"),
        (format!("id/email/{code}.html"), "<p>{message}</p>"),
        ("email/layout.html".to_owned(), "<main>{content}</main><p>The Shop {title}</p>"),
        (
            "email/digest.txt".to_owned(),
            "{count}: {% for item in items %}{item.title} {% endfor %}",
        ),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (n.as_str(), *t)).collect();
    let templates = templates(&files).expect("they are valid");
    let one = templates.render(&message("A\r\nBcc: all <b>", 1), &Catalog::default(), "", None);
    assert_eq!(one.subject, "About A Bcc: all <b>");
    assert_eq!(
        one.html,
        "<main><p>It &lt;is&gt; there</p></main><p>The Shop A\r\nBcc: all &lt;b&gt;</p>"
    );
    let digest = templates.render(&message("A", 2), &Catalog::default(), "", None);
    assert_eq!((digest.text.as_str(), digest.subject.as_str()), ("2: A A ", "2 notifikasi baru"));
}

#[test]
fn every_template_that_is_invalid_is_named_with_its_line() {
    let files = [
        ("email/X.txt", "{% if %}"),
        ("email/A.html", "<p>{title}</p>\n"),
        ("email/Y.html", "<p>\n{title|}\n</p>"),
        ("id/email/X.subject.txt", "{title|}"),
    ];
    let error = templates(&files).expect_err("three are invalid");
    let places: Vec<_> = error
        .problems
        .iter()
        .map(|problem| {
            let file = problem.file.as_ref().and_then(|file| file.file_name()?.to_str());
            (file.unwrap_or_default(), problem.line, problem.key.as_str())
        })
        .collect();
    let expected =
        [("X.txt", Some(1), ""), ("Y.html", Some(2), ""), ("X.subject.txt", Some(1), "")];
    assert_eq!(places, expected, "{error}");
}

#[test]
fn a_template_that_fails_is_replaced_by_the_default() {
    let code = message("x", 1).items[0].type_code.clone();
    let name = format!("email/{code}.txt");
    let templates = templates(&[(name.as_str(), "{nothing}")]).expect("it compiles");
    let sent = templates.render(&message("A", 1), &Catalog::default(), "", Some("https://u"));
    let text = &sent.text;
    assert_eq!(sent.failures.len(), 1);
    let detail = &sent.failures[0].detail;
    assert!(detail.contains("nothing") && detail.contains(&name), "{detail}");
    assert!(text.starts_with("A\nIt <is> there") && text.contains("https://u"), "{text}");
}

#[test]
fn a_long_digest_lists_what_fits_and_counts_the_others() {
    let templates = templates(&[]).expect("they are valid");
    let mut long = message("A", 5_000);
    let mut first = (*long.items[0]).clone();
    first.message = "<".repeat(4_000);
    let first = std::sync::Arc::new(first);
    long.items = (0..5_000).map(|_| std::sync::Arc::clone(&first)).collect();
    let mail = templates.render(&long, &Catalog::default(), "", None);
    assert_eq!(mail.subject, "5000 notifikasi baru");
    let shown = mail.text.matches("<<\n").count();
    assert!((20..40).contains(&shown), "{shown}");
    assert!(mail.text.ends_with(&format!("… dan {} lainnya\n", 5_000 - shown)), "{shown}");
    assert!(mail.html.contains(&format!("<p>… dan {} lainnya</p>", 5_000 - shown)));
    let many = templates.render(&message("A", 1_500), &Catalog::default(), "", None);
    assert!(many.text.ends_with("… dan 500 lainnya\n"));
    assert!(
        !templates.render(&message("A", 9), &Catalog::default(), "", None).text.contains("lainnya")
    );
}

#[test]
fn built_in_texts_are_in_the_language_of_the_recipient() {
    let templates = templates(&[]).expect("there is nothing wrong");
    let sent = |locale: &str, count: usize| {
        let mut message = message("A", count);
        let items = std::mem::take(&mut message.items).into_iter();
        message.items = items
            .map(|item| {
                let mut item = (*item).clone();
                item.action_url = Some("https://shop/1".to_owned());
                std::sync::Arc::new(item)
            })
            .collect();
        message.recipient.as_mut().expect("a recipient").locale = Some(locale.to_owned());
        templates.render(&message, &Catalog::default(), "", Some("https://u"))
    };
    let id = sent("id", 2);
    assert_eq!(id.subject, "2 notifikasi baru");
    assert!(id.text.contains("Berhenti berlangganan: https://u"), "{}", id.text);
    assert!(id.html.contains("lang=\"id\"") && id.html.contains(">Buka</a>"), "{}", id.html);
    let en = sent("de", 2);
    assert_eq!(en.subject, "2 new notifications");
    assert!(en.text.contains("Unsubscribe: https://u") && en.html.contains(">Open</a>"));
}
