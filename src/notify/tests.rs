//! The core of delivery, in stories and tables, and in random lives against an obvious model.

mod clock;
mod digests;
mod failing;
mod first_pass;
mod forgotten;
mod hearing;
mod life;
mod random;
mod requests;
mod routes;
mod stage;
mod standing;
mod table;
