//! Names that a template can use: the data first, then users and attributes of the event.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use minijinja::{
    Error, State, Value,
    value::{Enumerator, Object, ObjectRepr, Serde},
};
use serde_json::{Map, Value as Json};

use super::budget::{self, Budget, BudgetHandle};
use crate::domain::{
    event::{Event, other_spelling},
    user::Person,
};

/// Names of one event, shared by the scopes of its recipients.
#[derive(Debug)]
pub struct EventScope {
    event: Arc<Event>,
    user: Option<Person>,
    actor: Option<Person>,
    /// Fields that were used, converted once for all recipients.
    converted: Mutex<HashMap<String, Option<Value>>>,
    budget: Arc<Budget>,
    budget_handle: Value,
}

impl EventScope {
    /// Builds the names of one event with what the directory knows of its user and its actor.
    #[must_use]
    pub fn new(event: &Arc<Event>, user: Option<Person>, actor: Option<Person>) -> Arc<Self> {
        let budget = Arc::new(Budget::default());
        let budget_handle = Value::from_object(BudgetHandle(Arc::clone(&budget)));
        Arc::new(Self {
            event: Arc::clone(event),
            user,
            actor,
            converted: Mutex::default(),
            budget,
            budget_handle,
        })
    }

    /// Returns the scope of one recipient.
    #[must_use]
    pub fn for_recipient(self: &Arc<Self>, recipient: Person) -> Arc<TemplateScope> {
        Arc::new(TemplateScope { shared: Arc::clone(self), recipient, group: None })
    }

    /// Returns the scope of one recipient of a group of events.
    #[must_use]
    pub fn for_group(
        self: &Arc<Self>,
        recipient: Person,
        count: i64,
        actors: &[String],
    ) -> Arc<TemplateScope> {
        let items = actors.iter().map(|name| Value::from(name.as_str())).collect();
        let budget = Arc::clone(&self.budget);
        let actors =
            Value::from_object(Names(DataList { path: "actors".to_owned(), items, budget }));
        let group = Some((Value::from(count), actors));
        Arc::new(TemplateScope { shared: Arc::clone(self), recipient, group })
    }

    fn lookup(&self, name: &str) -> Option<Value> {
        if name == budget::NAME {
            return Some(self.budget_handle.clone());
        }
        let mut converted = self.converted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = converted.get(name) {
            return known.clone();
        }
        let value = self.convert(name);
        converted.insert(name.to_owned(), value.clone());
        value
    }

    fn convert(&self, name: &str) -> Option<Value> {
        let present = |name: &str| self.event.data.get(name).filter(|value| !value.is_null());
        let field =
            present(name).or_else(|| other_spelling(name).and_then(|other| present(&other)));
        if let Some(field) = field {
            return Some(value_of(name, field, &self.budget));
        }
        let called =
            |person: &Option<Person>| person.as_ref().map(|person| Value::from(person.display()));
        let id = |person: &Option<Person>| {
            person.as_ref().map(|person| Value::from(person.user_id.as_str()))
        };
        match name {
            "actor" => self.actor.as_ref().map(|person| self.person(name, person)),
            "user" => self.user.as_ref().map(|person| self.person(name, person)),
            "event" => Some(value_of(name, &self.attributes(), &self.budget)),
            "username" => called(&self.user),
            "actor_name" => called(&self.actor),
            "user_id" => id(&self.user),
            "actor_id" => id(&self.actor),
            "time" => Some(Value::from(self.event.time.to_rfc3339())),
            // The fields of an object `data` are among the others; publishers name them as sent.
            "data" => Some(Value::from_object(data_map(name, &self.event.data, &self.budget))),
            _ => None,
        }
    }

    fn person(&self, name: &str, person: &Person) -> Value {
        // A type of this crate with string keys always serializes.
        value_of(name, &serde_json::to_value(person).unwrap_or_default(), &self.budget)
    }

    /// Attributes of the event, as `{event.time}` reaches them.
    fn attributes(&self) -> Json {
        let event = &self.event;
        serde_json::json!({
            "id": event.id, "name": event.name, "type": event.code, "code": event.code,
                "source": event.source,
            "time": event.time, "user_id": event.user_id, "actor_id": event.actor_id,
        })
    }
}

/// Names of one event for one recipient.
#[derive(Debug)]
pub struct TemplateScope {
    shared: Arc<EventScope>,
    recipient: Person,
    /// Number of events and names of the actors of a group.
    group: Option<(Value, Value)>,
}

impl TemplateScope {
    /// Returns the budget of the renderings with this scope.
    pub(super) fn budget(&self) -> &Budget {
        &self.shared.budget
    }
}

impl Object for TemplateScope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match (&self.group, name) {
            (Some((count, _)), "count") => return Some(count.clone()),
            (Some((_, actors)), "actors") => return Some(actors.clone()),
            _ => {}
        }
        // The data takes precedence over other names.
        let value = self
            .shared
            .lookup(name)
            .or_else(|| (name == "recipient").then(|| self.shared.person(name, &self.recipient)));
        if value.is_none() {
            self.budget().set_missing(Some(name.to_owned()));
        }
        value
    }
}

/// Converts a value of the data; access to nested objects and lists is charged to the budget.
fn value_of(path: &str, value: &Json, budget: &Arc<Budget>) -> Value {
    match value {
        Json::Object(map) => Value::from_object(data_map(path, map, budget)),
        Json::Array(list) => {
            let items = list.iter().map(|item| value_of(path, item, budget)).collect();
            let path = path.to_owned();
            Value::from_object(DataList { path, items, budget: Arc::clone(budget) })
        }
        // JSON null counts as missing.
        Json::Null => Value::UNDEFINED,
        other => Value::from(Serde(other)),
    }
}

/// Converts an object of the data. A member that is null counts as missing.
fn data_map(path: &str, map: &Map<String, Json>, budget: &Arc<Budget>) -> DataMap {
    let converted = |(name, value): (&String, &Json)| {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        Some((name.clone(), (!value.is_null()).then(|| value_of(&below, value, budget))?))
    };
    let entries = map.iter().filter_map(converted).collect();
    DataMap { path: path.to_owned(), entries, budget: Arc::clone(budget) }
}

/// Returns the names that a template of an e-mail can use; `content` is the text within a layout.
#[must_use]
pub fn mail_scope(names: &Map<String, Json>, content: Option<&str>) -> Value {
    let budget = Arc::new(Budget::default());
    let mut scope = data_map("", names, &budget);
    let handle = Value::from_object(BudgetHandle(Arc::clone(&budget)));
    scope.entries.insert(budget::NAME.to_owned(), handle);
    if let Some(content) = content {
        scope.entries.insert("content".to_owned(), Value::from_safe_string(content.to_owned()));
    }
    Value::from_object(scope)
}

/// Returns the budget of the names of an e-mail.
pub(super) fn mail_budget(scope: &Value) -> Option<&Budget> {
    scope.downcast_object_ref::<DataMap>().map(|map| &*map.budget)
}

/// Object of the data, which records missing names.
#[derive(Debug)]
struct DataMap {
    /// Path in the data, such as `order.customer`.
    path: String,
    entries: BTreeMap<String, Value>,
    budget: Arc<Budget>,
}

impl Object for DataMap {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if let Err(error) = self.budget.charge(1) {
            return Some(Value::from(error));
        }
        let found = self
            .entries
            .get(name)
            .or_else(|| other_spelling(name).and_then(|other| self.entries.get(&other)))
            .cloned();
        if found.is_none() {
            let path = match self.path.as_str() {
                "" => name.to_owned(),
                path => format!("{path}.{name}"),
            };
            self.budget.set_missing(Some(path));
        }
        found
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.entries.keys().map(|key| Value::from(key.as_str())).collect())
    }
}

/// List of the data.
#[derive(Debug)]
struct DataList {
    /// Path in the data; empty for a list that a filter returned.
    path: String,
    items: Vec<Value>,
    budget: Arc<Budget>,
}

impl DataList {
    fn item(&self, key: &Value) -> Option<Value> {
        let index = key.as_usize()?;
        let item = self.items.get(index)?;
        if item.is_undefined() {
            self.budget.set_missing(Some(format!("{}[{index}]", self.path)));
        }
        match self.budget.charge(1) {
            Ok(()) => Some(item.clone()),
            Err(error) => Some(Value::from(error)),
        }
    }
}

impl Object for DataList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.item(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items.len())
    }
}

/// Names of people, which are inserted with commas between them.
#[derive(Debug)]
pub(super) struct Names(DataList);

impl Object for Names {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.item(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.items.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.items.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{item}")?;
        }
        Ok(())
    }
}

/// Wraps a list returned by a filter, so that visiting its elements is charged to the budget.
///
/// # Errors
/// When it has too many elements, or the budget is used up.
pub(super) fn counted(state: &State<'_, '_>, list: &Value) -> Result<Value, Error> {
    let handle = state.lookup(budget::NAME);
    let Some(BudgetHandle(budget)) =
        handle.as_ref().and_then(|handle| handle.downcast_object_ref())
    else {
        return Ok(list.clone());
    };
    let mut items = Vec::new();
    for item in list.try_iter()? {
        budget.charge(1)?;
        items.push(item);
    }
    Ok(Value::from_object(DataList { path: String::new(), items, budget: Arc::clone(budget) }))
}
