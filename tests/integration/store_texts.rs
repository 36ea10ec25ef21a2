//! Translations and e-mails of types, and the languages of the directory, on every store.

use crate::store::{NOW, user};
use crate::store_directory::kind;
use lonceng::{
    domain::{
        catalog::{Catalog, EmailTexts, LocalTexts, TextsByLocale, TypeRow},
        user::{Person, PersonPatch},
    },
    store::Store,
};

async fn texts_of_a_type_are_stored_and_invalid_ones_are_reported(store: Store) {
    let local = |title: &str| LocalTexts {
        title: Some(title.to_owned()),
        template: None,
        email: EmailTexts {
            html: Some("<p>\u{1f514} {x}</p>".to_owned()),
            ..EmailTexts::default()
        },
    };
    let row = TypeRow {
        translations: TextsByLocale::from([
            ("id".to_owned(), local("Judul")),
            ("pt-BR".to_owned(), local("\"Título\"")),
        ]),
        email: EmailTexts { subject: Some("About {x}".to_owned()), ..EmailTexts::default() },
        ..kind("A", "one")
    };
    store.write_config_types(std::slice::from_ref(&row), NOW).await.expect("it writes");
    assert_eq!(store.types().await.expect("it reads"), std::slice::from_ref(&row));
    let again = store.write_config_types(&[row], NOW).await.expect("it writes");
    assert_eq!(again, 0, "nothing has changed");
    // By SQL: an object of something else.
    store
        .execute_by_hand("UPDATE notification_types SET translations = '[1]', email = '{\"x\": 1}'")
        .await
        .expect("plain SQL");
    let rows = store.types().await.expect("it reads");
    let (_, bad) = Catalog::build(&rows, &[], "en");
    assert_eq!(bad[0].column, "translations", "{bad:?}");
}

async fn locales_of_the_directory_are_counted(store: Store) {
    for (id, locale) in [("a", Some("id-ID")), ("b", Some("id-ID")), ("c", Some("en")), ("d", None)]
    {
        let mut person = Person::unknown(user(id));
        person.locale = locale.map(str::to_owned);
        let patch = PersonPatch { person, set_roles: false };
        store.merge_people(&[patch], NOW).await.expect("it merges");
    }
    let expected = [("id-ID".to_owned(), 2), ("en".to_owned(), 1)];
    assert_eq!(store.locales().await.expect("it reads"), expected);
}

on_both! {
    texts_of_a_type_are_stored_and_invalid_ones_are_reported,
    locales_of_the_directory_are_counted,
}
