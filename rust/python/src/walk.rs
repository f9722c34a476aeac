//! Python objects as a source of the walk.
//!
//! Objects are walked by what they hold and never by their `repr`: dataclasses, models and mappings key by key, so
//! that keys decide; what is unknown becomes the name of its type. Code of the objects themselves may run here and
//! may fail or record again: no lock is held, and a failure becomes a marker.

use crate::ffi;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString, PyTuple,
    PyType,
};
use std::cell::RefCell;
use std::collections::HashMap;
use t800_core::assemble::{Number, Value};
use t800_core::encode::{Encoder, Enter};

/// A Python object as the value of an event's field.
#[derive(Clone, Copy)]
pub struct PyValue<'a, 'py>(pub Borrowed<'a, 'py, PyAny>);

impl Value for PyValue<'_, '_> {
    fn encode(self, encoder: &mut Encoder<'_>) {
        Walk::ROOT.value(encoder, &self.0);
    }

    fn encode_entries(self, encoder: &mut Encoder<'_>) {
        Walk::ROOT.entries(encoder, &self.0);
    }

    fn is_mapping(self) -> bool {
        is_mapping(&self.0)
    }

    fn is_null(self) -> bool {
        self.0.is_none()
    }

    fn number(self) -> Option<Number> {
        if self.0.cast::<PyBool>().is_ok() {
            return None;
        }
        if let Ok(float) = self.0.cast::<PyFloat>() {
            return Some(Number::Float(float.extract().ok()?));
        }
        let int = self.0.cast::<PyInt>().ok()?;
        int.extract().map(Number::Int).ok()
    }

    fn flag(self) -> Option<bool> {
        self.0.cast::<PyBool>().ok().map(|flag| flag.is_true())
    }

    fn is_text(self) -> bool {
        self.0.is_instance_of::<PyString>()
    }

    fn with_text<R>(self, read: impl FnOnce(&str) -> R) -> Option<R> {
        let text = self.0.cast::<PyString>().ok()?;
        Some(match ffi::text(&text) {
            Some(text) => read(text),
            None => read(&text.to_string_lossy()),
        })
    }
}

/// How objects of a type that is none of the built-in ones are walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Key by key.
    Mapping,
    /// `str(object)`, as text.
    Text,
    /// `object.isoformat()`.
    Iso,
    /// `object.value`.
    Enum,
    /// `object.item()`: numpy's scalars.
    Item,
    /// `os.fspath(object)`.
    Path,
    /// The fields named in a tuple or mapping attribute of the type.
    Fields(&'static str),
    /// Its `__dict__`: pydantic models.
    Model,
    /// `name: message`.
    Exception,
    /// Anything else: the name of its type.
    Unknown,
}

/// Inside which containers a value stands: meeting one of them again is a cycle.
#[derive(Clone, Copy)]
struct Walk<'w> {
    /// The address of the innermost one; 0 is none.
    open: usize,
    outer: Option<&'w Walk<'w>>,
}

impl Walk<'_> {
    const ROOT: Walk<'static> = Walk { open: 0, outer: None };

    fn is_inside(self, address: usize) -> bool {
        let mut walk = self;
        while let Some(outer) = walk.outer {
            if walk.open == address {
                return true;
            }
            walk = *outer;
        }
        false
    }

    fn value(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        if let Ok(text) = value.cast::<PyString>() {
            text_value(encoder, text);
        } else if value.is_none() {
            encoder.null();
        } else if let Ok(flag) = value.cast::<PyBool>() {
            encoder.bool(flag.is_true());
        } else if let Ok(int) = value.cast::<PyInt>() {
            Walk::int(encoder, int);
        } else if let Ok(float) = value.cast::<PyFloat>() {
            encoder.float(float.extract().unwrap_or(f64::NAN));
        } else {
            self.container(encoder, value);
        }
    }

    fn container(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        let address = value.as_ptr() as usize;
        if self.is_inside(address) {
            return encoder.marker("[cycle]");
        }
        Walk { open: address, outer: Some(&self) }.inside(encoder, value);
    }

    /// Walks the container that has just been entered.
    fn inside(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        if let Ok(dict) = value.cast::<PyDict>() {
            self.object(encoder, |walk, encoder| walk.dict(encoder, dict));
        } else if let Ok(list) = value.cast::<PyList>() {
            self.list(encoder, |index| list.get_item(index).ok(), list.len());
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.tuple(encoder, tuple);
        } else if value.cast::<PySet>().is_ok() || value.cast::<PyFrozenSet>().is_ok() {
            self.iterable(encoder, value);
        } else if !bytes(encoder, value) {
            self.other(encoder, value);
        }
    }

    fn object(self, encoder: &mut Encoder<'_>, fill: impl FnOnce(Walk<'_>, &mut Encoder<'_>)) {
        if encoder.begin_object() == Enter::Walk {
            fill(self, encoder);
            encoder.end_object();
        }
    }

    fn dict(self, encoder: &mut Encoder<'_>, dict: &Bound<'_, PyDict>) {
        let mut seen = 0;
        ffi::dict_entries(dict, |key, value| {
            if encoder.full() {
                encoder.left_out(dict.len().saturating_sub(seen));
                return false;
            }
            seen += 1;
            write_key(encoder, key);
            self.value(encoder, value);
            true
        });
    }

    fn list<'py>(
        self,
        encoder: &mut Encoder<'_>,
        item: impl Fn(usize) -> Option<Bound<'py, PyAny>>,
        len: usize,
    ) {
        if encoder.begin_list() == Enter::Skip {
            return;
        }
        for index in 0..len {
            if encoder.full() {
                encoder.left_out(len - index);
                break;
            }
            // A list that other code has shortened meanwhile just ends.
            let Some(item) = item(index) else { break };
            self.value(encoder, &item);
        }
        encoder.end_list();
    }

    fn tuple(self, encoder: &mut Encoder<'_>, tuple: &Bound<'_, PyTuple>) {
        if tuple.is_exact_instance_of::<PyTuple>() {
            return self.list(encoder, |index| tuple.get_item(index).ok(), tuple.len());
        }
        // A named tuple has field names, and they decide like keys.
        match tuple.getattr("_fields").and_then(|names| Ok(names.cast_into::<PyTuple>()?)) {
            Ok(names) => self.object(encoder, |walk, encoder| {
                for (name, value) in names.iter().zip(tuple.iter()) {
                    write_key(encoder, &name);
                    walk.value(encoder, &value);
                }
            }),
            Err(_) => self.list(encoder, |index| tuple.get_item(index).ok(), tuple.len()),
        }
    }

    fn iterable(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        let Ok(items) = value.try_iter() else { return unreadable(encoder, value) };
        if encoder.begin_list() == Enter::Skip {
            return;
        }
        let mut left_out = 0;
        for item in items {
            match item {
                Ok(_) if encoder.full() => left_out += 1,
                Ok(item) => self.value(encoder, &item),
                Err(error) => {
                    swallow(value.py(), &error);
                    break;
                }
            }
        }
        if left_out > 0 {
            encoder.left_out(left_out);
        }
        encoder.end_list();
    }

    fn int(encoder: &mut Encoder<'_>, int: &Bound<'_, PyInt>) {
        if let Ok(small) = int.extract::<i64>() {
            encoder.int(small);
        } else if let Ok(large) = int.extract::<u64>() {
            encoder.uint(large);
        } else if let Ok(huge) = int.extract::<i128>() {
            encoder.number(&huge.to_string());
        } else {
            let bits = int.call_method0("bit_length").and_then(|bits| bits.extract::<u64>()).unwrap_or(0);
            encoder.marker(&format!("[integer of {bits} bits]"));
        }
    }

    fn other(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        let walked = match kind_of(&value.get_type()) {
            Kind::Mapping => {
                self.object(encoder, |walk, encoder| walk.mapping(encoder, value));
                Ok(())
            }
            Kind::Text => value.str().map(|text| text_value(encoder, &text)),
            Kind::Iso => value.call_method0("isoformat").map(|text| self.value(encoder, &text)),
            Kind::Enum => value.getattr("value").map(|inner| self.value(encoder, &inner)),
            Kind::Item => value.call_method0("item").map(|inner| self.value(encoder, &inner)),
            Kind::Path => value.call_method0("__fspath__").map(|path| self.value(encoder, &path)),
            Kind::Fields(names) => {
                self.object(encoder, |walk, encoder| walk.fields(encoder, value, names));
                Ok(())
            }
            Kind::Model => {
                self.object(encoder, |walk, encoder| walk.model(encoder, value));
                Ok(())
            }
            Kind::Exception => {
                exception(encoder, value);
                Ok(())
            }
            Kind::Unknown => {
                encoder.text(&format!("[{}]", type_name(value)));
                Ok(())
            }
        };
        if let Err(error) = walked {
            swallow(value.py(), &error);
            unreadable(encoder, value);
        }
    }

    fn mapping(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        let Ok(items) = value.call_method0("items").and_then(|items| items.try_iter()) else { return };
        for item in items {
            let entry = item.and_then(|item| item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>());
            match entry {
                Ok(_) if encoder.full() => return encoder.left_out(1),
                Ok((key, value)) => {
                    write_key(encoder, &key);
                    self.value(encoder, &value);
                }
                Err(error) => return swallow(value.py(), &error),
            }
        }
    }

    /// The entries of a mapping, for an object that is open already.
    fn entries(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        match value.cast::<PyDict>() {
            Ok(dict) => self.dict(encoder, dict),
            Err(_) => self.mapping(encoder, value),
        }
    }

    fn fields(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>, names: &'static str) {
        let Ok(names) = value.get_type().getattr(names).and_then(|names| names.try_iter()) else { return };
        for name in names.flatten() {
            // attrs lists objects with a name, dataclasses list names.
            let name = name.getattr("name").unwrap_or(name);
            let Ok(name) = name.cast_into::<PyString>() else { continue };
            if let Ok(inner) = value.getattr(&name) {
                write_key(encoder, &name);
                self.value(encoder, &inner);
            }
        }
    }

    fn model(self, encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
        for attribute in ["__dict__", "__pydantic_extra__"] {
            if let Ok(fields) = value.getattr(attribute)
                && let Ok(fields) = fields.cast::<PyDict>()
            {
                self.dict(encoder, fields);
            }
        }
    }
}

fn text_value(encoder: &mut Encoder<'_>, text: &Bound<'_, PyString>) {
    match ffi::text(text) {
        Some(text) => encoder.text(text),
        None => encoder.text(&text.to_string_lossy()),
    }
}

/// Bytes are text where they are UTF-8, else only their number is kept; false for any other object.
fn bytes(encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) -> bool {
    let owned;
    let bytes = if let Ok(bytes) = value.cast::<PyBytes>() {
        bytes.as_bytes()
    } else if let Ok(array) = value.cast::<PyByteArray>() {
        owned = array.to_vec();
        &owned
    } else {
        return false;
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => encoder.text(text),
        Err(_) => encoder.marker(&format!("[{} bytes]", bytes.len())),
    }
    true
}

fn exception(encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
    let message = value.str().map(|text| text.to_string_lossy().into_owned()).unwrap_or_default();
    encoder.text(&format!("{}: {message}", type_name(value)));
}

fn unreadable(encoder: &mut Encoder<'_>, value: &Bound<'_, PyAny>) {
    encoder.text(&format!("[unreadable {}]", type_name(value)));
}

/// The qualified name of an object's type.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().fully_qualified_name().map_or_else(|_| "object".into(), |name| name.to_string())
}

/// A failure of a value's own code: nobody's business but a Ctrl-C's.
pub fn swallow(py: Python<'_>, error: &PyErr) {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        ffi::interrupt_again(py);
    }
}

fn write_key(encoder: &mut Encoder<'_>, key: &Bound<'_, PyAny>) {
    match key.cast::<PyString>() {
        Ok(key) => match ffi::text(key) {
            Some(text) => encoder.key(text),
            None => encoder.key(&key.to_string_lossy()),
        },
        Err(_) => encoder.key(&key_text(key)),
    }
}

/// Keys that are no strings: numbers and the like as `str` shows them, anything else by its type.
fn key_text(key: &Bound<'_, PyAny>) -> String {
    let plain = key.is_none() || key.cast::<PyInt>().is_ok() || key.cast::<PyFloat>().is_ok();
    let simple = plain || key.cast::<PyTuple>().is_ok() || kind_of(&key.get_type()) != Kind::Unknown;
    match key.str() {
        Ok(text) if simple => text.to_string_lossy().into_owned(),
        _ => format!("[{}]", type_name(key)),
    }
}

thread_local! {
    /// How the types that this thread has met are walked. The types are kept alive, so addresses stay theirs.
    static KINDS: RefCell<HashMap<usize, (Py<PyType>, Kind)>> = RefCell::default();
}

/// Most types that a thread remembers; agents that make types as they go must not make us grow.
const CACHED_TYPES: usize = 1_024;

fn kind_of(class: &Bound<'_, PyType>) -> Kind {
    let address = ffi::type_address(class);
    if let Some(kind) = KINDS.with_borrow(|kinds| kinds.get(&address).map(|(_, kind)| *kind)) {
        return kind;
    }
    let kind = judge(class);
    KINDS.with_borrow_mut(|kinds| {
        if kinds.len() < CACHED_TYPES {
            kinds.insert(address, (class.clone().unbind(), kind));
        }
    });
    kind
}

/// Whether an object has keys. By its type: `isinstance` would ask the object, whose own code may fail.
pub fn is_mapping(value: &Bound<'_, PyAny>) -> bool {
    value.cast::<PyDict>().is_ok() || kind_of(&value.get_type()) == Kind::Mapping
}

fn is_mapping_type(class: &Bound<'_, PyType>) -> bool {
    static MAPPING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let mapping = MAPPING.get_or_try_init(class.py(), || {
        // Not `collections.abc`, which costs more imports.
        Ok::<_, PyErr>(class.py().import("_collections_abc")?.getattr("Mapping")?.unbind())
    });
    mapping.is_ok_and(|mapping| class.is_subclass(mapping.bind(class.py())).unwrap_or(false))
}

fn judge(class: &Bound<'_, PyType>) -> Kind {
    if is_mapping_type(class) {
        return Kind::Mapping;
    }
    let by_name = class.mro().iter().find_map(|base| named_kind(&base.cast_into::<PyType>().ok()?));
    let has = |name: &str| class.hasattr(name).unwrap_or(false);
    match by_name {
        Some(kind) => kind,
        None if has("__dataclass_fields__") => Kind::Fields("__dataclass_fields__"),
        None if has("__pydantic_fields__") || has("__pydantic_validator__") => Kind::Model,
        None if has("__attrs_attrs__") => Kind::Fields("__attrs_attrs__"),
        None if has("__struct_fields__") => Kind::Fields("__struct_fields__"),
        None if has("__fspath__") => Kind::Path,
        None => Kind::Unknown,
    }
}

fn named_kind(class: &Bound<'_, PyType>) -> Option<Kind> {
    let (module, name) = (class.module().ok()?, class.name().ok()?);
    match (module.to_str().ok()?, name.to_str().ok()?) {
        ("datetime", "date" | "time") => Some(Kind::Iso),
        ("datetime", "timedelta") | ("uuid", "UUID") | ("decimal", "Decimal") | ("fractions", "Fraction") => {
            Some(Kind::Text)
        }
        ("enum", "Enum") => Some(Kind::Enum),
        ("numpy", "generic") => Some(Kind::Item),
        ("pydantic.main", "BaseModel") => Some(Kind::Model),
        ("builtins", "BaseException") => Some(Kind::Exception),
        _ => None,
    }
}
