//! The core of delivery, in stories and tables, and in random lives against an obvious model.

mod failing;
mod hearing;
mod life;
mod random;
mod requests;
mod routes;
mod stage;
mod table;
