//! The servers and tokens that key backends talk to, as tests start them: real ones where that is
//! possible, and what goes wrong between.
//!
//! - [`OpenBao`]: a real server with TLS, storage and every auth method, set up by its own tool.
//! - [`Ministack`]: an emulator of AWS KMS, STS and IAM.
//! - [`SoftHsm`]: tokens in files, behind a shim that does wrong what it is told.
//! - [`Proxy`]: between a client and one of the servers, and does wrong what it is told.
//!
//! The programs come from the registries of Python and Debian at their first use and stay in the
//! cache folder. Wanted are Linux with `apt-get`, `setpriv`
//! and `cc`, and Python 3.11; root is not.
//!
//! Every server listens on loopback, on a free port that it keeps over restarts, and has a folder
//! of its own. It ends with its handle, and with the process however that ends. All methods block
//! and take `&self`, so that a server can be shared by tests with a runtime each; the proxy has a
//! thread of its own and answers meanwhile.

mod home;
mod http;
pub mod ministack;
pub mod openbao;
mod packages;
mod process;
pub mod proxy;
pub mod softhsm;

pub use ministack::Ministack;
pub use openbao::OpenBao;
pub use proxy::Proxy;
pub use signet_localservers::pki;
pub use softhsm::SoftHsm;
