//! One table for the errors of a backend: variant, class and message.

use std::fmt;

use crate::error::{ErrorClass, KeyError};

/// An error of a backend.
pub trait BackendError: fmt::Display {
    /// What follows from it.
    fn class(&self) -> ErrorClass;

    /// The variant's name.
    fn code(&self) -> &'static str;
}

impl<E: BackendError> From<E> for KeyError {
    fn from(error: E) -> Self {
        Self {
            code: error.code(),
            ..Self::new(error.class(), error.to_string())
        }
    }
}

/// Defines the errors of a backend: `Variant { fields } => class, "message";`.
macro_rules! key_errors {
    (
        $(#[$doc:meta])*
        $visibility:vis enum $name:ident {
            $(
                $variant:ident $({ $($field:ident: $type:ty),* $(,)? })?
                    => $class:expr, $message:literal;
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        #[allow(missing_docs, reason = "the message shows what a variant or field is")]
        $visibility enum $name {
            $(
                #[error($message)]
                $variant $({ $($field: $type),* })?,
            )*
        }

        impl $crate::key_errors::BackendError for $name {
            #[allow(unused_variables, reason = "few classes depend on a field")]
            fn class(&self) -> $crate::error::ErrorClass {
                match self {
                    $(Self::$variant $({ $($field),* })? => $class,)*
                }
            }

            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant $({ $($field: _),* })? => stringify!($variant),)*
                }
            }
        }
    };
}
pub(crate) use key_errors;
