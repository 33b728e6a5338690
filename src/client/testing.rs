//! Fakes for the tests of the clients.
