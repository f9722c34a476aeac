//! Values that something beside them names: a key, a label, a column, a sentence.

pub(crate) mod assign;
pub(crate) mod benign;
pub(crate) mod calls;
pub(crate) mod cookies;
pub(crate) mod elements;
pub(crate) mod files;
pub(crate) mod ledgers;
pub(crate) mod lines;
pub(crate) mod logins;
pub(crate) mod manifests;
pub(crate) mod members;
pub(crate) mod named;
pub(crate) mod pem;
pub(crate) mod placeholders;
pub(crate) mod prose;
pub(crate) mod records;
pub(crate) mod schemes;
pub(crate) mod spaced;
pub(crate) mod sql;
pub(crate) mod value;
pub(crate) mod worded;
